/*
 * The store: one LMDB environment, opened once by one process. It sees sealed bytes only.
 *
 * rows   record id (64 bit, counting up, never used again) -> sealed row
 * index  tenant number, kind -> the 12-byte tags of its rows, sorted, each with a record id
 * meta   name -> bytes: what is needed before any key is there
 *
 * A read transaction sees the store as it was when it began or was renewed. One write transaction
 * at a time, by one thread; each change runs in a child of its own, so that its failure spoils no
 * other.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdatomic.h>

#include "protocol/error.h"
#include "vaultd/base/sum.h"

struct store;
struct txn;

struct store_config {
	const char *path; /* a directory of mode 0700 */
	size_t map_size;  /* address space, never grown */
	unsigned max_readers;
};

/*
 * VAULT_BUSY when another process has it open, VAULT_INTEGRITY when it is not a store, else
 * VAULT_INTERNAL.
 */
MUST_USE enum vault_err store_open(const struct store_config *config, struct store **store);
/* NULL is fine. No transaction may be open. */
void store_close(struct store *store);
/*
 * Writes a copy of the store, without what was deleted from it and still stands in unused pages, to
 * an existing empty directory.
 */
MUST_USE enum vault_err store_copy(struct store *store, const char *path);
/* Bytes free on the store's file system, for unprivileged use. */
MUST_USE enum vault_err store_free_space(struct store *store, uint64_t *bytes);

MUST_USE enum vault_err txn_read(struct store *store, struct txn **txn);
/*
 * Moves a read transaction on to the newest commit; what it handed out before is no longer valid.
 */
MUST_USE enum vault_err txn_renew(struct txn *txn);
/* Lets go of the snapshot without freeing the transaction; txn_renew takes a new one. */
void txn_rest(struct txn *txn);
MUST_USE enum vault_err txn_write(struct store *store, struct txn **txn);
MUST_USE enum vault_err txn_child(struct txn *parent, struct txn **child);
/*
 * Ends and frees the transaction either way. A child's changes go to its parent. For the outermost
 * one VAULT_OK means durable; any error means that nobody knows, and the process must end.
 */
MUST_USE enum vault_err txn_commit(struct txn *txn);
/* NULL is fine. */
void txn_abort(struct txn *txn);

/* Where the index holds a row. */
#define ROW_TAG_BYTES 12
struct row_key {
	uint32_t tenant; /* number; 0: the store's own */
	uint8_t kind;
	uint8_t tag[ROW_TAG_BYTES];
};

/* Bytes handed out are valid until the transaction ends, is renewed, or writes. */
MUST_USE enum vault_err row_find(struct txn *txn, const struct row_key *key, uint64_t *id,
				 struct vault_bytes *row);
MUST_USE enum vault_err row_insert(struct txn *txn, const struct row_key *key,
				   struct vault_bytes row, uint64_t *id);
MUST_USE enum vault_err row_update(struct txn *txn, uint64_t id, struct vault_bytes row);
MUST_USE enum vault_err row_delete(struct txn *txn, const struct row_key *key, uint64_t id);
/* An index entry that leads to a row which stands under another key too. */
MUST_USE enum vault_err row_link(struct txn *txn, const struct row_key *key, uint64_t id);
MUST_USE enum vault_err row_unlink(struct txn *txn, const struct row_key *key, uint64_t id);
/* Whether the index has the key; VAULT_NOT_FOUND where not. */
MUST_USE enum vault_err row_linked(struct txn *txn, const struct row_key *key, uint64_t *id);

/*
 * The index entry at or behind the key's tag, or the kind's first where none follows; found gets its
 * tag. VAULT_NOT_FOUND where the kind has no entry at all.
 */
MUST_USE enum vault_err row_seek(struct txn *txn, const struct row_key *key, struct row_key *found,
				 uint64_t *id);
/* The row behind an index entry; VAULT_INTEGRITY where there is none. */
MUST_USE enum vault_err row_read(struct txn *txn, uint64_t id, struct vault_bytes *row);
/* The id that the next row will get; every row there is has a smaller one. A write transaction. */
uint64_t row_next(const struct txn *txn);

