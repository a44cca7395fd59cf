/*
 * The ledger of backups: which were fetched whole, when, to what, and which tenants' keys they may
 * hold. A row for each (kind 18), in the order of the moment that it is of; the newest
 * BACKUP_LEDGER_MAX stay.
 */
#ifndef CORE_BACKUP_LEDGER_H
#define CORE_BACKUP_LEDGER_H

#include "vaultd/core/backups.h"
#include "vaultd/core/sealed.h"

#define BACKUP_LEDGER_MAX 1000

/* On the committer. */
MUST_USE enum vault_err backup_ledger_add(struct change *change, const struct row_keys *store,
					  const struct backup_done *done, int64_t now);

/*
 * The entries from the oldest on: *place is the last one that was given, all zero to begin with.
 * VAULT_NOT_FOUND behind the newest. A backup holds the key of a tenant whose number is below
 * next_tenant and who was there at the time; a split one in its file of keys alone.
 */
MUST_USE enum vault_err backup_ledger_next(struct txn *txn, const struct row_keys *store,
					   struct row_key *place, struct backup_done *entry);
/* When the newest begun, in seconds since 1970; 0: there is none. */
MUST_USE enum vault_err backup_ledger_newest(struct txn *txn, int64_t *begun_at);

#endif
