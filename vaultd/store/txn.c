#include <stdlib.h>
#include <string.h>

#include "vaultd/store/lmdb.h"

static enum vault_err
txn_begin(struct store *store, struct txn *parent, unsigned flags, struct txn **out)
{
	struct txn *txn = calloc(1, sizeof *txn);
	int rc;

	if (txn == NULL)
		return VAULT_BUSY;
	rc = mdb_txn_begin(store->env, parent == NULL ? NULL : parent->mdb, flags, &txn->mdb);
	if (rc != 0) {
		free(txn);
		return store_error(rc);
	}
	txn->store = store;
	txn->parent = parent;
	txn->writes = (flags & MDB_RDONLY) == 0;
	/* The writing thread's: a reader, of any thread, has no use for it. */
	if (txn->writes)
		txn->next_row = parent == NULL ? store->next_row : parent->next_row;
	*out = txn;
	return VAULT_OK;
}

enum vault_err
txn_read(struct store *store, struct txn **txn)
{
	return txn_begin(store, NULL, MDB_RDONLY, txn);
}

enum vault_err
txn_renew(struct txn *txn)
{
	txn_rest(txn);
	if (mdb_txn_renew(txn->mdb) != 0)
		return VAULT_INTERNAL;
	txn->resting = false;
	txn->seeker_old = true;
	return VAULT_OK;
}

void
txn_rest(struct txn *txn)
{
	if (!txn->resting)
		mdb_txn_reset(txn->mdb);
	txn->resting = true;
}

enum vault_err
txn_write(struct store *store, struct txn **txn)
{
	return txn_begin(store, NULL, 0, txn);
}

enum vault_err
txn_child(struct txn *parent, struct txn **child)
{
	return txn_begin(parent->store, parent, 0, child);
}

enum vault_err
txn_commit(struct txn *txn)
{
	struct txn *parent = txn->parent;
	struct store *store = txn->store;
	uint64_t next_row = txn->next_row;
	struct store_sums sums = txn->sums;
	enum vault_err err = VAULT_OK;
	int rc;

	if (parent == NULL && txn->writes && next_row != store->next_row)
		err = meta_put(txn, META_NEXT_ROW,
			       (struct vault_bytes){ (const uint8_t *)&next_row, sizeof next_row });
	if (err != VAULT_OK) {
		txn_abort(txn);
		return err;
	}
	rc = mdb_txn_commit(txn->mdb);
	free(txn);
	if (rc != 0)
		return store_error(rc);
	if (parent != NULL) {
		parent->next_row = next_row;
		for (int i = 0; i < TABLE_COUNT; i++)
			sum_add(&parent->sums.of[i], &sums.of[i]);
	} else {
		store->next_row = next_row;
	}
	return VAULT_OK;
}

void
txn_abort(struct txn *txn)
{
	if (txn == NULL)
		return;
	if (txn->seeker != NULL)
		mdb_cursor_close(txn->seeker);
	mdb_txn_abort(txn->mdb);
	free(txn);
}
