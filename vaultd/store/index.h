/*
 * An index entry's form.
 */
#ifndef STORE_INDEX_H
#define STORE_INDEX_H

#include "vaultd/store/store.h"

#define INDEX_KEY_BYTES 5    /* tenant number, big-endian, and kind: a tenant is one range */
#define INDEX_ENTRY_BYTES 20 /* tag, and record id, big-endian */

/* VAULT_INTEGRITY for what is no entry. */
MUST_USE enum vault_err index_read(struct vault_bytes key_bytes, struct vault_bytes entry,
				   struct row_key *key, uint64_t *id);

#endif
