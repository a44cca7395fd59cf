/*
 * What the store's files share: LMDB's handles and errors.
 */
#ifndef STORE_LMDB_H
#define STORE_LMDB_H

#include <lmdb.h>

#include "vaultd/store/store.h"

struct store {
	MDB_env *env;
	MDB_dbi rows;
	MDB_dbi index;
	MDB_dbi meta;
	MDB_dbi filler;		/* of the scrub ... */
	bool filler_open;	/* ... once there was one */
	uint64_t next_row;	/* as committed; the writing thread's */
	const uint8_t *sum_key; /* NULL: no sums are kept */
};

struct txn {
	struct store *store;
	struct txn *parent;
	MDB_txn *mdb;
	uint64_t next_row;	/* a write transaction's own count */
	struct store_sums sums; /* by how much it changed them, with the children that committed */
	bool writes;
	bool resting;
	MDB_cursor
		*seeker; /* of the index, a read transaction's: kept, for it takes room to make */
	bool seeker_old; /* the transaction was renewed since */
};

#define META_NEXT_ROW "next_row" /* counts on with each commit that made rows, in no sum */

/* sums.c: an entry is written or removed; where sums are not kept nothing is done. */
void sums_row(struct txn *txn, uint64_t id, struct vault_bytes row, bool put);
void sums_link(struct txn *txn, const uint8_t *key, const uint8_t *entry, bool put);
void sums_meta(struct txn *txn, struct vault_bytes name, struct vault_bytes value, bool put);
#define INDEX_KEY_BYTES 5    /* tenant number, big-endian, and kind: a tenant is one range */
#define INDEX_ENTRY_BYTES 20 /* tag, and record id, big-endian */

/* The contract's word for what LMDB said. */
enum vault_err store_error(int rc);

static inline MDB_val
val_of(struct vault_bytes b)
{
	return (MDB_val){ b.len, (void *)(uintptr_t)b.p };
}

static inline struct vault_bytes
bytes_of(MDB_val v)
{
	return (struct vault_bytes){ v.mv_data, v.mv_size };
}

#endif
