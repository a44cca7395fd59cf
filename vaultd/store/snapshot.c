#include "vaultd/store/snapshot.h"

#include <string.h>

#include "vaultd/store/index.h"
#include "vaultd/store/lmdb.h"

enum vault_err
snapshot_count(struct txn *txn, struct snapshot_counts *counts)
{
	MDB_stat rows, links, meta;
	int rc = mdb_stat(txn->mdb, txn->store->rows, &rows);

	if (rc == 0)
		rc = mdb_stat(txn->mdb, txn->store->index, &links);
	if (rc == 0)
		rc = mdb_stat(txn->mdb, txn->store->meta, &meta);
	if (rc != 0)
		return store_error(rc);
	*counts = (struct snapshot_counts){ rows.ms_entries, links.ms_entries, meta.ms_entries };
	return VAULT_OK;
}

enum vault_err
snapshot_open(struct txn *txn, enum snapshot_table table, struct snapshot_walk *walk)
{
	const struct store *store = txn->store;
	MDB_dbi dbi = table == SNAPSHOT_ROWS	? store->rows
		      : table == SNAPSHOT_INDEX ? store->index
						: store->meta;
	MDB_cursor *cursor;
	int rc = mdb_cursor_open(txn->mdb, dbi, &cursor);

	if (rc == 0)
		*walk = (struct snapshot_walk){ .cursor = cursor };
	return store_error(rc);
}

void
snapshot_close(struct snapshot_walk *walk)
{
	if (walk->cursor != NULL)
		mdb_cursor_close(walk->cursor);
	walk->cursor = NULL;
}

/* Of the index each entry of a key too. */
static int
step(struct snapshot_walk *walk, MDB_val *k, MDB_val *v)
{
	int rc = mdb_cursor_get(walk->cursor, k, v, walk->started ? MDB_NEXT : MDB_FIRST);

	walk->started = true;
	return rc;
}

enum vault_err
snapshot_row(struct snapshot_walk *walk, uint64_t *id, struct vault_bytes *row)
{
	MDB_val k, v;

	TRY(store_error(step(walk, &k, &v)));
	if (k.mv_size != sizeof *id)
		return VAULT_INTEGRITY;
	memcpy(id, k.mv_data, sizeof *id);
	*row = bytes_of(v);
	return VAULT_OK;
}

enum vault_err
snapshot_link(struct snapshot_walk *walk, struct row_key *key, uint64_t *id)
{
	MDB_val k, v;

	TRY(store_error(step(walk, &k, &v)));
	return index_read(bytes_of(k), bytes_of(v), key, id);
}

enum vault_err
snapshot_meta(struct snapshot_walk *walk, struct vault_bytes *name, struct vault_bytes *value)
{
	MDB_val k, v;

	TRY(store_error(step(walk, &k, &v)));
	*name = bytes_of(k);
	*value = bytes_of(v);
	return VAULT_OK;
}
