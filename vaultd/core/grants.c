#include "vaultd/core/grants.h"

#include <stdio.h>
#include <string.h>

#include "protocol/text.h"
#include "vaultd/base/random.h"
#include "vaultd/core/page.h"

#define GRANT_ID_BYTES 10 /* random; shown in hexadecimal behind a "g" */
#define UNIT_SUFFIX ".service"

bool
caller_is(const struct op *op, const struct principal *principal)
{
	const struct identity *who = op->who;

	if (principal->kind == PRINCIPAL_KEY)
		return op->session->logged_in &&
		       text_is(principal->text, op->session->login.principal);
	/* A login replaces his rights, not who he is. */
	if (principal->kind == PRINCIPAL_UID)
		return principal->number == who->uid;
	for (size_t i = 0; i < who->group_count; i++)
		if (who->groups[i] == principal->number)
			return true;
	return principal->number == who->gid;
}

/* Whether that session's own grants, whatever their conditions, hold the method on the tenant. */
static bool
holds_somehow(const struct policy *policy, const struct session *session, enum op_id id,
	      struct vault_text tenant)
{
	bool more = true;

	for (size_t i = 0; more; i++) {
		const struct holder *holder = policy_holder(policy, session, i, &more);
		const struct grant *grant = holder == NULL ? NULL : holder->grants;

		for (; grant != NULL; grant = grant->next)
			if (method_set_has(&grant->role->methods, id) &&
			    patterns_match(&grant->record.tenants, tenant))
				return true;
	}
	return false;
}

bool
caller_could(const struct policy *policy, const struct op *op, enum op_id id,
	     struct vault_text tenant)
{
	struct session fresh = { .who = *op->who };

	return holds_somehow(policy, &fresh, id, tenant) ||
	       (op->session->logged_in && holds_somehow(policy, op->session, id, tenant));
}

/* Whether the roles that the grant lets its holder give hold all of those methods together. */
static bool
may_grant_methods(const struct policy *policy, const struct vault_texts *may,
		  const struct method_set *methods)
{
	bool all = texts_hold(may, TEXT_LITERAL("*"));
	struct method_set grantable = { 0 };

	for (size_t i = 0; i < policy->role_count; i++)
		if (all || texts_hold(may, policy->roles[i].name))
			method_set_join(&grantable, &policy->roles[i].methods);
	return method_set_within(methods, &grantable);
}

static bool
may_grant_all(const struct vault_texts *may, const struct granting *wanted)
{
	if (wanted->role.p == NULL)
		return true;
	if (texts_hold(may, TEXT_LITERAL("*")))
		return true;
	if (!texts_hold(may, wanted->role))
		return false;
	for (size_t i = 0; wanted->may_grant != NULL && i < wanted->may_grant->n; i++)
		if (!texts_hold(may, wanted->may_grant->v[i]))
			return false;
	return true;
}

/* What is given may reach no further than what it is given from. */
static bool
reaches(const struct policy *policy, const struct grant_record *from, const struct granting *wanted)
{
	if (!wanted->any_tenants && !patterns_cover(&from->tenants, wanted->tenants))
		return false;
	if (wanted->names != NULL && !patterns_cover(&from->names, wanted->names))
		return false;
	if (from->not_after.set && wanted->role.p != NULL &&
	    (!wanted->not_after.set || wanted->not_after.v > from->not_after.v))
		return false;
	if (wanted->methods != NULL &&
	    !may_grant_methods(policy, &from->may_grant, wanted->methods))
		return false;
	return may_grant_all(&from->may_grant, wanted);
}

/* A connection that was narrowed to a tenant gives nothing on others. */
static bool
beyond_narrow(const struct session *session, const struct granting *wanted)
{
	if (!session->narrowed || session->narrow_tenant[0] == '\0')
		return false;
	for (size_t i = 0; !wanted->any_tenants && i < wanted->tenants->n; i++)
		if (!text_is(wanted->tenants->v[i], session->narrow_tenant))
			return true;
	return wanted->any_tenants;
}

