/*
 * The store's format, a number in meta, and the way from older ones to this build's. A step runs as
 * the vault is loaded, in the transaction that unseals it, and so is made whole or not at all. What
 * else is written by then (the audit's new segment) is the same in every format.
 *
 * Format 2: the head holds sums over all tables, and says whether there is an anchor. A build of
 * format 1 would go on writing without keeping up either, so it must not open the store.
 */
#ifndef CORE_MIGRATE_H
#define CORE_MIGRATE_H

#include "vaultd/core/vault.h"

/*
 * Brings the store to STORE_FORMAT; *from: the one it was of. Keys are loaded, the head is read, sums
 * are kept.
 */
MUST_USE enum vault_err migrate_store(struct vault *vault, struct txn *txn, uint8_t *from);
/* What the step from that format, an older one, to the next brings. */
const char *migrate_step(uint8_t format);
/* Reads the whole store, and begins the sums that every head carries from then on. */
MUST_USE enum vault_err migrate_begin_sums(struct vault *vault, struct txn *txn);

#endif
