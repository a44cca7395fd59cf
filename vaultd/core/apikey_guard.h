/*
 * Who may not go on guessing. With a source, a key's id and the source are locked together after
 * five failures, known ids and unknown alike, and a source that fails too often is limited; without
 * one the caller is limited and no key is locked, for else anyone who can reach the daemon could lock
 * anyone's keys.
 */
#ifndef CORE_APIKEY_GUARD_H
#define CORE_APIKEY_GUARD_H

#include "vaultd/core/op.h"

struct tenant;

struct apikey_guard {
	struct vault_text id;	    /* of the key; p NULL: a foreign one, not known by an id */
	struct vault_text source;   /* p NULL: not told */
	const struct tenant *asked; /* the tenant it is asked in; NULL: in all. Failures of a source
				       count there, whatever keys it tried */
	const struct tenant
		*tenant; /* the key's where it is known, else as asked: whose rules hold;
					NULL: the contract's */
};

/* verify_reason_none, or why it may not: locked or limited, with *retry_ms. */
enum verify_reason apikey_guard_check(struct op *op, const struct apikey_guard *guard,
				      int64_t *retry_ms);
/*
 * Counts a failure. On a worker it may answer VAULT_BUSY with op->deferred set: a lock is to be
 * written.
 */
MUST_USE enum vault_err apikey_guard_failed(struct op *op, const struct apikey_guard *guard);
/* The secret was right: earlier failures of the pair no longer count. */
void apikey_guard_succeeded(struct op *op, const struct apikey_guard *guard);

#endif