const struct grant *
grant_find(const struct policy *policy, const struct op *op, const struct granting *wanted,
	   bool *mfa)
{
	struct policy_request request = {
		.row = &op_rows[wanted->id], .any_tenant = true, .any_target = true, .now = op->now
	};
	bool more = true;

	*mfa = false;
	if (beyond_narrow(op->session, wanted))
		return NULL;
	for (size_t i = 0; more; i++) {
		const struct holder *holder = policy_holder(policy, op->session, i, &more);
		const struct grant *grant = holder == NULL ? NULL : holder->grants;

		for (; grant != NULL; grant = grant->next) {
			enum grant_verdict verdict = grant_check(grant, op->session, &request);

			if ((verdict != GRANT_PASSES && verdict != GRANT_MFA) ||
			    !reaches(policy, &grant->record, wanted))
				continue;
			if (verdict == GRANT_PASSES)
				return grant;
			*mfa = true;
		}
	}
	return NULL;
}

static enum vault_err
refuse(struct op *op, bool mfa, const char *field, const char *message)
{
	return mfa ? VAULT_MFA_REQUIRED : op_fail(op, VAULT_DENIED, field, message);
}

static bool
pattern_form(struct vault_text pattern, bool (*literal)(struct vault_text))
{
	char whole[NAME_MAX_LEN + 2];

	if (pattern.len == 0 || pattern.len >= sizeof whole)
		return false;
	if (pattern.p[pattern.len - 1] != '*')
		return literal(pattern);
	/* A prefix is one that a literal could begin with. */
	memcpy(whole, pattern.p, pattern.len - 1);
	whole[pattern.len - 1] = 'x';
	return literal((struct vault_text){ whole, pattern.len });
}

static enum vault_err
check_patterns(struct op *op, const char *field, const struct vault_texts *patterns,
	       bool (*literal)(struct vault_text))
{
	if (patterns->v == NULL)
		return VAULT_OK;
	if (patterns->n == 0)
		return op_fail(op, VAULT_INVALID_PARAMS, field, "a grant on none gives nothing");
	for (size_t i = 0; i < patterns->n; i++)
		if (!pattern_form(patterns->v[i], literal))
			return op_fail(op, VAULT_INVALID_PARAMS, field,
				       "each is a name, PREFIX* or *");
	return VAULT_OK;
}

static enum vault_err
check_unit(struct op *op, struct vault_text unit)
{
	size_t suffix = strlen(UNIT_SUFFIX);

	if (unit.p == NULL)
		return VAULT_OK;
	if (unit.len <= suffix || memchr(unit.p, '/', unit.len) != NULL ||
	    memcmp(unit.p + unit.len - suffix, UNIT_SUFFIX, suffix) != 0)
		return op_fail(op, VAULT_INVALID_PARAMS, "unit", "a systemd service: NAME.service");
	return VAULT_OK;
}

static enum vault_err
check_roles(struct op *op, const struct policy *policy, const struct grant_put_req *req)
{
	if (policy_role(policy, req->role) == NULL)
		return op_fail(op, VAULT_NOT_FOUND, "role", "there is no such role");
	for (size_t i = 0; i < req->may_grant.n; i++)
		if (!text_is(req->may_grant.v[i], "*") &&
		    policy_role(policy, req->may_grant.v[i]) == NULL)
			return op_fail(op, VAULT_NOT_FOUND, "may_grant",
				       "there is no such role; * is all of them");
	return VAULT_OK;
}

static enum vault_err
check_form(struct op *op, const struct grant_put_req *req, struct principal *principal)
{
	if (!principal_parse(req->principal, principal))
		return op_fail(op, VAULT_INVALID_PARAMS, "principal",
			       "uid:N, gid:N or key:TENANT/ID");
	TRY(check_patterns(op, "tenants", &req->tenants, text_tenant_name));
	TRY(check_patterns(op, "names", &req->names, text_name));
	TRY(check_unit(op, req->unit));
	if (req->not_before.set && req->not_after.set && req->not_after.v <= req->not_before.v)
		return op_fail(op, VAULT_INVALID_PARAMS, "not_after", "not behind not_before");
	return VAULT_OK;
}

/* What gives its caller the text of an API key. */
static const char *const key_makers[] = { "apikey.create", "apikey.import", "apikey.rotate" };

/*
 * On this connection or another: neither a narrowed connection nor a condition that is not met now
 * keeps him from it.
 */
