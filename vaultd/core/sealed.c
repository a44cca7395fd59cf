#include "vaultd/core/sealed.h"

#include <string.h>

#include "vaultd/base/bytes.h"
#include "vaultd/crypto/aead.h"

/*
 * A row is a head, a nonce and the ciphertext with its tag. The head says format, algorithm, key
 * generation, version and revision; format 1 wrote these in 2, 4 and 8 bytes, format 2 writes each
 * in as many as it needs, seven bits to a byte, which of a million short rows saves a fifteenth.
 */
#define ROW_FORMAT_FIXED 1
#define ROW_FORMAT 2
#define ROW_ALGORITHM_XCHACHA 1
#define ROW_HEAD_FIXED 16 /* bytes of a head of format 1 */
#define ROW_HEAD_MAX 20	  /* ... and the most of format 2 */
#define ROW_AD_MAX 96

/* What a head says, and how long it is. */
struct row_head {
	uint8_t format, algorithm;
	uint16_t generation;
	uint32_t version;
	uint64_t revision;
	size_t size;
	const struct secret *key; /* of that generation */
};

void
row_keys_free(struct row_keys *keys)
{
	secret_free(&keys->record);
	secret_free(&keys->name);
	secret_free(&keys->other);
}

void
row_free(struct row *row)
{
	secret_free(&row->plain);
}

void
change_start(struct change *change, struct txn *txn)
{
	*change = (struct change){ .txn = txn };
	sha256_start(&change->rows);
}

struct row_key
row_key_of(const struct row_keys *keys, enum row_kind kind, struct vault_bytes name)
{
	struct row_key key = { .tenant = keys->tenant, .kind = (uint8_t)kind };

	name_tag(keys->name.p, key.kind, name, key.tag);
	return key;
}

struct row_key
row_key_of_version(const struct row_keys *keys, enum row_kind kind, struct vault_text name,
		   uint32_t version)
{
	uint8_t bytes[NAME_MAX_LEN + 5];

	memcpy(bytes, name.p, name.len);
	bytes[name.len] = 0;
	put_le32(bytes + name.len + 1, version);
	return row_key_of(keys, kind, (struct vault_bytes){ bytes, name.len + 5 });
}

static uint8_t *
put_short(uint8_t *p, uint64_t v)
{
	for (; v > 0x7f; v >>= 7)
		*p++ = (uint8_t)(v | 0x80);
	*p++ = (uint8_t)v;
	return p;
}

/* Of at most max; NULL where there is none at p. */
static const uint8_t *
get_short(const uint8_t *p, const uint8_t *end, uint64_t max, uint64_t *v)
{
	uint64_t n = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		if (p == end || (shift == 63 && *p > 1))
			return NULL;
		n |= (uint64_t)(*p & 0x7f) << shift;
		if ((*p++ & 0x80) == 0) {
			*v = n;
			return n <= max ? p : NULL;
		}
	}
	return NULL;
}

/* The head of a row that is to be written, and its bytes. */
static struct row_head
head_write(const struct row_keys *keys, const struct row *row, uint8_t bytes[static ROW_HEAD_MAX])
{
	uint8_t *p = bytes;

	*p++ = ROW_FORMAT;
	*p++ = ROW_ALGORITHM_XCHACHA;
	p = put_short(p, keys->generation);
	p = put_short(p, row->version);
	p = put_short(p, row->revision);
	return (struct row_head){ .format = ROW_FORMAT,
				  .algorithm = ROW_ALGORITHM_XCHACHA,
				  .generation = keys->generation,
				  .version = row->version,
				  .revision = row->revision,
				  .size = (size_t)(p - bytes),
				  .key = &keys->record };
}

/* What opens a row of that generation; NULL where nothing does. */
static const struct secret *
key_of(const struct row_keys *keys, uint16_t generation)
{
	if (generation == keys->generation)
		return &keys->record;
	return generation != 0 && generation == keys->other_generation ? &keys->other : NULL;
}

static bool
head_read_short(struct vault_bytes sealed, struct row_head *head)
{
	const uint8_t *p = sealed.p + 2, *end = sealed.p + sealed.len;
	uint64_t generation, version, revision;

	p = get_short(p, end, UINT16_MAX, &generation);
	if (p != NULL)
		p = get_short(p, end, UINT32_MAX, &version);
	if (p != NULL)
		p = get_short(p, end, UINT64_MAX, &revision);
	if (p == NULL)
		return false;
	head->generation = (uint16_t)generation;
	head->version = (uint32_t)version;
	head->revision = revision;
	head->size = (size_t)(p - sealed.p);
	return true;
}

/* Whether it is a row that these keys may open, and of more than nothing. */
static bool
head_read(const struct row_keys *keys, struct vault_bytes sealed, struct row_head *head)
{
	if (sealed.len < ROW_HEAD_FIXED || sealed.p[1] != ROW_ALGORITHM_XCHACHA)
		return false;
	head->format = sealed.p[0];
	head->algorithm = sealed.p[1];
	if (head->format == ROW_FORMAT_FIXED) {
		head->generation = get_le16(sealed.p + 2);
		head->version = get_le32(sealed.p + 4);
		head->revision = get_le64(sealed.p + 8);
		head->size = ROW_HEAD_FIXED;
	} else if (head->format != ROW_FORMAT || !head_read_short(sealed, head)) {
		return false;
	}
	head->key = key_of(keys, head->generation);
	return head->key != NULL && sealed.len > head->size + AEAD_NONCE_BYTES + AEAD_TAG_BYTES;
}