/*
 * For a restore alone: a row under the id that it had, without an index entry, and ids passed over
 * so that none which may have been given out since is given out again. VAULT_EXISTS where there is
 * such a row.
 */
MUST_USE enum vault_err row_restore(struct txn *txn, uint64_t id, struct vault_bytes row);
void row_skip_to(struct txn *txn, uint64_t next);

/* The rows of one tenant and kind, in tag order. */
struct row_walk {
	void *cursor;
	struct txn *txn;
	uint32_t tenant;
	uint8_t kind;
	bool started;
	bool from_tag; /* begin behind this tag */
	uint8_t tag[ROW_TAG_BYTES];
	uint64_t from_id; /* ... and, with that tag, at this id; to be lowered before the first */
};
/* after: the tag behind which to begin; NULL: the first. */
MUST_USE enum vault_err row_walk_open(struct txn *txn, uint32_t tenant, uint8_t kind,
				      const uint8_t *after, struct row_walk *walk);
/* VAULT_NOT_FOUND behind the last. */
MUST_USE enum vault_err row_walk_next(struct row_walk *walk, struct row_key *key, uint64_t *id,
				      struct vault_bytes *row);
void row_walk_close(struct row_walk *walk);

/* How many index entries a tenant has of a kind. */
MUST_USE enum vault_err row_kind_count(struct txn *txn, uint32_t tenant, uint8_t kind,
				       uint64_t *count);
/* The tenant's first kind from *kind on that the index has; VAULT_NOT_FOUND behind the last. */
MUST_USE enum vault_err row_next_kind(struct txn *txn, uint32_t tenant, uint8_t *kind);
/* Every index entry there is, in the order of tenant, kind and tag; to be begun with all zero. */
struct index_walk {
	void *cursor;
};
/* VAULT_NOT_FOUND behind the last. The transaction may not write meanwhile. */
MUST_USE enum vault_err index_walk_next(struct txn *txn, struct index_walk *walk,
					struct row_key *key, uint64_t *id);
void index_walk_close(struct index_walk *walk);
/* How many rows there are. */
MUST_USE enum vault_err row_count(struct txn *txn, uint64_t *rows);
/*
 * Sums over all there is in each table, kept up by every write of a transaction from store_sum_keep
 * on, so that what somebody else did to the file shows.
 */
enum store_table { TABLE_ROWS, TABLE_INDEX, TABLE_META, TABLE_COUNT };
struct store_sums {
	struct sum of[TABLE_COUNT];
};
/* key: SUM_KEY_BYTES, borrowed until it is called with NULL, which ends it. No other thread writes. */
void store_sum_keep(struct store *store, const uint8_t *key);
/* By how much a write transaction changed them. */
struct store_sums txn_sums(const struct txn *txn);
/* Puts that back to what it was, where something is written that the sums are not about. */
void txn_set_sums(struct txn *txn, const struct store_sums *sums);

/* All of the store but what stands under a row's id, and what an id changes with each commit. */
struct store_count {
	uint64_t skip_row;	     /* a row that is left out with its index entries; 0: none */
	const atomic_bool *cancel;   /* NULL: never */
	_Atomic uint64_t *looked_at; /* entries so far, rounded down; NULL: nobody asks */
	/* Set: */
	struct store_sums sums;
	uint64_t rows, entries; /* of the index */
};
/* Reads it whole. VAULT_BUSY when cancelled. The sums must be kept. */
MUST_USE enum vault_err txn_count(struct txn *txn, struct store_count *count);
/* How many entries that is going to look at. */
MUST_USE enum vault_err txn_entries(struct txn *txn, uint64_t *n);

MUST_USE enum vault_err meta_get(struct txn *txn, const char *name, struct vault_bytes *value);
MUST_USE enum vault_err meta_put(struct txn *txn, const char *name, struct vault_bytes value);

#endif