static bool
can_make(const struct op *op, const struct policy *policy, const struct principal *key)
{
	for (size_t i = 0; i < sizeof key_makers / sizeof key_makers[0]; i++) {
		const struct op_row *row = op_find(text_of(key_makers[i]));

		if (row != NULL && caller_could(policy, op, row->id, key->tenant))
			return true;
	}
	return false;
}

/* Never to himself, to a group of his, or to an API key that he can make. */
static enum vault_err
check_other(struct op *op, const struct policy *policy, const struct principal *principal)
{
	if (caller_is(op, principal) ||
	    (principal->kind == PRINCIPAL_KEY && can_make(op, policy, principal)))
		return op_fail(op, VAULT_DENIED, "principal",
			       "nobody grants to himself, his groups or a key that he can make");
	return VAULT_OK;
}

static enum vault_err
check_right(struct op *op, const struct policy *policy, const struct grant_put_req *req,
	    const struct vault_texts *names)
{
	struct granting wanted = { .id = OP_grant_put,
				   .tenants = &req->tenants,
				   .names = names,
				   .role = req->role,
				   .may_grant = &req->may_grant,
				   .not_after = req->not_after };
	bool mfa;

	if (grant_find(policy, op, &wanted, &mfa) != NULL)
		return VAULT_OK;
	return refuse(op, mfa, NULL,
		      "no grant of yours may give this role on these tenants and names");
}

static void
make_id(char id[static 2 * GRANT_ID_BYTES + 2])
{
	uint8_t bytes[GRANT_ID_BYTES];

	random_bytes(bytes, sizeof bytes);
	id[0] = 'g';
	for (unsigned i = 0; i < GRANT_ID_BYTES; i++)
		snprintf(id + 1 + 2 * i, 3, "%02x", bytes[i]);
}

static enum vault_err
insert(struct op *op, const struct grant_put_req *req, const struct vault_texts *names,
       struct vault_text id)
{
	const struct row_keys *store = &op->vault->keyring.store;
	struct grant_record record = {
		.id = id,
		.principal = req->principal,
		.role = req->role,
		.tenants = req->tenants,
		.names = *names,
		.may_grant = req->may_grant,
		.created_at = op->now.wall,
		.unit = req->unit,
		.not_before = req->not_before,
		.not_after = req->not_after,
		.mfa = req->mfa.v,
	};
	ROW_LOCAL(row);

	row.key = row_key_of(store, ROW_GRANT, text_bytes(id));
	op->effects.policy_changed = true;
	return sealed_put(op->change, store, &row, grant_record_type(), &record);
}

static enum vault_err
put(struct op *op, const struct policy *policy, const struct grant_put_req *req,
    struct vault_text *id)
{
	static const struct vault_text all[] = { { "*", 1 } };
	struct vault_texts names = req->names.n > 0 ? req->names : (struct vault_texts){ all, 1 };
	char text[2 * GRANT_ID_BYTES + 2];
	struct principal principal;

	TRY(check_form(op, req, &principal));
	TRY(check_other(op, policy, &principal));
	TRY(check_right(op, policy, req, &names));
	/* Last: who may not give a role does not learn whether there is one of that name. */
	TRY(check_roles(op, policy, req));
	if (policy->grant_count >= GRANTS_MAX)
		return op_fail(op, VAULT_CONFLICT, NULL,
			       "the store holds as many grants as it may");
	make_id(text);
	TRY(op_keep_text(op, text_of(text), id));
	op->note.id = *id;
	return insert(op, req, &names, *id);
}

enum vault_err
grant_put(struct op *op, const struct grant_put_req *req, struct vault_text *id)
{
	struct policy *policy;
	enum vault_err err;

	TRY(policy_load(op->txn, &op->vault->keyring.store, &policy));
	err = put(op, policy, req, id);
	policy_release(policy);
	return err;
}

/* A user: a group may be empty, and a key's login ends. */
static bool
is_holder(const struct grant *grant)
{
	return grant->principal.kind == PRINCIPAL_UID && grant->principal.number != UID_NOBODY &&
	       method_set_has(&grant->role->methods, OP_grant_put) && grant_is_lasting(grant);
}

