#include "vaultd/core/roles.h"

#include "protocol/text.h"
#include "vaultd/base/base64.h"
#include "vaultd/core/grants.h"
#include "vaultd/core/page.h"

enum vault_err
methods_read(struct op *op, const struct vault_texts *patterns, struct method_set *methods)
{
	for (size_t i = 0; i < patterns->n; i++)
		if (method_set_add_pattern(methods, patterns->v[i]) == 0)
			return op_fail(op, VAULT_INVALID_PARAMS, "methods",
				       "a pattern names no method; what exports the store is named "
				       "literally or not at all");
	return VAULT_OK;
}

static bool
caller_holds(const struct policy *policy, const struct op *op, struct vault_text role)
{
	for (size_t i = 0; i < policy->grant_count; i++)
		if (text_equal(policy->grants[i].record.role, role) &&
		    caller_is(op, &policy->grants[i].principal))
			return true;
	return false;
}

/*
 * A role holds wherever it was granted: only who may grant everywhere touches it, and only with one
 * grant that covers what the role is to hold and what it held: those who have it lose that.
 */
static enum vault_err
check_caller(struct op *op, const struct policy *policy, struct vault_text name,
	     struct method_set methods)
{
	static const struct vault_text all[] = { { "*", 1 } };
	static const struct vault_texts everywhere = { all, 1 };
	struct vault_texts names = { &name, 1 };
	struct granting wanted = { .id = op->row->id, .tenants = &everywhere, .names = &names };
	const struct role *before = policy_role(policy, name);
	bool mfa;

	if (caller_holds(policy, op, name))
		return op_fail(op, VAULT_DENIED, "role", "nobody changes a role that he holds");
	if (grant_find(policy, op, &wanted, &mfa) == NULL)
		return mfa ? VAULT_MFA_REQUIRED : VAULT_DENIED;
	if (before != NULL)
		method_set_join(&methods, &before->methods);
	wanted.methods = &methods;
	if (grant_find(policy, op, &wanted, &mfa) != NULL)
		return VAULT_OK;
	return mfa ? VAULT_MFA_REQUIRED
		   : op_fail(op, VAULT_DENIED, "methods", "more than you may grant");
}

/* Granting must stay possible for somebody once the role is what it is to be. */
static enum vault_err
check_holders(struct op *op, struct policy *policy, struct vault_text name,
	      const struct method_set *methods)
{
	for (size_t i = 0; i < policy->role_count; i++)
		if (text_equal(policy->roles[i].name, name))
			policy->roles[i].methods = *methods;
	if (!grants_leave_holder(policy, (struct vault_text){ 0 }))
		return op_fail(op, VAULT_CONFLICT, "methods",
			       "nobody could grant any more: give grant.put to another first");
	return VAULT_OK;
}

/* By the operations' numbers, which stay, 63 to a number: none is then negative. */
static void
note_methods(struct op *op, const struct method_set *methods)
{
	int64_t words[ROLE_AGAIN_WORDS] = { 0 };

	for (int id = 0; id < OP_COUNT; id++)
		if (method_set_has(methods, (enum op_id)id) &&
		    op_rows[id].number < ROLE_AGAIN_WORDS * ROLE_AGAIN_BITS)
			words[op_rows[id].number / ROLE_AGAIN_BITS] |=
				INT64_C(1) << (op_rows[id].number % ROLE_AGAIN_BITS);
	for (size_t i = 0; i < ROLE_AGAIN_WORDS; i++)
		op_note_again(op, words[i]);
}

static enum vault_err
put(struct op *op, struct policy *policy, const struct role_put_req *req)
{
	const struct row_keys *store = &op->vault->keyring.store;
	const struct role *before = policy_role(policy, req->role);
	struct role_record record = { .name = req->role,
				      .methods = req->methods,
				      .created_at =
					      before == NULL ? op->now.wall : before->created_at,
				      .updated_at = op->now.wall };
	struct method_set methods = { 0 };
	enum vault_err err;
	ROW_LOCAL(row);

	if (before != NULL && before->built_in)
		return op_fail(op, VAULT_CONFLICT, "role", "a built-in role; choose another name");
	TRY(methods_read(op, &req->methods, &methods));
	TRY(check_caller(op, policy, req->role, methods));
	TRY(check_holders(op, policy, req->role, &methods));
	if (before == NULL && policy->role_count >= ROLES_MAX)
		return op_fail(op, VAULT_CONFLICT, NULL, "the store holds as many roles as it may");
	row.key = row_key_of(store, ROW_ROLE, text_bytes(req->role));
	err = sealed_find(op->txn, store, &row.key, &row);
	if (err != VAULT_OK && err != VAULT_NOT_FOUND)
		return err;
	op->effects.policy_changed = true;
	note_methods(op, &methods);
	return sealed_put(op->change, store, &row, role_record_type(), &record);
}

