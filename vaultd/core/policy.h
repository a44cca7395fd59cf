/*
 * Policy: who may call what. A snapshot of all roles and grants, shared by every thread and
 * replaced whole when one of them changed. A decision is allow, deny or error, never a bool; one
 * whole grant must pass, conditions of several are never mixed.
 */
#ifndef CORE_POLICY_H
#define CORE_POLICY_H

#include <pthread.h>

#include "vaultd/base/clock.h"
#include "vaultd/core/keyring.h"
#include "vaultd/core/method_set.h"
#include "vaultd/core/principal.h"
#include "vaultd/core/session.h"

#define GRANTS_MAX 16384 /* in a store */
#define ROLES_MAX 1024	 /* of the store's own */

#define ROLE_OWNER_NAME "owner"

struct role {
	struct vault_text name;
	struct method_set methods;
	struct vault_texts patterns; /* as role.put gave them; none where it is built in */
	bool built_in;
	int64_t created_at, updated_at;
};

struct grant {
	struct grant_record record;
	struct principal principal;
	const struct role *role;
	struct grant *next; /* of the same holder */
};

/* What one principal holds. */
struct holder {
	struct holder *next; /* in its bucket */
	struct principal principal;
	struct method_set any; /* of all its grants: what is not there is denied at once */
	struct grant *grants;
};

/* A grant under one of its literal tenants, or, with no tenant, under its patterns. */
struct grant_link {
	struct grant_link *next; /* in its bucket */
	const struct holder *holder;
	struct vault_text tenant;
	const struct grant *grant;
};

struct policy {
	_Atomic unsigned references;
	uint64_t generation;
	struct scratch memory; /* everything below stands here */
	struct role *roles;    /* the built-in ones first */
	size_t role_count;
	struct grant *grants;
	size_t grant_count;
	struct holder **holders;
	struct grant_link **links;
	size_t mask;	    /* of both tables' sizes */
	bool group_holders; /* some grant is for a group */
};

/* Every role and grant of the store; VAULT_INTEGRITY where one does not open or reads wrong. */
MUST_USE enum vault_err policy_load(struct txn *txn, const struct row_keys *store,
				    struct policy **policy);
/* NULL is fine. */
void policy_release(struct policy *policy);

/* The snapshot in force, for all threads. */
struct policy_source {
	pthread_mutex_t mutex;
	struct policy *current; /* NULL while sealed */
	_Atomic uint64_t generation;
};
void policy_source_init(struct policy_source *source);
/* Puts a snapshot (which is taken over) in force, or none. */
void policy_publish(struct policy_source *source, struct policy *policy);
/* Makes *mine the one in force; cheap where it is already. */
void policy_follow(struct policy_source *source, struct policy **mine);

enum decision { DECISION_ALLOW, DECISION_DENY, DECISION_MFA, DECISION_ERROR };

/* What is asked. */
struct policy_request {
	const struct op_row *row;
	struct vault_text tenant; /* p NULL where the operation has none */
	struct vault_text target; /* p NULL likewise */
	/* Not known yet: any tenant, or name, that a grant allows will do. */
	bool any_tenant, any_target;
	struct clock_now now;
	bool open; /* the vault is open; else only uid 0 and the daemon's own uid have rights */
	uint32_t owner_uid;
};
/* policy may be NULL while sealed. */
enum decision policy_decide(const struct policy *policy, const struct session *session,
			    const struct policy_request *request);
/*
 * Whose grant lets the session do that: what is made by it may later do no more than that principal
 * may. NULL where none does.
 */
const struct principal *policy_source_of(const struct policy *policy, const struct session *session,
					 const struct policy_request *request);

/* Why one grant does not pass, in the order in which it is looked at. */
enum grant_verdict {
	GRANT_PASSES,
	GRANT_METHOD,
	GRANT_TENANT,
	GRANT_NAME,
	GRANT_TIME,
	GRANT_UNIT,
	GRANT_MFA,
};
enum grant_verdict grant_check(const struct grant *grant, const struct session *session,
			       const struct policy_request *request);

/* On every tenant and name, without any condition, and may grant. */
bool grant_is_lasting(const struct grant *grant);

/*
 * The holders that a session stands for, one call after the other: index counts up from 0. NULL
 * where that principal holds nothing; *more is false behind the last.
 */
const struct holder *policy_holder(const struct policy *policy, const struct session *session,
				   size_t index, bool *more);
const struct holder *policy_holder_of(const struct policy *policy,
				      const struct principal *principal);
const struct role *policy_role(const struct policy *policy, struct vault_text name);

/* Whether a pattern matches all that another does. */
bool pattern_covers(struct vault_text outer, struct vault_text inner);
bool patterns_cover(const struct vault_texts *outer, const struct vault_texts *inner);
bool patterns_match(const struct vault_texts *patterns, struct vault_text text);

/* Whether a grant gives that user the role owner on everything, whenever and wherever from, and
 * lets him grant every role. */
bool policy_has_owner(const struct policy *policy, uint32_t uid);
/* sys.init, recover-owner: role owner on everything to uid, who may grant every role. */
MUST_USE enum vault_err grants_create_owner(struct change *change, const struct row_keys *store,
					    uint32_t uid, int64_t now);

#endif
