#include <string.h>

#include "vaultd/base/bytes.h"
#include "vaultd/store/index.h"
#include "vaultd/store/lmdb.h"

struct index_place {
	uint8_t key[INDEX_KEY_BYTES];
	uint8_t entry[INDEX_ENTRY_BYTES];
};

static struct index_place
index_place(const struct row_key *key, uint64_t id)
{
	struct index_place place;

	put_be32(place.key, key->tenant);
	place.key[4] = key->kind;
	memcpy(place.entry, key->tag, ROW_TAG_BYTES);
	put_be64(place.entry + ROW_TAG_BYTES, id);
	return place;
}

/* Of an entry under that tenant and kind. */
static enum vault_err
entry_read(uint32_t tenant, uint8_t kind, struct vault_bytes entry, struct row_key *key,
	   uint64_t *id)
{
	if (entry.len != INDEX_ENTRY_BYTES)
		return VAULT_INTEGRITY;
	*key = (struct row_key){ .tenant = tenant, .kind = kind };
	memcpy(key->tag, entry.p, ROW_TAG_BYTES);
	*id = get_be64(entry.p + ROW_TAG_BYTES);
	return VAULT_OK;
}

enum vault_err
index_read(struct vault_bytes key_bytes, struct vault_bytes entry, struct row_key *key,
	   uint64_t *id)
{
	if (key_bytes.len != INDEX_KEY_BYTES)
		return VAULT_INTEGRITY;
	return entry_read(get_be32(key_bytes.p), key_bytes.p[4], entry, key, id);
}

/* A read transaction keeps its cursor, which outlives the snapshot; a write transaction's does not. */
static int
seeker_get(struct txn *txn, MDB_cursor **cursor)
{
	int rc = 0;

	if (txn->writes)
		return mdb_cursor_open(txn->mdb, txn->store->index, cursor);
	if (txn->seeker == NULL)
		rc = mdb_cursor_open(txn->mdb, txn->store->index, &txn->seeker);
	else if (txn->seeker_old)
		rc = mdb_cursor_renew(txn->mdb, txn->seeker);
	txn->seeker_old = rc != 0;
	*cursor = txn->seeker;
	return rc;
}

enum vault_err
row_linked(struct txn *txn, const struct row_key *key, uint64_t *id)
{
	struct index_place place = index_place(key, 0);
	MDB_val k = { INDEX_KEY_BYTES, place.key }, v = { INDEX_ENTRY_BYTES, place.entry };
	struct row_key found;
	MDB_cursor *cursor;
	enum vault_err err;
	uint64_t at = 0;
	int rc;

	rc = seeker_get(txn, &cursor);
	if (rc != 0)
		return store_error(rc);
	/* The entry is found by its tag alone: id 0 sorts before every id. */
	rc = mdb_cursor_get(cursor, &k, &v, MDB_GET_BOTH_RANGE);
	err = rc != 0 ? store_error(rc)
		      : entry_read(key->tenant, key->kind, bytes_of(v), &found, &at);
	if (txn->writes)
		mdb_cursor_close(cursor);
	TRY(err);
	if (memcmp(found.tag, key->tag, ROW_TAG_BYTES) != 0)
		return VAULT_NOT_FOUND;
	*id = at;
	return VAULT_OK;
}

enum vault_err
row_seek(struct txn *txn, const struct row_key *key, struct row_key *found, uint64_t *id)
{
	struct index_place place = index_place(key, 0);
	MDB_val k = { INDEX_KEY_BYTES, place.key }, v = { INDEX_ENTRY_BYTES, place.entry };
	MDB_cursor *cursor;
	enum vault_err err;
	int rc;

	rc = seeker_get(txn, &cursor);
	if (rc != 0)
		return store_error(rc);
	rc = mdb_cursor_get(cursor, &k, &v, MDB_GET_BOTH_RANGE);
	if (rc == MDB_NOTFOUND)
		rc = mdb_cursor_get(cursor, &k, &v, MDB_SET_KEY);
	err = rc != 0 ? store_error(rc)
		      : entry_read(key->tenant, key->kind, bytes_of(v), found, id);
	if (txn->writes)
		mdb_cursor_close(cursor);
	return err;
}

uint64_t
row_next(const struct txn *txn)
{
	return txn->next_row;
}

enum vault_err
row_read(struct txn *txn, uint64_t id, struct vault_bytes *row)
{
	MDB_val k = { sizeof id, &id }, v;
	int rc = mdb_get(txn->mdb, txn->store->rows, &k, &v);

	if (rc == 0)
		*row = bytes_of(v);
	/* An index entry without its row is damage, not absence. */
	return rc == MDB_NOTFOUND ? VAULT_INTEGRITY : store_error(rc);
}

