/*
 * Policy: who may call what. A decision is allow, deny or error, never a bool, and error is no
 * allow.
 */
#ifndef CORE_POLICY_H
#define CORE_POLICY_H

#include "vaultd/core/identity.h"
#include "vaultd/core/keyring.h"

#define GRANTS_MAX 4096 /* loaded into memory */

enum decision { DECISION_ALLOW, DECISION_DENY, DECISION_ERROR };

/* A grant in memory, owned by struct grants. */
struct grant;

struct grants {
	struct grant *v;
	size_t n;
};

/* Loads every grant of the store; VAULT_INTEGRITY where one does not open. */
MUST_USE enum vault_err grants_load(struct txn *txn, const struct row_keys *store,
				    struct grants *grants);
void grants_free(struct grants *grants);
/* Whether uid has the grant that grants_create_owner writes; VAULT_NOT_FOUND where not. */
MUST_USE enum vault_err grants_find_owner(struct txn *txn, const struct row_keys *store,
					  uint32_t uid);
/* sys.init, recover-owner: role owner on everything to uid, who may grant every role. */
MUST_USE enum vault_err grants_create_owner(struct change *change, const struct row_keys *store,
					    uint32_t uid, int64_t now);

/* What is asked. */
struct policy_request {
	const struct op_row *row;
	struct vault_text tenant; /* p NULL where the operation has none */
	struct vault_text target; /* p NULL likewise */
	bool open; /* the vault is open; else only uid 0 and the daemon's own uid have rights */
	uint32_t owner_uid;
};
enum decision policy_decide(const struct grants *grants, const struct identity *who,
			    const struct policy_request *request);

#endif
