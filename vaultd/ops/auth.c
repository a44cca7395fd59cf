#include <string.h>

#include "protocol/text.h"
#include "vaultd/core/apikey_verify.h"
#include "vaultd/core/grants.h"
#include "vaultd/core/roles.h"
#include "vaultd/ops/ops.h"

#define GRANTS_SHOWN_MAX 100 /* of the caller's grants that auth.whoami tells */

static enum vault_err
tell_groups(struct op *op, struct auth_whoami_res *res)
{
	const struct identity *who = op->who;
	size_t n = who->group_count < GROUPS_SHOWN_MAX ? who->group_count : GROUPS_SHOWN_MAX;
	int64_t *groups = scratch_alloc(op->scratch, (n + 1) * sizeof *groups);

	if (groups == NULL)
		return VAULT_BUSY;
	for (size_t i = 0; i < n; i++)
		groups[i] = who->groups[i];
	res->groups = (struct vault_ints){ groups, n };
	return VAULT_OK;
}

static enum vault_err
tell_grants(struct op *op, struct auth_whoami_res *res)
{
	struct grant_info *items = scratch_alloc(op->scratch, GRANTS_SHOWN_MAX * sizeof *items);
	bool more = true;

	if (items == NULL)
		return VAULT_BUSY;
	res->grants.v = items;
	for (size_t i = 0; more; i++) {
		const struct holder *holder = policy_holder(op->policy, op->session, i, &more);
		const struct grant *grant = holder == NULL ? NULL : holder->grants;

		for (; grant != NULL && res->grants.n < GRANTS_SHOWN_MAX; grant = grant->next)
			grant_describe(&grant->record, &items[res->grants.n++]);
	}
	return VAULT_OK;
}

enum vault_err
op_auth_whoami(struct op *op, const struct auth_whoami_req *req, struct auth_whoami_res *res)
{
	const struct session *session = op->session;
	int64_t mfa_ms = session->mfa_until_ms - op->now.boot_ms;
	char principal[PRINCIPAL_MAX + 1];

	(void)req;
	session_principal(session, principal);
	res->uid = op->who->uid;
	res->gid = op->who->gid;
	res->pid = op->who->pid;
	if (op->who->unit[0] != '\0')
		res->unit = text_of(op->who->unit);
	if (session->logged_in)
		res->login = text_of(session->login.principal);
	if (session->logged_in && session->login.expires_at != 0)
		res->login_expires_at = (struct vault_opt_int){ session->login.expires_at, true };
	if (mfa_ms > 0)
		res->mfa_left = (struct vault_opt_int){ mfa_ms / 1000, true };
	if (session->narrow_tenant[0] != '\0')
		res->narrowed_to = text_of(session->narrow_tenant);
	TRY(tell_groups(op, res));
	TRY(tell_grants(op, res));
	return op_keep_text(op, text_of(principal), &res->principal);
}

enum vault_err
op_auth_narrow(struct op *op, const struct auth_narrow_req *req, struct auth_narrow_res *res)
{
	struct session *session = op->session;
	struct method_set methods = { 0 };

	(void)res;
	if (req->tenant.p != NULL && session->narrow_tenant[0] != '\0' &&
	    !text_is(req->tenant, session->narrow_tenant))
		return op_fail(op, VAULT_CONFLICT, "tenant",
			       "the connection is narrowed to another tenant for good");
	if (req->methods.v != NULL)
		TRY(methods_read(op, &req->methods, &methods));
	else
		methods = method_set_all();
	session_narrow(session, req->tenant, &methods);
	return VAULT_OK;
}

/* When the login ends if nothing more is asked. */
static int64_t
login_ends_at(const struct op *op, int64_t key_ends_at)
{
	int64_t idle = op->now.wall + SESSION_LOGIN_IDLE_MS / 1000;

	return key_ends_at != 0 && key_ends_at < idle ? key_ends_at : idle;
}

enum vault_err
op_auth_login(struct op *op, const struct auth_login_req *req, struct auth_login_res *res)
{
	struct apikey_login key;
	char principal[PRINCIPAL_MAX + 1];

	if (op->session->logged_in)
		return op_fail(op, VAULT_CONFLICT, NULL, "logged in already; auth.logout ends it");
	TRY(apikey_authenticate(op, req->key, req->source, &key));
	session_login(
		op->session,
		&(struct vault_login){ key.tenant, key.id, key.role, key.creator, key.expires_at },
		&op->now);
	session_principal(op->session, principal);
	res->expires_at = login_ends_at(op, key.expires_at);
	TRY(op_keep_text(op, text_of(principal), &res->principal));
	return op_keep_text(op, text_of(op->session->login.role), &res->role);
}

enum vault_err
op_auth_logout(struct op *op, const struct auth_logout_req *req, struct auth_logout_res *res)
{
	(void)req;
	(void)res;
	session_logout(op->session);
	return VAULT_OK;
}