static uint8_t *
put_part(uint8_t *p, const void *part, uint8_t len)
{
	*p++ = len;
	return put_bytes(p, part, len);
}

/*
 * Everything that must not change about where a row stands, each part behind its length. What the
 * head says has its full width here, however it was written.
 */
static size_t
row_ad(const struct row_keys *keys, const struct row_key *key, const struct row_head *head,
       uint8_t ad[static ROW_AD_MAX])
{
	const uint8_t form[2] = { head->format, head->algorithm };
	uint8_t tenant[4], version[4], generation[2], revision[8];
	uint8_t *p = ad;

	put_le32(tenant, key->tenant);
	put_le32(version, head->version);
	put_le16(generation, head->generation);
	put_le64(revision, head->revision);
	p = put_part(p, form, 2);
	p = put_part(p, keys->store_id, STORE_ID_BYTES);
	p = put_part(p, &key->kind, 1);
	p = put_part(p, tenant, 4);
	p = put_part(p, key->tag, ROW_TAG_BYTES);
	p = put_part(p, version, 4);
	p = put_part(p, generation, 2);
	p = put_part(p, revision, 8);
	return (size_t)(p - ad);
}

static size_t
plain_size(const struct row_head *head, struct vault_bytes sealed)
{
	return sealed.len - head->size - AEAD_NONCE_BYTES - AEAD_TAG_BYTES;
}

/* plain: plain_size bytes, which nobody holds dear. */
static enum vault_err
row_open(const struct row_keys *keys, const struct row_head *head, struct vault_bytes sealed,
	 struct row *row, uint8_t *plain)
{
	uint8_t ad[ROW_AD_MAX];
	size_t ad_len = row_ad(keys, &row->key, head, ad);
	const uint8_t *nonce = sealed.p + head->size;
	struct vault_bytes body = { nonce + AEAD_NONCE_BYTES,
				    sealed.len - head->size - AEAD_NONCE_BYTES };

	TRY(aead_open_fresh(head->key->p, nonce, (struct vault_bytes){ ad, ad_len }, body, plain));
	row->version = head->version;
	row->revision = head->revision;
	return VAULT_OK;
}

enum vault_err
sealed_open(const struct row_keys *keys, const struct row_key *key, struct vault_bytes sealed,
	    struct row *row)
{
	struct row opened = { .key = *key };
	struct row_head head;
	SECRET_LOCAL(plain);

	if (!head_read(keys, sealed, &head))
		return VAULT_INTEGRITY;
	TRY(secret_new(keys->record.arena, plain_size(&head, sealed), &plain));
	TRY(row_open(keys, &head, sealed, &opened, plain.p));
	row->key = *key;
	row->version = opened.version;
	row->revision = opened.revision;
	secret_free(&row->plain);
	secret_move(&row->plain, &plain);
	return VAULT_OK;
}

enum vault_err
sealed_open_plain(const struct row_keys *keys, struct vault_bytes sealed, struct scratch *scratch,
		  struct row *row, struct vault_bytes *plain)
{
	struct row_head head;
	uint8_t *room;

	if (!head_read(keys, sealed, &head))
		return VAULT_INTEGRITY;
	room = scratch_room(scratch, plain_size(&head, sealed));
	if (room == NULL)
		return VAULT_BUSY;
	TRY(row_open(keys, &head, sealed, row, room));
	*plain = (struct vault_bytes){ room, plain_size(&head, sealed) };
	return VAULT_OK;
}

enum vault_err
sealed_find(struct txn *txn, const struct row_keys *keys, const struct row_key *key,
	    struct row *row)
{
	struct vault_bytes sealed;
	uint64_t id;

	TRY(row_find(txn, key, &id, &sealed));
	TRY(sealed_open(keys, key, sealed, row));
	row->id = id;
	return VAULT_OK;
}

enum vault_err
sealed_find_none(const struct row_keys *keys, size_t len)
{
	uint8_t nonce[AEAD_NONCE_BYTES];
	SECRET_LOCAL(room);

	TRY(secret_new(keys->record.arena, len + AEAD_TAG_BYTES, &room));
	/* Sealing is the same work as opening. */
	aead_seal(keys->record.p, nonce, (struct vault_bytes){ 0 },
		  (struct vault_bytes){ room.p, len }, room.p);
	return VAULT_OK;
}

static void
change_note(struct change *change, const struct row_key *key, uint64_t id,
	    struct vault_bytes sealed)
{
	uint8_t place[ROW_TAG_BYTES + 17];
	uint8_t *p = place;