enum vault_err
row_find(struct txn *txn, const struct row_key *key, uint64_t *id, struct vault_bytes *row)
{
	uint64_t found = 0;

	TRY(row_linked(txn, key, &found));
	TRY(row_read(txn, found, row));
	*id = found;
	return VAULT_OK;
}

enum vault_err
row_link(struct txn *txn, const struct row_key *key, uint64_t id)
{
	struct index_place place = index_place(key, id);
	MDB_val k = { INDEX_KEY_BYTES, place.key }, v = { INDEX_ENTRY_BYTES, place.entry };
	int rc = mdb_put(txn->mdb, txn->store->index, &k, &v, MDB_NODUPDATA);

	if (rc == 0)
		sums_link(txn, place.key, place.entry, true);
	return rc == MDB_KEYEXIST ? VAULT_OK : store_error(rc);
}

enum vault_err
row_unlink(struct txn *txn, const struct row_key *key, uint64_t id)
{
	struct index_place place = index_place(key, id);
	MDB_val k = { INDEX_KEY_BYTES, place.key }, v = { INDEX_ENTRY_BYTES, place.entry };

	TRY(store_error(mdb_del(txn->mdb, txn->store->index, &k, &v)));
	sums_link(txn, place.key, place.entry, false);
	return VAULT_OK;
}

enum vault_err
row_insert(struct txn *txn, const struct row_key *key, struct vault_bytes row, uint64_t *id)
{
	uint64_t next = txn->next_row;
	MDB_val k = { sizeof next, &next }, v = val_of(row);

	TRY(store_error(mdb_put(txn->mdb, txn->store->rows, &k, &v, MDB_APPEND)));
	sums_row(txn, next, row, true);
	TRY(row_link(txn, key, next));
	txn->next_row = next + 1;
	*id = next;
	return VAULT_OK;
}

/* What is there now is about to go; a transaction that fails behind this is given up. */
static void
take_row(struct txn *txn, uint64_t id)
{
	MDB_val k = { sizeof id, &id }, v;

	if (txn->store->sum_key != NULL && mdb_get(txn->mdb, txn->store->rows, &k, &v) == 0)
		sums_row(txn, id, bytes_of(v), false);
}

enum vault_err
row_restore(struct txn *txn, uint64_t id, struct vault_bytes row)
{
	MDB_val k = { sizeof id, &id }, v = val_of(row);
	int rc;

	if (id == 0 || id == UINT64_MAX)
		return VAULT_INTEGRITY;
	rc = mdb_put(txn->mdb, txn->store->rows, &k, &v, MDB_NOOVERWRITE);
	if (rc == MDB_KEYEXIST)
		return VAULT_EXISTS;
	TRY(store_error(rc));
	row_skip_to(txn, id + 1);
	return VAULT_OK;
}

void
row_skip_to(struct txn *txn, uint64_t next)
{
	if (txn->next_row < next)
		txn->next_row = next;
}

enum vault_err
row_count(struct txn *txn, uint64_t *rows)
{
	MDB_stat stat;
	int rc = mdb_stat(txn->mdb, txn->store->rows, &stat);

	if (rc == 0)
		*rows = stat.ms_entries;
	return store_error(rc);
}

enum vault_err
index_walk_next(struct txn *txn, struct index_walk *walk, struct row_key *key, uint64_t *id)
{
	MDB_cursor *cursor = walk->cursor;
	MDB_val k, v;
	int rc = 0;

	if (cursor == NULL)
		rc = mdb_cursor_open(txn->mdb, txn->store->index, &cursor);
	walk->cursor = cursor;
	if (rc == 0)
		rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
	return rc != 0 ? store_error(rc) : index_read(bytes_of(k), bytes_of(v), key, id);
}

void
index_walk_close(struct index_walk *walk)
{
	if (walk->cursor != NULL)
		mdb_cursor_close(walk->cursor);
	walk->cursor = NULL;
}

enum vault_err
row_update(struct txn *txn, uint64_t id, struct vault_bytes row)
{
	MDB_val k = { sizeof id, &id }, v = val_of(row);

	take_row(txn, id);
	TRY(store_error(mdb_put(txn->mdb, txn->store->rows, &k, &v, 0)));
	sums_row(txn, id, row, true);
	return VAULT_OK;
}

enum vault_err
row_delete(struct txn *txn, const struct row_key *key, uint64_t id)
{
	MDB_val k = { sizeof id, &id };

	TRY(row_unlink(txn, key, id));
	take_row(txn, id);
	return store_error(mdb_del(txn->mdb, txn->store->rows, &k, NULL));
}

