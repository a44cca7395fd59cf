/*
 * Lockouts: after so many failures within a window an id is refused for a while, known ids and
 * unknown ones alike. Time that elapses is CLOCK_BOOTTIME's, so a moved wall clock neither unlocks
 * nor locks; locks are rows, so a restart does not unlock. Failures that have not locked yet are
 * only in memory.
 */
#ifndef CORE_LOCKOUT_H
#define CORE_LOCKOUT_H

#include "vaultd/core/op.h"

#define SOURCE_FAILURES 100 /* of tenant.update's source_limit, where a tenant says nothing */
#define SOURCE_WINDOW INT64_C(300) /* seconds, like the next */
#define SOURCE_BLOCK INT64_C(300)
#define LOCKOUT_SOURCE_DEFAULT                                                                     \
	((const struct lockout_rule){ SOURCE_FAILURES, SOURCE_WINDOW * 1000, SOURCE_BLOCK * 1000 })
#define LOCKOUT_DEFAULT                                                                            \
	((struct lockout_rule){ .failures = 5,                                                     \
				.window_ms = INT64_C(30) * 60 * 1000,                              \
				.block_ms = INT64_C(30) * 60 * 1000 })

/* What locks; part of the ids, and so of the store's format. */
enum lockout_kind { LOCKOUT_TOTP = 1, LOCKOUT_API_KEY = 2, LOCKOUT_SOURCE = 3, LOCKOUT_SECRET = 4 };

/*
 * The id of what failed: a kind, the tenant's number (0: none), what was tried (empty is fine) and
 * where from (p NULL: not told). A source that is an address counts as its /32 or /64.
 */
struct lockout_id lockout_id_of(enum lockout_kind kind, uint32_t tenant, struct vault_bytes what,
				struct vault_text source);

/* VAULT_OK, or VAULT_LOCKED with op->fail.retry_after_ms. Costs the same for every id. */
MUST_USE enum vault_err lockout_check(struct op *op, const struct lockout_id *id);

/*
 * Counts a failure, before it is answered. VAULT_OK: answer it. On a worker the failure that would
 * lock gives VAULT_BUSY with op->deferred set: return that, and the committer runs the request
 * again, whole, and writes the lock. There the lock is kept also where the request is then answered
 * with an error, so a handler must have changed nothing else by then. Where the commit fails the
 * request is told so, and the lock stands in memory alone: stricter than what was told, never less.
 */
MUST_USE enum vault_err lockout_failed(struct op *op, const struct lockout_id *id,
				       const struct lockout_rule *rule);
/* Forgets the id's failures; a lock that holds stays. */
void lockout_succeeded(struct op *op, const struct lockout_id *id);

/* At unseal: the locks of the store that still hold. boot_id: as vault_settings has it. */
MUST_USE enum vault_err lockout_load(struct vault *vault, struct txn *txn,
				     const struct clock_now *now);

#endif
