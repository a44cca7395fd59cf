/*
 * Everything of the store as one read transaction sees it, table by table, for backups: rows by
 * their ids, the index and meta in their own order. Sealed bytes, as they are.
 */
#ifndef STORE_SNAPSHOT_H
#define STORE_SNAPSHOT_H

#include "vaultd/store/store.h"

/* How many there are. */
struct snapshot_counts {
	uint64_t rows, links, meta;
};
MUST_USE enum vault_err snapshot_count(struct txn *txn, struct snapshot_counts *counts);

/* One table's way through; all zero can be closed. To be closed before the transaction ends. */
struct snapshot_walk {
	void *cursor;
	bool started;
};
enum snapshot_table { SNAPSHOT_ROWS, SNAPSHOT_INDEX, SNAPSHOT_META };
MUST_USE enum vault_err snapshot_open(struct txn *txn, enum snapshot_table table,
				      struct snapshot_walk *walk);
void snapshot_close(struct snapshot_walk *walk);

/* The next one; VAULT_NOT_FOUND behind the last. Views are valid as long as the transaction is. */
MUST_USE enum vault_err snapshot_row(struct snapshot_walk *walk, uint64_t *id,
				     struct vault_bytes *row);
MUST_USE enum vault_err snapshot_link(struct snapshot_walk *walk, struct row_key *key,
				      uint64_t *id);
MUST_USE enum vault_err snapshot_meta(struct snapshot_walk *walk, struct vault_bytes *name,
				      struct vault_bytes *value);

#endif