enum vault_err
role_put(struct op *op, const struct role_put_req *req)
{
	struct policy *policy;
	enum vault_err err;

	TRY(policy_load(op->txn, &op->vault->keyring.store, &policy));
	err = put(op, policy, req);
	policy_release(policy);
	return err;
}

static bool
in_use(const struct policy *policy, struct vault_text role)
{
	for (size_t i = 0; i < policy->grant_count; i++)
		if (text_equal(policy->grants[i].record.role, role))
			return true;
	return false;
}

static enum vault_err
remove_role(struct op *op, const struct policy *policy, struct vault_text name)
{
	const struct row_keys *store = &op->vault->keyring.store;
	const struct role *role = policy_role(policy, name);
	ROW_LOCAL(row);

	if (role != NULL && role->built_in)
		return op_fail(op, VAULT_CONFLICT, "role", "a built-in role stays");
	TRY(check_caller(op, policy, name, (struct method_set){ 0 }));
	if (role == NULL)
		return op_fail(op, VAULT_NOT_FOUND, "role", "there is no such role");
	if (in_use(policy, name))
		return op_fail(op, VAULT_CONFLICT, "role",
			       "a grant names it; grant.list --role shows which");
	row.key = row_key_of(store, ROW_ROLE, text_bytes(name));
	TRY(sealed_find(op->txn, store, &row.key, &row));
	op->effects.policy_changed = true;
	return sealed_delete(op->change, &row);
}

enum vault_err
role_delete(struct op *op, struct vault_text name)
{
	struct policy *policy;
	enum vault_err err;

	TRY(policy_load(op->txn, &op->vault->keyring.store, &policy));
	err = remove_role(op, policy, name);
	policy_release(policy);
	return err;
}

static enum vault_err
describe(struct op *op, const struct role *role, struct role_get_res *res)
{
	struct vault_text *methods = scratch_alloc(op->scratch, OP_COUNT * sizeof *methods);

	if (methods == NULL)
		return VAULT_BUSY;
	*res = (struct role_get_res){ .role = role->name,
				      .methods = { methods, 0 },
				      .built_in = role->built_in };
	for (int id = 0; id < OP_COUNT; id++)
		if (method_set_has(&role->methods, (enum op_id)id))
			methods[res->methods.n++] = text_of(op_rows[id].method);
	if (!role->built_in) {
		res->created_at = (struct vault_opt_int){ role->created_at, true };
		res->updated_at = (struct vault_opt_int){ role->updated_at, true };
	}
	return VAULT_OK;
}

enum vault_err
role_get(struct op *op, struct vault_text name, struct role_get_res *res)
{
	const struct role *role = policy_role(op->policy, name);

	if (role == NULL)
		return op_fail(op, VAULT_NOT_FOUND, "role", "there is no such role");
	return describe(op, role, res);
}

/* A cursor is the name of the last role shown; a role that went meanwhile ends nothing. */
static enum vault_err
first_behind(struct op *op, struct vault_text cursor, size_t *first)
{
	uint8_t name[BASE64_DECODED_MAX(CURSOR_MAX)];
	size_t len;

	*first = 0;
	if (cursor.p == NULL)
		return VAULT_OK;
	if (!base64url_decode(cursor.p, cursor.len, name, &len))
		return op_fail(op, VAULT_INVALID_PARAMS, "cursor", "not a cursor of this list");
	for (; *first < op->policy->role_count; ++*first)
		if (text_equal(op->policy->roles[*first].name,
			       (struct vault_text){ (const char *)name, len }))
			break;
	if (*first == op->policy->role_count)
		return op_fail(op, VAULT_INVALID_PARAMS, "cursor", "its role is gone; begin again");
	++*first;
	return VAULT_OK;
}

enum vault_err
role_page(struct op *op, const struct role_list_req *req, struct role_list_res *res)
{
	size_t limit = (size_t)req->limit.v, i;
	struct role_get_res *items = scratch_alloc(op->scratch, limit * sizeof *items);
	struct vault_text last;
	char *text;

	if (items == NULL)
		return VAULT_BUSY;
	res->items.v = items;
	TRY(first_behind(op, req->cursor, &i));
	for (; i < op->policy->role_count && res->items.n < limit &&
	       op->scratch->extra < PAGE_BYTES_MAX;
	     i++)
		TRY(describe(op, &op->policy->roles[i], &items[res->items.n++]));
	if (i >= op->policy->role_count)
		return VAULT_OK;
	last = op->policy->roles[i - 1].name;
	text = scratch_alloc(op->scratch, BASE64_LENGTH(NAME_MAX_LEN));
	if (text == NULL)
		return VAULT_BUSY;
	res->cursor = (struct vault_text){ text, base64url_encode((const uint8_t *)last.p, last.len,
								  text) };
	return VAULT_OK;
}