	p = put_le32(p, key->tenant);
	*p++ = key->kind;
	p = put_bytes(p, key->tag, ROW_TAG_BYTES);
	p = put_le64(p, id);
	put_le32(p, (uint32_t)sealed.len);
	sha256_add(&change->rows, place, sizeof place);
	sha256_add(&change->rows, sealed.p, sealed.len);
	change->count++;
}

void
change_note_meta(struct change *change, const char *name, struct vault_bytes value)
{
	struct row_key key = { 0 };
	size_t len = strlen(name);

	memcpy(key.tag, name, len < sizeof key.tag ? len : sizeof key.tag);
	change_note(change, &key, 0, value);
}

/* Seals buf's plain bytes, which begin behind the head and room for the nonce, in place. */
static enum vault_err
row_seal(const struct row_keys *keys, const struct row *row, const struct row_head *head,
	 struct buf *buf)
{
	uint8_t tag_room[AEAD_TAG_BYTES] = { 0 };
	uint8_t ad[ROW_AD_MAX];
	uint8_t *nonce;
	size_t ad_len, len = buf_len(buf) - head->size - AEAD_NONCE_BYTES;

	TRY(buf_append(buf, tag_room, sizeof tag_room));
	nonce = buf_data(buf) + head->size;
	ad_len = row_ad(keys, &row->key, head, ad);
	aead_seal(keys->record.p, nonce, (struct vault_bytes){ ad, ad_len },
		  (struct vault_bytes){ nonce + AEAD_NONCE_BYTES, len }, nonce + AEAD_NONCE_BYTES);
	return VAULT_OK;
}

static enum vault_err
put_sealed(struct change *change, struct row *row, const struct buf *buf)
{
	struct vault_bytes sealed = { buf_data(buf), buf_len(buf) };

	if (row->id == 0)
		TRY(row_insert(change->txn, row->index == NULL ? &row->key : row->index, sealed,
			       &row->id));
	else
		TRY(row_update(change->txn, row->id, sealed));
	change_note(change, &row->key, row->id, sealed);
	return VAULT_OK;
}

enum vault_err
sealed_put(struct change *change, const struct row_keys *keys, struct row *row,
	   const struct object_type *type, const void *in)
{
	uint8_t bytes[ROW_HEAD_MAX + AEAD_NONCE_BYTES] = { 0 };
	struct buf buf = { 0 };
	struct row_head head;
	enum vault_err err;

	row->revision++;
	head = head_write(keys, row, bytes);
	err = buf_append(&buf, bytes, head.size + AEAD_NONCE_BYTES);
	if (err == VAULT_OK)
		err = record_encode(type, in, &buf);
	if (err == VAULT_OK)
		err = row_seal(keys, row, &head, &buf);
	if (err == VAULT_OK)
		err = put_sealed(change, row, &buf);
	buf_free(&buf);
	return err;
}

enum vault_err
sealed_delete(struct change *change, const struct row *row)
{
	TRY(row_delete(change->txn, &row->key, row->id));
	change_note(change, &row->key, row->id, (struct vault_bytes){ 0 });
	return VAULT_OK;
}

/* Opens the row behind the new head's room, so that row_seal finds it there. */
static enum vault_err
open_behind(const struct row_keys *keys, struct vault_bytes sealed, const struct row_head *old,
	    struct row *row, struct buf *buf)
{
	size_t len = plain_size(old, sealed);

	TRY(buf_reserve(buf, len + AEAD_TAG_BYTES));
	TRY(row_open(keys, old, sealed, row, buf_data(buf) + buf_len(buf)));
	buf->tail += len;
	return VAULT_OK;
}

static enum vault_err
renew(struct change *change, const struct row_keys *keys, const struct row_head *old,
      struct row *row, struct vault_bytes sealed)
{
	uint8_t bytes[ROW_HEAD_MAX + AEAD_NONCE_BYTES] = { 0 };
	struct buf buf = { 0 };
	struct row_head head;
	enum vault_err err;

	row->version = old->version;
	row->revision = old->revision + 1;
	head = head_write(keys, row, bytes);
	/* At once what all of it takes: the new head may be longer than the old one. */
	err = buf_grow(&buf, sizeof bytes + sealed.len);
	if (err == VAULT_OK)
		err = buf_append(&buf, bytes, head.size + AEAD_NONCE_BYTES);
	if (err == VAULT_OK)
		err = open_behind(keys, sealed, old, row, &buf);
	/* What the opened row said of itself is the old one's. */
	row->revision = head.revision;
	if (err == VAULT_OK)
		err = row_seal(keys, row, &head, &buf);
	if (err == VAULT_OK)
		err = put_sealed(change, row, &buf);
	buf_free(&buf);
	return err;
}

enum vault_err
sealed_renew(struct change *change, const struct row_keys *keys, const struct row *row,
	     struct vault_bytes sealed, bool *renewed)
{
	struct row copy = { .key = row->key, .id = row->id };
	struct row_head head;

	if (!head_read(keys, sealed, &head))
		return VAULT_INTEGRITY;
	*renewed = head.generation != keys->generation;
	return *renewed ? renew(change, keys, &head, &copy, sealed) : VAULT_OK;
}
