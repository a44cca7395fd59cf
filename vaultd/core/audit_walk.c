#include "vaultd/core/audit_walk.h"

#include <string.h>

#include "vaultd/core/audit_state.h"

void
audit_walk_init(struct audit_walk *walk, int dir, const struct audit_opener *opener)
{
	*walk = (struct audit_walk){ .dir = dir, .opener = *opener, .reader = AUDIT_READER_NONE };
}

void
audit_walk_free(struct audit_walk *walk)
{
	audit_reader_free(&walk->reader);
	secret_free(&walk->key);
	buf_free(&walk->records);
}

static enum vault_err
invalid(struct audit_walk *walk, const char *why)
{
	walk->why = why;
	return VAULT_INTEGRITY;
}

/* Opens a segment and reads its header; what the header says of other segments is not looked at. */
static enum vault_err
segment_open(struct audit_walk *walk, uint64_t segment, struct audit_reader *reader,
	     struct audit_header *header, struct secret *key)
{
	const uint8_t *p = NULL;
	size_t len;
	enum vault_err err;

	TRY(audit_reader_open(reader, walk->dir, segment));
	len = reader->size < AUDIT_HEADER_MAX ? (size_t)reader->size : AUDIT_HEADER_MAX;
	TRY(audit_reader_get(reader, 0, len, &p));
	err = audit_header_read(&walk->opener, (struct vault_bytes){ p, len }, header, key);
	if (err == VAULT_OK && header->segment != segment) {
		secret_free(key);
		return VAULT_INTEGRITY;
	}
	return err;
}

static void
segment_enter(struct audit_walk *walk, struct audit_reader *reader,
	      const struct audit_header *header, struct secret *key)
{
	audit_reader_free(&walk->reader);
	walk->reader = *reader;
	walk->header = *header;
	secret_free(&walk->key);
	secret_move(&walk->key, key);
	walk->number = 0;
	walk->head.segment = header->segment;
	walk->head.offset = header->length;
	memcpy(walk->head.hash, header->hash, SHA256_BYTES);
}

enum vault_err
audit_walk_begin(struct audit_walk *walk, uint64_t segment)
{
	struct audit_reader reader = AUDIT_READER_NONE;
	struct audit_header header;
	enum vault_err err;

	SECRET_LOCAL(key);

	err = segment_open(walk, segment, &reader, &header, &key);
	if (err != VAULT_OK) {
		audit_reader_free(&reader);
		if (err == VAULT_NOT_FOUND)
			return invalid(walk, "a segment is missing");
		return err == VAULT_INTEGRITY
			       ? invalid(walk, "a segment's header does not authenticate")
			       : err;
	}
	segment_enter(walk, &reader, &header, &key);
	walk->head.seq = header.first_seq - 1;
	walk->epoch = header.epoch;
	memcpy(walk->epoch_key, header.epoch_key, sizeof(walk->epoch_key));
	return VAULT_OK;
}

static bool
header_joins(const struct audit_walk *walk, const struct audit_header *header)
{
	return header->first_seq == walk->head.seq + 1 && header->epoch == walk->epoch &&
	       memcmp(header->epoch_key, walk->epoch_key, sizeof(walk->epoch_key)) == 0 &&
	       memcmp(header->before, walk->head.hash, SHA256_BYTES) == 0;
}

enum vault_err
audit_walk_follow(struct audit_walk *walk)
{
	struct audit_reader reader = AUDIT_READER_NONE;
	struct audit_header header;
	enum vault_err err;

	SECRET_LOCAL(key);

	err = segment_open(walk, walk->head.segment + 1, &reader, &header, &key);
	if (err == VAULT_OK && !header_joins(walk, &header))
		err = invalid(walk, "a segment does not go on where the one before it ends");
	else if (err == VAULT_INTEGRITY)
		err = invalid(walk, "a segment's header does not authenticate");
	else if (err == VAULT_NOT_FOUND)
		walk->why = "a segment is missing";
	if (err != VAULT_OK) {
		audit_reader_free(&reader);
		return err;
	}
	segment_enter(walk, &reader, &header, &key);
	return VAULT_OK;
}

static bool
zeros(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] != 0)
			return false;
	return true;
}

/* Whether the block holds the audit's signatures where, and only where, it says so; they must be
 * good. */
static bool
signatures_good(struct audit_walk *walk, const struct audit_block *block, uint64_t *epoch,
		uint8_t epoch_key[static 32])
{
	struct vault_bytes left = { walk->records.p, block->length - AUDIT_BLOCK_OVERHEAD };
	struct audit_record rec;
	size_t used;

	for (uint32_t i = 0; i < block->count; i++) {
		if (audit_record_read(left, &rec, &used) != VAULT_OK)
			return false;
		left.p += used;
		left.len -= used;
		if ((block->flags & AUDIT_FLAG_EPOCH) == 0 && rec.event == AUDIT_EVENT_EPOCH)
			return false;
	}
	return (block->flags & AUDIT_FLAG_EPOCH) == 0 ||
	       (block->count == 1 &&
		audit_epoch_follow(&rec, walk->opener.store_id, &walk->head, epoch, epoch_key));
}

static enum vault_err
block_check(struct audit_walk *walk, const struct audit_block *block, const uint8_t *p)
{
	struct audit_head next = walk->head;
	uint64_t epoch = walk->epoch;
	uint8_t epoch_key[32];

	memcpy(epoch_key, walk->epoch_key, sizeof(epoch_key));
	if (!audit_block_chained(block, p, next.hash))
		return invalid(walk, "a block's hash does not match");
	if (block->first_seq != next.seq + 1 || block->number < walk->number)
		return invalid(walk, "a block is out of sequence");
	walk->records.head = walk->records.tail = 0;
	TRY(buf_reserve(&walk->records, block->length));
	if (audit_block_open(&walk->key, block, p, walk->records.p) != VAULT_OK)
		return invalid(walk, "a block does not decrypt");
	walk->records.tail = block->length - AUDIT_BLOCK_OVERHEAD;
	if (!signatures_good(walk, block, &epoch, epoch_key))
		return invalid(walk, "an epoch's signature does not verify");
	next.offset += block->length;
	next.seq += block->count;
	walk->head = next;
	walk->number = block->number + 1;
	walk->epoch = epoch;
	memcpy(walk->epoch_key, epoch_key, sizeof(epoch_key));
	return VAULT_OK;
}

enum vault_err
audit_walk_next(struct audit_walk *walk, struct audit_block *block)
{
	uint64_t left = walk->reader.size - walk->head.offset;
	size_t want = left < AUDIT_BLOCK_HEADER ? (size_t)left : AUDIT_BLOCK_HEADER;
	struct audit_block read;
	const uint8_t *p = NULL;
	enum vault_err err;

	TRY(audit_reader_get(&walk->reader, walk->head.offset, want, &p));
	if (want == 0 || zeros(p, want))
		return VAULT_NOT_FOUND;
	if (want < AUDIT_BLOCK_HEADER || audit_block_read(p, &read) != VAULT_OK)
		return invalid(walk, "a block's header is malformed");
	err = audit_reader_get(&walk->reader, walk->head.offset, read.length, &p);
	if (err == VAULT_NOT_FOUND)
		return invalid(walk, "a block is cut off");
	TRY(err);
	TRY(block_check(walk, &read, p));
	*block = read;
	return VAULT_OK;
}

enum vault_err
audit_walk_end(struct audit_walk *walk, uint64_t *end)
{
	return audit_reader_end(&walk->reader, walk->head.offset, end);
}
