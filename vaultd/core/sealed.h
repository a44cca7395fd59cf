/*
 * Rows as they stand in the store: sealed with XChaCha20-Poly1305 under their tenant's record key,
 * bound to their place by the associated data, found by a keyed tag of their name.
 */
#ifndef CORE_SEALED_H
#define CORE_SEALED_H

#include "protocol/buf.h"
#include "protocol/scratch.h"
#include "vaultd/base/secret.h"
#include "vaultd/core/records.h"
#include "vaultd/crypto/hash.h"
#include "vaultd/store/store.h"

#define STORE_ID_BYTES 16

/*
 * What seals and names the rows of one tenant, or of the store itself (tenant 0). While a tenant is
 * given a new record key there is another one beside the current: it opens rows and seals none.
 */
struct row_keys {
	uint32_t tenant;
	uint16_t generation;	   /* of record */
	uint16_t other_generation; /* of other; 0: there is none */
	uint8_t store_id[STORE_ID_BYTES];
	struct secret record;
	struct secret name;
	struct secret other;
};
void row_keys_free(struct row_keys *keys);

/* A row that was opened, or is to be written (id 0: a new one). */
struct row {
	struct row_key key;
	uint64_t id;
	uint32_t version;
	uint64_t revision; /* counts its writes */
	struct secret plain;
	/* Where the index is to hold a new row; NULL: under its key. Borrowed. */
	const struct row_key *index;
};
#define ROW_LOCAL(name) __attribute__((cleanup(row_free))) struct row name = { 0 }
void row_free(struct row *row);
static inline struct vault_bytes
row_plain(const struct row *row)
{
	return (struct vault_bytes){ row->plain.p, row->plain.len };
}

/*
 * The writing side of a change: the transaction, and the hash of the rows it wrote, for the audit.
 */
struct change {
	struct txn *txn;
	struct sha256 rows;
	unsigned count;
};
void change_start(struct change *change, struct txn *txn);

/* Takes in an entry of meta that the change wrote, as a row of kind 0 whose tag is its name. */
void change_note_meta(struct change *change, const char *name, struct vault_bytes value);

/* Where a name stands. */
struct row_key row_key_of(const struct row_keys *keys, enum row_kind kind, struct vault_bytes name);
/* ... and a version of what has the name, which is at most NAME_MAX_LEN long. */
struct row_key row_key_of_version(const struct row_keys *keys, enum row_kind kind,
				  struct vault_text name, uint32_t version);

/* Finds and opens; VAULT_NOT_FOUND, or VAULT_INTEGRITY where it does not authenticate. */
MUST_USE enum vault_err sealed_find(struct txn *txn, const struct row_keys *keys,
				    const struct row_key *key, struct row *row);
/*
 * Costs what sealed_find does where there is a row of len plain bytes, for who must not learn by the
 * time it takes whether there is one.
 */
MUST_USE enum vault_err sealed_find_none(const struct row_keys *keys, size_t len);
/* Opens what row_walk_next found. */
MUST_USE enum vault_err sealed_open(const struct row_keys *keys, const struct row_key *key,
				    struct vault_bytes sealed, struct row *row);
/*
 * Opens a row into scratch memory, which needs neither the arena nor a free; what holds a secret is
 * wiped with it where the operation's reply may. row->key and row->id say which it is; *plain is
 * valid as long as the scratch memory.
 */
MUST_USE enum vault_err sealed_open_plain(const struct row_keys *keys, struct vault_bytes sealed,
					  struct scratch *scratch, struct row *row,
					  struct vault_bytes *plain);
/* Inserts (row->id 0) or replaces; sets row->id. type and in: the record. */
MUST_USE enum vault_err sealed_put(struct change *change, const struct row_keys *keys,
				   struct row *row, const struct object_type *type, const void *in);
MUST_USE enum vault_err sealed_delete(struct change *change, const struct row *row);
/*
 * A row as the store holds it, sealed again under the current generation where it is not yet.
 * row->key: what it is bound to; row->id. *renewed says which it was.
 */
MUST_USE enum vault_err sealed_renew(struct change *change, const struct row_keys *keys,
				     const struct row *row, struct vault_bytes sealed,
				     bool *renewed);

#endif
