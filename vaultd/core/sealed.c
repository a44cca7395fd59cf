#include "vaultd/core/sealed.h"

#include <string.h>

#include "vaultd/crypto/aead.h"

#define ROW_FORMAT 1
#define ROW_ALGORITHM_XCHACHA 1
#define ROW_HEAD_BYTES 16 /* format, algorithm, key generation (2), version (4), revision (8) */
#define ROW_OVERHEAD (ROW_HEAD_BYTES + AEAD_NONCE_BYTES + AEAD_TAG_BYTES)
#define ROW_AD_MAX 96

static uint8_t *
put_le(uint8_t *p, uint64_t v, unsigned size)
{
	for (unsigned i = 0; i < size; i++)
		p[i] = (uint8_t)(v >> 8 * i);
	return p + size;
}

static uint64_t
get_le(const uint8_t *p, unsigned size)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < size; i++)
		v |= (uint64_t)p[i] << 8 * i;
	return v;
}

void
row_keys_free(struct row_keys *keys)
{
	secret_free(&keys->record);
	secret_free(&keys->name);
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

static void
row_head(const struct row_keys *keys, const struct row *row, uint8_t head[static ROW_HEAD_BYTES])
{
	head[0] = ROW_FORMAT;
	head[1] = ROW_ALGORITHM_XCHACHA;
	put_le(head + 2, keys->generation, 2);
	put_le(head + 4, row->version, 4);
	put_le(head + 8, row->revision, 8);
}

static uint8_t *
put_part(uint8_t *p, const void *part, uint8_t len)
{
	*p++ = len;
	memcpy(p, part, len);
	return p + len;
}

/* Everything that must not change about where a row stands, each part behind its length. */
static size_t
row_ad(const struct row_keys *keys, const struct row_key *key,
       const uint8_t head[static ROW_HEAD_BYTES], uint8_t ad[static ROW_AD_MAX])
{
	uint8_t *p = ad;
	uint8_t tenant[4];

	put_le(tenant, key->tenant, 4);
	p = put_part(p, head, 2);
	p = put_part(p, keys->store_id, STORE_ID_BYTES);
	p = put_part(p, &key->kind, 1);
	p = put_part(p, tenant, 4);
	p = put_part(p, key->tag, ROW_TAG_BYTES);
	p = put_part(p, head + 4, 4);
	p = put_part(p, head + 2, 2);
	p = put_part(p, head + 8, 8);
	return (size_t)(p - ad);
}

static bool
row_readable(const struct row_keys *keys, struct vault_bytes sealed)
{
	return sealed.len > ROW_OVERHEAD && sealed.p[0] == ROW_FORMAT &&
	       sealed.p[1] == ROW_ALGORITHM_XCHACHA && get_le(sealed.p + 2, 2) == keys->generation;
}

/* plain: sealed.len - ROW_OVERHEAD bytes. */
static enum vault_err
row_open(const struct row_keys *keys, const struct row_key *key, struct vault_bytes sealed,
	 struct row *row, uint8_t *plain)
{
	uint8_t ad[ROW_AD_MAX];
	size_t ad_len = row_ad(keys, key, sealed.p, ad);
	struct vault_bytes body = { sealed.p + ROW_HEAD_BYTES + AEAD_NONCE_BYTES,
				    sealed.len - ROW_HEAD_BYTES - AEAD_NONCE_BYTES };

	TRY(aead_open(keys->record.p, sealed.p + ROW_HEAD_BYTES, (struct vault_bytes){ ad, ad_len },
		      body, plain));
	row->version = (uint32_t)get_le(sealed.p + 4, 4);
	row->revision = get_le(sealed.p + 8, 8);
	return VAULT_OK;
}

enum vault_err
sealed_open(const struct row_keys *keys, const struct row_key *key, struct vault_bytes sealed,
	    struct row *row)
{
	SECRET_LOCAL(plain);

	if (!row_readable(keys, sealed))
		return VAULT_INTEGRITY;
	TRY(secret_new(keys->record.arena, sealed.len - ROW_OVERHEAD, &plain));
	TRY(row_open(keys, key, sealed, row, plain.p));
	row->key = *key;
	secret_free(&row->plain);
	secret_move(&row->plain, &plain);
	return VAULT_OK;
}

enum vault_err
sealed_open_plain(const struct row_keys *keys, struct vault_bytes sealed, struct scratch *scratch,
		  struct row *row, struct vault_bytes *plain)
{
	uint8_t *room;

	if (!row_readable(keys, sealed))
		return VAULT_INTEGRITY;
	room = scratch_room(scratch, sealed.len - ROW_OVERHEAD);
	if (room == NULL)
		return VAULT_BUSY;
	TRY(row_open(keys, &row->key, sealed, row, room));
	*plain = (struct vault_bytes){ room, sealed.len - ROW_OVERHEAD };
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

	p = put_le(p, key->tenant, 4);
	*p++ = key->kind;
	memcpy(p, key->tag, ROW_TAG_BYTES);
	p = put_le(p + ROW_TAG_BYTES, id, 8);
	put_le(p, sealed.len, 4);
	sha256_add(&change->rows, place, sizeof place);
	sha256_add(&change->rows, sealed.p, sealed.len);
	change->count++;
}

/* Seals buf's plain bytes, which begin behind the room for head and nonce, in place. */
static enum vault_err
row_seal(const struct row_keys *keys, const struct row *row, struct buf *buf)
{
	uint8_t tag_room[AEAD_TAG_BYTES] = { 0 };
	uint8_t ad[ROW_AD_MAX];
	uint8_t *head;
	size_t ad_len, len = buf_len(buf) - ROW_HEAD_BYTES - AEAD_NONCE_BYTES;

	TRY(buf_append(buf, tag_room, sizeof tag_room));
	head = buf_data(buf);
	row_head(keys, row, head);
	ad_len = row_ad(keys, &row->key, head, ad);
	aead_seal(keys->record.p, head + ROW_HEAD_BYTES, (struct vault_bytes){ ad, ad_len },
		  (struct vault_bytes){ head + ROW_HEAD_BYTES + AEAD_NONCE_BYTES, len },
		  head + ROW_HEAD_BYTES + AEAD_NONCE_BYTES);
	return VAULT_OK;
}

static enum vault_err
put_sealed(struct change *change, const struct row_keys *keys, struct row *row, struct buf *buf)
{
	struct vault_bytes sealed;

	TRY(row_seal(keys, row, buf));
	sealed = (struct vault_bytes){ buf_data(buf), buf_len(buf) };
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
	static const uint8_t room[ROW_HEAD_BYTES + AEAD_NONCE_BYTES];
	struct buf buf = { 0 };
	enum vault_err err;

	row->revision++;
	err = buf_append(&buf, room, sizeof room);
	if (err == VAULT_OK)
		err = record_encode(type, in, &buf);
	if (err == VAULT_OK)
		err = put_sealed(change, keys, row, &buf);
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
