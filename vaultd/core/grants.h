/*
 * Grants as they are given and taken. Escalation is closed here: a grant lists the roles that its
 * holder may grant, on its tenants, never to himself; the last holder of grant.put cannot lose it.
 */
#ifndef CORE_GRANTS_H
#define CORE_GRANTS_H

#include "vaultd/core/op.h"

/* On the committer, which decides on what the change's transaction holds. */
MUST_USE enum vault_err grant_put(struct op *op, const struct grant_put_req *req,
				  struct vault_text *id);
MUST_USE enum vault_err grant_delete(struct op *op, struct vault_text id);
/* Those on tenants that the caller may list the grants of. */
MUST_USE enum vault_err grant_page(struct op *op, const struct grant_list_req *req,
				   struct grant_list_res *res);
/* A grant as it is shown; views into the snapshot's memory. */
void grant_describe(const struct grant_record *record, struct grant_info *info);

/*
 * The caller's first grant that lets him do that, on those tenants and names, and that satisfies
 * "may"; NULL where there is none, and *mfa tells whether a code would help.
 */
struct granting {
	enum op_id id;
	const struct vault_texts *tenants, *names;
	struct vault_text role;		     /* p NULL: any */
	const struct vault_texts *may_grant; /* NULL: none */
	const struct method_set *methods;    /* of roles that it may grant; NULL: none */
	struct vault_opt_int not_after;
	bool any_tenants;
};
const struct grant *grant_find(const struct policy *policy, const struct op *op,
			       const struct granting *wanted, bool *mfa);

/* Whether somebody could still grant, were the grant of that id not there (p NULL: as it is). */
bool grants_leave_holder(const struct policy *policy, struct vault_text without);

/* Whether the grant names that tenant and not by a pattern, or is an API key's of it. */
bool grant_names_tenant(const struct grant_record *record, struct vault_text tenant);
/*
 * On the committer: takes the tenant out of every grant that names it; one that is for no other
 * tenant, or for an API key of it, goes.
 */
MUST_USE enum vault_err grants_forget_tenant(struct op *op, struct vault_text tenant);

/* Whether the caller is that principal, or one of its groups; logged in, he is both. */
bool caller_is(const struct op *op, const struct principal *principal);
/* Whether some connection of the caller's, at some time, could do that on the tenant. */
bool caller_could(const struct policy *policy, const struct op *op, enum op_id id,
		  struct vault_text tenant);

#endif
