#include "vaultd/core/audit_block.h"

#include <string.h>

#include "vaultd/base/bytes.h"

#define HEADER_MAGIC "VAUDSEG1"
#define HEADER_FORMAT 1
#define BLOCK_MAGIC 0x4b4c4256 /* "VBLK" */

/* Offsets in the segment header. */
enum {
	SEG_FORMAT = 8,
	SEG_SLOTS = 10,
	SEG_LENGTH = 12,
	SEG_STORE = 16,
	SEG_NUMBER = 32,
	SEG_FIRST = 40,
	SEG_CREATED = 48,
	SEG_VOID_FIRST = 56,
	SEG_VOID_LAST = 64,
	SEG_EPOCH = 72,
	SEG_EPOCH_KEY = 80,
	SEG_BEFORE = 112,
};

/* Offsets in the block header. */
enum {
	BLOCK_LENGTH = 4,
	BLOCK_FLAGS = 8,
	BLOCK_ZERO = 10,
	BLOCK_COUNT = 12,
	BLOCK_NUMBER = 16,
	BLOCK_FIRST_SEQ = 24,
	BLOCK_FIRST_NS = 32,
	BLOCK_LAST_NS = 40,
};

static size_t
header_length(size_t slots)
{
	return AUDIT_HEADER_FIXED + slots * AUDIT_SLOT_ROW + AUDIT_HEADER_TAIL;
}

enum vault_err
audit_slot_rows_make(const struct audit_slot *slots, size_t count, const struct secret *key,
		     struct audit_slot_rows *rows)
{
	struct vault_bytes plain = { key->p, key->len };

	if (count > AUDIT_SLOTS_MAX)
		return VAULT_INTERNAL;
	memset(rows, 0, sizeof(*rows));
	for (size_t i = 0; i < count; i++) {
		uint8_t *row = rows->rows + i * AUDIT_SLOT_ROW;

		memcpy(row, slots[i].name, strnlen(slots[i].name, AUDIT_SLOT_NAME));
		TRY(box_seal(slots[i].public_key, plain, row + AUDIT_SLOT_NAME));
	}
	rows->count = count;
	return VAULT_OK;
}

void
audit_header_write(const struct audit_opener *opener, const struct audit_slot_rows *rows,
		   const struct secret *key, struct audit_header *header,
		   uint8_t out[static AUDIT_HEADER_MAX])
{
	size_t bound = AUDIT_HEADER_FIXED + rows->count * AUDIT_SLOT_ROW;
	uint8_t *nonce = out + bound, *wrapped = nonce + AEAD_NONCE_BYTES;

	header->length = (uint32_t)header_length(rows->count);
	memcpy(out, HEADER_MAGIC, SEG_FORMAT);
	put_le16(out + SEG_FORMAT, HEADER_FORMAT);
	put_le16(out + SEG_SLOTS, (uint16_t)rows->count);
	put_le32(out + SEG_LENGTH, header->length);
	memcpy(out + SEG_STORE, opener->store_id, AUDIT_STORE_ID_BYTES);
	put_le64(out + SEG_NUMBER, header->segment);
	put_le64(out + SEG_FIRST, header->first_seq);
	put_le64(out + SEG_CREATED, (uint64_t)header->created_ns);
	put_le64(out + SEG_VOID_FIRST, header->void_first);
	put_le64(out + SEG_VOID_LAST, header->void_last);
	put_le64(out + SEG_EPOCH, header->epoch);
	memcpy(out + SEG_EPOCH_KEY, header->epoch_key, sizeof(header->epoch_key));
	memcpy(out + SEG_BEFORE, header->before, SHA256_BYTES);
	memcpy(out + AUDIT_HEADER_FIXED, rows->rows, rows->count * AUDIT_SLOT_ROW);
	aead_seal(opener->wrap_key->p, nonce, (struct vault_bytes){ out, bound },
		  (struct vault_bytes){ key->p, AEAD_KEY_BYTES }, wrapped);
	sha256_once((struct vault_bytes){ out, header->length - SHA256_BYTES }, header->hash);
	memcpy(out + header->length - SHA256_BYTES, header->hash, SHA256_BYTES);
}

