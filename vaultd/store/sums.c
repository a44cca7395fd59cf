/*
 * Sums over the tables. What tells where an entry stands begins with a byte for its table; a row's is
 * its id, an index entry has no bytes besides, of a meta entry it is the name.
 */
#include <string.h>

#include "vaultd/base/bytes.h"
#include "vaultd/store/lmdb.h"

#define CANCEL_EVERY 4096 /* entries between looks at whether to go on, and telling how far it is */

static void
note(struct store_sums *sums, const uint8_t *key, struct vault_bytes place,
     struct vault_bytes value)
{
	sum_put(&sums->of[place.p[0]], key, place, value);
}

static void
note_change(struct txn *txn, struct vault_bytes place, struct vault_bytes value, bool put)
{
	if (put)
		note(&txn->sums, txn->store->sum_key, place, value);
	else
		sum_take(&txn->sums.of[place.p[0]], txn->store->sum_key, place, value);
}

/* Makes where an entry stands. */
static struct vault_bytes
place_of(uint8_t bytes[static SUM_PLACE_MAX], enum store_table table, const void *p, size_t len)
{
	if (len > SUM_PLACE_MAX - 1)
		len = SUM_PLACE_MAX - 1;
	bytes[0] = (uint8_t)table;
	memcpy(bytes + 1, p, len);
	return (struct vault_bytes){ bytes, 1 + len };
}

void
sums_row(struct txn *txn, uint64_t id, struct vault_bytes row, bool put)
{
	uint8_t bytes[SUM_PLACE_MAX];

	if (txn->store->sum_key != NULL)
		note_change(txn, place_of(bytes, TABLE_ROWS, &id, sizeof id), row, put);
}

void
sums_link(struct txn *txn, const uint8_t *key, const uint8_t *entry, bool put)
{
	uint8_t bytes[SUM_PLACE_MAX];

	if (txn->store->sum_key != NULL)
		note_change(txn, place_of(bytes, TABLE_INDEX, key, INDEX_KEY_BYTES),
			    (struct vault_bytes){ entry, INDEX_ENTRY_BYTES }, put);
}

void
sums_meta(struct txn *txn, struct vault_bytes name, struct vault_bytes value, bool put)
{
	uint8_t bytes[SUM_PLACE_MAX];

	if (txn->store->sum_key == NULL ||
	    (name.len == sizeof META_NEXT_ROW - 1 && memcmp(name.p, META_NEXT_ROW, name.len) == 0))
		return;
	note_change(txn, place_of(bytes, TABLE_META, name.p, name.len), value, put);
}

void
store_sum_keep(struct store *store, const uint8_t *key)
{
	store->sum_key = key;
}

struct store_sums
txn_sums(const struct txn *txn)
{
	return txn->sums;
}

void
txn_set_sums(struct txn *txn, const struct store_sums *sums)
{
	txn->sums = *sums;
}

/* Whether the entry is one that the sums are not about. */
static bool
skipped(const struct store_count *count, enum store_table table, const MDB_val *k, const MDB_val *v)
{
	uint64_t id;

	switch (table) {
	case TABLE_ROWS:
		return k->mv_size == sizeof id && count->skip_row != 0 &&
		       memcmp(k->mv_data, &count->skip_row, sizeof id) == 0;
	case TABLE_INDEX:
		if (v->mv_size != INDEX_ENTRY_BYTES)
			return false;
		id = get_be64((const uint8_t *)v->mv_data + ROW_TAG_BYTES);
		return count->skip_row != 0 && id == count->skip_row;
	case TABLE_META:
	case TABLE_COUNT:
		break;
	}
	return k->mv_size == sizeof META_NEXT_ROW - 1 &&
	       memcmp(k->mv_data, META_NEXT_ROW, k->mv_size) == 0;
}

/* Tells how far it is, and answers whether it is to end. */
static bool
cancelled(const struct store_count *count, uint64_t done)
{
	if (done % CANCEL_EVERY != 0)
		return false;
	if (done > 0 && count->looked_at != NULL)
		*count->looked_at += CANCEL_EVERY;
	return count->cancel != NULL && atomic_load(count->cancel);
}

static enum vault_err
count_table(struct txn *txn, enum store_table table, struct store_count *count, uint64_t *n)
{
	const MDB_dbi tables[] = { txn->store->rows, txn->store->index, txn->store->meta };
	uint8_t bytes[SUM_PLACE_MAX];
	MDB_cursor *cursor;
	MDB_val k, v;
	enum vault_err err = VAULT_OK;
	int rc = mdb_cursor_open(txn->mdb, tables[table], &cursor);

	if (rc != 0)
		return store_error(rc);
	for (uint64_t done = 0; rc == 0 && err == VAULT_OK; done++) {
		rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
		if (rc != 0)
			break;
		if (cancelled(count, done))
			err = VAULT_BUSY;
		if (skipped(count, table, &k, &v))
			continue;
		note(&count->sums, txn->store->sum_key,
		     place_of(bytes, table, k.mv_data, k.mv_size), bytes_of(v));
		*n += 1;
	}
	mdb_cursor_close(cursor);
	return rc == 0 || rc == MDB_NOTFOUND ? err : store_error(rc);
}

enum vault_err
txn_entries(struct txn *txn, uint64_t *n)
{
	const MDB_dbi tables[] = { txn->store->rows, txn->store->index, txn->store->meta };
	MDB_stat stat;

	*n = 0;
	for (int i = 0; i < TABLE_COUNT; i++) {
		int rc = mdb_stat(txn->mdb, tables[i], &stat);

		if (rc != 0)
			return store_error(rc);
		*n += stat.ms_entries;
	}
	return VAULT_OK;
}

enum vault_err
txn_count(struct txn *txn, struct store_count *count)
{
	uint64_t meta = 0;

	if (txn->store->sum_key == NULL)
		return VAULT_INTERNAL;
	count->sums = (struct store_sums){ 0 };
	count->rows = count->entries = 0;
	TRY(count_table(txn, TABLE_ROWS, count, &count->rows));
	TRY(count_table(txn, TABLE_INDEX, count, &count->entries));
	return count_table(txn, TABLE_META, count, &meta);
}
