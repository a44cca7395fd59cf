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
	MDB_dbi filler;	   /* of the scrub ... */
	bool filler_open;  /* ... once there was one */
	uint64_t next_row; /* as committed; the writing thread's */
};

struct txn {
	struct store *store;
	struct txn *parent;
	MDB_txn *mdb;
	uint64_t next_row; /* a write transaction's own count */
	bool writes;
	bool resting;
	MDB_cursor
		*seeker; /* of the index, a read transaction's: kept, for it takes room to make */
	bool seeker_old; /* the transaction was renewed since */
};

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