/* The numbers that say how long the header is, and its own hash. */
static bool
header_whole(struct vault_bytes bytes, struct audit_header *header)
{
	const uint8_t *p = bytes.p;
	uint8_t hash[SHA256_BYTES];
	size_t length;

	if (bytes.len < header_length(0) || memcmp(p, HEADER_MAGIC, SEG_FORMAT) != 0 ||
	    get_le16(p + SEG_FORMAT) != HEADER_FORMAT || get_le16(p + SEG_SLOTS) > AUDIT_SLOTS_MAX)
		return false;
	length = header_length(get_le16(p + SEG_SLOTS));
	if (length != get_le32(p + SEG_LENGTH) || length > bytes.len)
		return false;
	sha256_once((struct vault_bytes){ p, length - SHA256_BYTES }, hash);
	if (memcmp(hash, p + length - SHA256_BYTES, SHA256_BYTES) != 0)
		return false;
	header->length = (uint32_t)length;
	memcpy(header->hash, hash, SHA256_BYTES);
	return true;
}

/* The segment's key from the row that was sealed to the slot, whichever that is. */
static enum vault_err
key_by_half(const struct audit_half *half, const uint8_t *p, uint8_t *key)
{
	size_t slots = get_le16(p + SEG_SLOTS);

	for (size_t i = 0; i < slots; i++) {
		const uint8_t *row = p + AUDIT_HEADER_FIXED + i * AUDIT_SLOT_ROW;
		struct vault_bytes sealed = { row + AUDIT_SLOT_NAME,
					      AEAD_KEY_BYTES + BOX_OVERHEAD };

		if (box_open(half->public_key, &half->secret, sealed, key) == VAULT_OK)
			return VAULT_OK;
	}
	return VAULT_INTEGRITY;
}

/*
 * The segment's key behind the header's first bound bytes. Nothing says under which of the wrapping
 * keys it is: after a crash a segment may be under one that the store had replaced already.
 */
static enum vault_err
key_open(const struct secret *wrap_keys, const uint8_t *p, size_t bound,
	 const struct secret *opened)
{
	const uint8_t *nonce = p + bound;
	struct vault_bytes wrapped = { nonce + AEAD_NONCE_BYTES, AEAD_KEY_BYTES + AEAD_TAG_BYTES };
	enum vault_err err = VAULT_INTEGRITY;

	for (size_t at = 0; at < wrap_keys->len && err == VAULT_INTEGRITY; at += AEAD_KEY_BYTES)
		err = aead_open(wrap_keys->p + at, nonce, (struct vault_bytes){ p, bound }, wrapped,
				opened->p);
	return err;
}

enum vault_err
audit_header_read(const struct audit_opener *opener, struct vault_bytes bytes,
		  struct audit_header *header, struct secret *key)
{
	struct audit_header read = { 0 };
	const uint8_t *p = bytes.p;
	enum vault_err err;
	size_t bound;

	SECRET_LOCAL(opened);

	if (!header_whole(bytes, &read) ||
	    memcmp(p + SEG_STORE, opener->store_id, AUDIT_STORE_ID_BYTES) != 0)
		return VAULT_INTEGRITY;
	bound = read.length - AUDIT_HEADER_TAIL;
	TRY(secret_new(opener->arena, AEAD_KEY_BYTES, &opened));
	err = key_open(opener->wrap_key, p, bound, &opened);
	if (err == VAULT_INTEGRITY && opener->half != NULL)
		err = key_by_half(opener->half, p, opened.p);
	TRY(err);
	read.segment = get_le64(p + SEG_NUMBER);
	read.first_seq = get_le64(p + SEG_FIRST);
	read.created_ns = (int64_t)get_le64(p + SEG_CREATED);
	read.void_first = get_le64(p + SEG_VOID_FIRST);
	read.void_last = get_le64(p + SEG_VOID_LAST);
	read.epoch = get_le64(p + SEG_EPOCH);
	memcpy(read.epoch_key, p + SEG_EPOCH_KEY, sizeof(read.epoch_key));
	memcpy(read.before, p + SEG_BEFORE, SHA256_BYTES);
	*header = read;
	secret_move(key, &opened);
	return VAULT_OK;
}