bool
grants_leave_holder(const struct policy *policy, struct vault_text without)
{
	for (size_t i = 0; i < policy->grant_count; i++) {
		const struct grant *grant = &policy->grants[i];

		if (is_holder(grant) &&
		    (without.p == NULL || !text_equal(grant->record.id, without)))
			return true;
	}
	return false;
}

static const struct grant *
find_by_id(const struct policy *policy, struct vault_text id)
{
	for (size_t i = 0; i < policy->grant_count; i++)
		if (text_equal(policy->grants[i].record.id, id))
			return &policy->grants[i];
	return NULL;
}

/* Who may not give a grant may not learn of it either. */
static enum vault_err
remove_grant(struct op *op, const struct policy *policy, struct vault_text id)
{
	const struct grant *grant = find_by_id(policy, id);
	struct granting wanted = { .id = OP_grant_delete };
	bool mfa;
	ROW_LOCAL(row);

	if (grant != NULL) {
		wanted.tenants = &grant->record.tenants;
		wanted.names = &grant->record.names;
		wanted.role = grant->record.role;
		wanted.may_grant = &grant->record.may_grant;
		/* Taking away is no giving: it may outlast the taker's own grant. */
		wanted.not_after = (struct vault_opt_int){ 0, true };
	} else {
		static const struct vault_text all[] = { { "*", 1 } };
		static const struct vault_texts everywhere = { all, 1 };

		wanted.tenants = &everywhere;
	}
	if (grant_find(policy, op, &wanted, &mfa) == NULL)
		return refuse(op, mfa, NULL, NULL);
	if (grant == NULL)
		return op_fail(op, VAULT_NOT_FOUND, "grant", "there is no such grant");
	if (!grants_leave_holder(policy, id))
		return op_fail(op, VAULT_CONFLICT, "grant",
			       "nobody could grant any more: give grant.put to another first");
	row.key = row_key_of(&op->vault->keyring.store, ROW_GRANT, text_bytes(id));
	TRY(sealed_find(op->txn, &op->vault->keyring.store, &row.key, &row));
	op->effects.policy_changed = true;
	return sealed_delete(op->change, &row);
}

enum vault_err
grant_delete(struct op *op, struct vault_text id)
{
	struct policy *policy;
	enum vault_err err;

	op->note.id = id;
	TRY(policy_load(op->txn, &op->vault->keyring.store, &policy));
	err = remove_grant(op, policy, id);
	policy_release(policy);
	return err;
}

void
grant_describe(const struct grant_record *record, struct grant_info *info)
{
	*info = (struct grant_info){
		.grant = record->id,
		.principal = record->principal,
		.role = record->role,
		.tenants = record->tenants,
		.names = record->names,
		.unit = record->unit,
		.not_before = record->not_before,
		.not_after = record->not_after,
		.mfa = record->mfa,
		.may_grant = record->may_grant,
		.created_at = record->created_at,
	};
}

/* A grant of the list, unless it is none that was asked for or that the caller may see. */
static enum vault_err
list_row(struct op *op, const struct row *row, void *item)
{
	const struct grant_list_req *req = op->listing;
	struct granting wanted = { .id = OP_grant_list };
	struct grant_record record;
	struct vault_bytes copy;
	bool mfa;

	TRY(op_keep_bytes(op, row_plain(row), &copy));
	TRY(record_decode(grant_record_type(), copy, op->scratch, &record));
	if ((req->principal.p != NULL && !text_equal(req->principal, record.principal)) ||
	    (req->role.p != NULL && !text_equal(req->role, record.role)))
		return VAULT_NOT_FOUND;
	wanted.tenants = &record.tenants;
	if (grant_find(op->policy, op, &wanted, &mfa) == NULL)
		return VAULT_NOT_FOUND;
	grant_describe(&record, item);
	return VAULT_OK;
}

enum vault_err
grant_page(struct op *op, const struct grant_list_req *req, struct grant_list_res *res)
{
	struct page page = { .op = op,
			     .keys = &op->vault->keyring.store,
			     .kind = ROW_GRANT,
			     .item = grant_info_type(),
			     .make = list_row,
			     .limit = req->limit.v,
			     .cursor = req->cursor };
	struct object_list items = { 0 };

	op->listing = req;
	TRY(page_walk(&page, &items, &res->cursor));
	res->items.v = items.v;
	res->items.n = items.n;
	return VAULT_OK;
}
