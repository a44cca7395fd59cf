/*
 * Whether the store is what the daemon left: everything in it, read whole, against the sums that its
 * head carries. Finds rows and index entries that somebody removed, added or put back from an older
 * copy, which each for itself open as ever.
 */
#ifndef CORE_CHECK_H
#define CORE_CHECK_H

#include "vaultd/core/vault.h"

struct store_check {
	uint64_t revision; /* of the store as it was read */
	uint64_t rows, entries;
	bool differs[TABLE_COUNT];
};
/*
 * In the snapshot of txn, on any thread. VAULT_BUSY when the vault is being sealed; VAULT_INTEGRITY
 * where the head is not there or does not open.
 */
MUST_USE enum vault_err check_store(struct vault *vault, struct txn *txn,
				    struct store_check *check);

#endif