static void
block_hash(const uint8_t *bytes, size_t length, const uint8_t before[static SHA256_BYTES],
	   uint8_t out[static SHA256_BYTES])
{
	struct sha256 h;

	sha256_start(&h);
	sha256_add(&h, before, SHA256_BYTES);
	sha256_add(&h, bytes, length - SHA256_BYTES);
	sha256_end(&h, out);
}

void
audit_block_seal(const struct secret *key, struct audit_block *block, struct vault_bytes records,
		 uint8_t *out, uint8_t hash[static SHA256_BYTES])
{
	block->length = (uint32_t)audit_block_length(records.len);
	put_le32(out, BLOCK_MAGIC);
	put_le32(out + BLOCK_LENGTH, block->length);
	put_le16(out + BLOCK_FLAGS, block->flags);
	put_le16(out + BLOCK_ZERO, 0);
	put_le32(out + BLOCK_COUNT, block->count);
	put_le64(out + BLOCK_NUMBER, block->number);
	put_le64(out + BLOCK_FIRST_SEQ, block->first_seq);
	put_le64(out + BLOCK_FIRST_NS, (uint64_t)block->first_ns);
	put_le64(out + BLOCK_LAST_NS, (uint64_t)block->last_ns);
	aead_seal_counter(key->p, block->number, (struct vault_bytes){ out, AUDIT_BLOCK_HEADER },
			  records, out + AUDIT_BLOCK_HEADER);
	block_hash(out, block->length, hash, hash);
	memcpy(out + block->length - SHA256_BYTES, hash, SHA256_BYTES);
}

enum vault_err
audit_block_read(const uint8_t bytes[static AUDIT_BLOCK_HEADER], struct audit_block *block)
{
	struct audit_block read = {
		.length = get_le32(bytes + BLOCK_LENGTH),
		.flags = get_le16(bytes + BLOCK_FLAGS),
		.count = get_le32(bytes + BLOCK_COUNT),
		.number = get_le64(bytes + BLOCK_NUMBER),
		.first_seq = get_le64(bytes + BLOCK_FIRST_SEQ),
		.first_ns = (int64_t)get_le64(bytes + BLOCK_FIRST_NS),
		.last_ns = (int64_t)get_le64(bytes + BLOCK_LAST_NS),
	};

	if (get_le32(bytes) != BLOCK_MAGIC || get_le16(bytes + BLOCK_ZERO) != 0 ||
	    (read.flags & ~AUDIT_FLAGS_KNOWN) != 0 ||
	    read.length < AUDIT_BLOCK_OVERHEAD + AUDIT_RECORD_FIXED ||
	    read.length > AUDIT_BLOCK_MAX)
		return VAULT_INTEGRITY;
	if (read.count == 0 ||
	    read.count > (read.length - AUDIT_BLOCK_OVERHEAD) / AUDIT_RECORD_FIXED ||
	    read.first_seq == 0 || read.first_seq > UINT64_MAX - read.count)
		return VAULT_INTEGRITY;
	*block = read;
	return VAULT_OK;
}

static bool
records_whole(struct vault_bytes records, uint32_t count)
{
	struct audit_record rec;
	size_t used;

	for (; count > 0; count--) {
		if (audit_record_read(records, &rec, &used) != VAULT_OK)
			return false;
		records.p += used;
		records.len -= used;
	}
	return records.len == 0;
}

enum vault_err
audit_block_open(const struct secret *key, const struct audit_block *block, const uint8_t *bytes,
		 uint8_t *records)
{
	size_t len = block->length - AUDIT_BLOCK_OVERHEAD;

	TRY(aead_open_counter(
		key->p, block->number, (struct vault_bytes){ bytes, AUDIT_BLOCK_HEADER },
		(struct vault_bytes){ bytes + AUDIT_BLOCK_HEADER, len + AEAD_TAG_BYTES }, records));
	return records_whole((struct vault_bytes){ records, len }, block->count) ? VAULT_OK
										 : VAULT_INTEGRITY;
}

bool
audit_block_chained(const struct audit_block *block, const uint8_t *bytes,
		    uint8_t hash[static SHA256_BYTES])
{
	uint8_t next[SHA256_BYTES];

	block_hash(bytes, block->length, hash, next);
	if (memcmp(next, bytes + block->length - SHA256_BYTES, SHA256_BYTES) != 0)
		return false;
	memcpy(hash, next, SHA256_BYTES);
	return true;
}
