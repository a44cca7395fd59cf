#include "vaultd/core/policy_explain.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/text.h"
#include "vaultd/core/grants.h"

static const struct {
	const char *reason, *missing;
} verdicts[] = {
	[GRANT_PASSES] = { "a grant passes", NULL },
	[GRANT_METHOD] = { "no role of the principal holds the method",
			   "a grant of a role that holds it" },
	[GRANT_TENANT] = { "a role holds the method, but on other tenants",
			   "a grant on this tenant" },
	[GRANT_NAME] = { "a grant on the tenant passes, but for other names",
			 "a grant on this name" },
	[GRANT_UNIT] = { "the grant is for another systemd unit",
			 "to be asked from the grant's unit" },
	[GRANT_TIME] = { "the grant does not count at this time", "a grant that counts now" },
	[GRANT_MFA] = { "the grant needs a one-time code", "auth.totp on the connection" },
};

/*
 * What another principal holds on other tenants is told only to who may ask about those. A grant
 * that reaches the tenant that was asked about is the caller's to know: he may ask about that one.
 */
static bool
may_know(struct op *op, const struct session *session, const struct grant *grant,
	 enum grant_verdict verdict)
{
	struct granting asked = { .id = op->row->id, .tenants = &grant->record.tenants };
	bool mfa;

	return session == op->session || verdict != GRANT_TENANT ||
	       grant_find(op->policy, op, &asked, &mfa) != NULL;
}

/* The grant that comes nearest to passing. */
static enum grant_verdict
best_grant(struct op *op, const struct session *session, const struct policy_request *request,
	   const struct grant **best)
{
	enum grant_verdict verdict = GRANT_METHOD;
	bool more = true;

	*best = NULL;
	for (size_t i = 0; more; i++) {
		const struct holder *holder = policy_holder(op->policy, session, i, &more);
		const struct grant *grant = holder == NULL ? NULL : holder->grants;

		for (; grant != NULL; grant = grant->next) {
			enum grant_verdict this = grant_check(grant, session, request);

			if (this != GRANT_METHOD && may_know(op, session, grant, this) &&
			    (this == GRANT_PASSES || this > verdict || *best == NULL)) {
				*best = grant;
				verdict = this;
			}
			if (this == GRANT_PASSES)
				return this;
		}
	}
	return verdict;
}

static void
say(struct policy_explain_res *res, const char *reason, const char *missing)
{
	res->reason = text_of(reason);
	if (missing != NULL)
		res->missing = text_of(missing);
}

static void
explain_grants(struct op *op, const struct session *session, const struct policy_request *request,
	       struct policy_explain_res *res)
{
	const struct grant *grant;
	enum grant_verdict verdict = best_grant(op, session, request, &grant);

	say(res, verdicts[verdict].reason, verdicts[verdict].missing);
	if (grant == NULL)
		return;
	res->grant = grant->record.id;
	res->role = grant->record.role;
}

/* A session such as the named principal would have. */
static struct session *
session_of(const struct principal *principal, bool admin)
{
	struct identity who = { .uid = UID_NOBODY, .gid = GID_NOBODY, .admin_socket = admin };
	struct session *session;

	if (principal->kind == PRINCIPAL_UID)
		who.uid = principal->number;
	if (principal->kind == PRINCIPAL_GID)
		who.gid = principal->number;
	session = session_new(&who);
	if (session == NULL || principal->kind != PRINCIPAL_KEY)
		return session;
	session->logged_in = true;
	memcpy(session->login.principal, principal->text.p, principal->text.len);
	return session;
}

/* As dispatch will find it: where the method takes no tenant, none can be given. */
static bool
takes_tenant(const struct op_row *row)
{
	const struct object_type *type = row->request();

	for (unsigned i = 0; i < type->count; i++)
		if (type->fields[i].kind == FIELD_TENANT)
			return true;
	return (row->flags & OP_LATE_TENANT) != 0;
}

static enum vault_err
explain(struct op *op, const struct session *session, const struct op_row *row,
	const struct policy_explain_req *req, struct policy_explain_res *res)
{
	struct policy_request request = {
		.row = row,
		.tenant = takes_tenant(row) ? req->tenant : (struct vault_text){ 0 },
		.target = req->name,
		.any_tenant = (row->flags & OP_LATE_TENANT) != 0 && req->tenant.p == NULL,
		.any_target = (row->flags & OP_LATE_NAME) != 0 && req->name.p == NULL,
		.now = op->now,
		.open = true,
	};

	res->allowed = policy_decide(op->policy, session, &request) == DECISION_ALLOW;
	if ((row->flags & OP_OPEN) != 0 && res->allowed)
		say(res, "the method needs no grant", NULL);
	else if (row->class == CLASS_ADMIN && !session->who.admin_socket)
		say(res, "the method is answered on admin.sock only", "to be asked on admin.sock");
	else
		explain_grants(op, session, &request, res);
	/* A grant passes, and still the caller's own connection is not let through. */
	if (!res->allowed && res->missing.p == NULL)
		say(res, "the connection gave up the right by auth.narrow", "another connection");
	return VAULT_OK;
}

enum vault_err
policy_explain(struct op *op, const struct policy_explain_req *req, struct policy_explain_res *res)
{
	const struct op_row *row = op_find(req->method);
	struct principal principal;
	struct session *session;
	enum vault_err err;

	if (row == NULL)
		return op_fail(op, VAULT_INVALID_PARAMS, "method",
			       "there is no such method; sys.methods lists them");
	if (req->principal.p == NULL)
		return explain(op, op->session, row, req, res);
	if (!principal_parse(req->principal, &principal))
		return op_fail(op, VAULT_INVALID_PARAMS, "principal",
			       "uid:N, gid:N or key:TENANT/ID");
	session = session_of(&principal, row->class == CLASS_ADMIN);
	if (session == NULL)
		return VAULT_BUSY;
	err = explain(op, session, row, req, res);
	session_release(session);
	return err;
}
