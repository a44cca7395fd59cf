/*
 * Whether the store and the audit are as new as they once were: the store against the anchor, the
 * audit against both.
 */
#ifndef CORE_ROLLBACK_H
#define CORE_ROLLBACK_H

#include "vaultd/core/vault.h"

/*
 * For vault_load, with the head read: begins the audit behind it. VAULT_INTEGRITY, with
 * opening->why, where something is older than it was or the anchor does not tell, unless
 * opening->accept_rollback; then the audit's first records say what was accepted and by whom, and
 * vault->revision goes on behind the anchor's, so that the store which was given up is the older.
 */
MUST_USE enum vault_err rollback_start(struct vault *vault, const struct audit_keys *keys,
				       struct vault_opening *opening,
				       const struct audit_head *head);

#endif