enum vault_err
row_walk_open(struct txn *txn, uint32_t tenant, uint8_t kind, const uint8_t *after,
	      struct row_walk *walk)
{
	MDB_cursor *cursor;
	int rc = mdb_cursor_open(txn->mdb, txn->store->index, &cursor);

	if (rc != 0)
		return store_error(rc);
	*walk = (struct row_walk){ .cursor = cursor, .txn = txn, .tenant = tenant, .kind = kind };
	walk->from_tag = after != NULL;
	/* Behind every entry of that tag: no id is this high. */
	walk->from_id = UINT64_MAX;
	if (after != NULL)
		memcpy(walk->tag, after, ROW_TAG_BYTES);
	return VAULT_OK;
}

static int
walk_first(struct row_walk *walk, MDB_val *v)
{
	struct row_key key = { .tenant = walk->tenant, .kind = walk->kind };
	struct index_place place;
	MDB_val k;

	if (walk->from_tag)
		memcpy(key.tag, walk->tag, ROW_TAG_BYTES);
	place = index_place(&key, walk->from_tag ? walk->from_id : 0);
	k = (MDB_val){ INDEX_KEY_BYTES, place.key };
	*v = (MDB_val){ INDEX_ENTRY_BYTES, place.entry };
	return mdb_cursor_get(walk->cursor, &k, v, MDB_GET_BOTH_RANGE);
}

enum vault_err
row_walk_next(struct row_walk *walk, struct row_key *key, uint64_t *id, struct vault_bytes *row)
{
	MDB_val k, v;
	int rc;

	if (walk->started)
		rc = mdb_cursor_get(walk->cursor, &k, &v, MDB_NEXT_DUP);
	else
		rc = walk_first(walk, &v);
	walk->started = true;
	if (rc != 0)
		return store_error(rc);
	TRY(entry_read(walk->tenant, walk->kind, bytes_of(v), key, id));
	return row == NULL ? VAULT_OK : row_read(walk->txn, *id, row);
}

void
row_walk_close(struct row_walk *walk)
{
	if (walk->cursor != NULL)
		mdb_cursor_close(walk->cursor);
	walk->cursor = NULL;
}

/* At the first entry of that key or the one behind it; *k becomes the key found. */
static enum vault_err
find_kind(struct txn *txn, MDB_val *k, MDB_cursor_op how, size_t *count)
{
	MDB_cursor *cursor;
	MDB_val v;
	int rc = mdb_cursor_open(txn->mdb, txn->store->index, &cursor);

	if (rc != 0)
		return store_error(rc);
	rc = mdb_cursor_get(cursor, k, &v, how);
	if (rc == 0)
		rc = mdb_cursor_count(cursor, count);
	mdb_cursor_close(cursor);
	return store_error(rc);
}

enum vault_err
row_kind_count(struct txn *txn, uint32_t tenant, uint8_t kind, uint64_t *count)
{
	const struct row_key key = { .tenant = tenant, .kind = kind };
	struct index_place place = index_place(&key, 0);
	MDB_val k = { INDEX_KEY_BYTES, place.key };
	size_t n = 0;
	enum vault_err err = find_kind(txn, &k, MDB_SET_KEY, &n);

	*count = n;
	return err == VAULT_NOT_FOUND ? VAULT_OK : err;
}

enum vault_err
row_next_kind(struct txn *txn, uint32_t tenant, uint8_t *kind)
{
	const struct row_key key = { .tenant = tenant, .kind = *kind };
	struct index_place place = index_place(&key, 0);
	MDB_val k = { INDEX_KEY_BYTES, place.key };
	size_t n;

	TRY(find_kind(txn, &k, MDB_SET_RANGE, &n));
	if (k.mv_size != INDEX_KEY_BYTES || get_be32(k.mv_data) != tenant)
		return VAULT_NOT_FOUND;
	*kind = ((const uint8_t *)k.mv_data)[4];
	return VAULT_OK;
}

enum vault_err
meta_get(struct txn *txn, const char *name, struct vault_bytes *value)
{
	MDB_val k = { strlen(name), (void *)(uintptr_t)name }, v;
	int rc = mdb_get(txn->mdb, txn->store->meta, &k, &v);

	if (rc == 0)
		*value = bytes_of(v);
	return store_error(rc);
}

enum vault_err
meta_put(struct txn *txn, const char *name, struct vault_bytes value)
{
	MDB_val k = { strlen(name), (void *)(uintptr_t)name }, v = val_of(value);
	struct vault_bytes old = { 0 };

	if (meta_get(txn, name, &old) == VAULT_OK)
		sums_meta(txn, bytes_of(k), old, false);
	TRY(store_error(mdb_put(txn->mdb, txn->store->meta, &k, &v, 0)));
	sums_meta(txn, bytes_of(k), value, true);
	return VAULT_OK;
}
