#include "protocol/text.h"
#include "vaultd/core/apikey_change.h"
#include "vaultd/core/apikey_text.h"
#include "vaultd/core/cidr.h"

#define ENV_DEFAULT TEXT_LITERAL("live")
#define ROLE_OF_PRIMARY TEXT_LITERAL("tenant-admin")

enum vault_err
apikey_set_scopes(struct op *op, struct apikey_record *rec, const struct vault_texts *scopes)
{
	static const struct vault_text admin[] = { { "admin", 5 } };

	for (size_t i = 0; i < scopes->n; i++)
		if (!apikey_scope(scopes->v[i]))
			return op_fail(op, VAULT_INVALID_PARAMS, "scopes",
				       "a scope is 1 to 64 of a-z 0-9 . _ : -");
	if (rec->kind == apikey_kind_primary) {
		if (scopes->n > 1 || (scopes->n == 1 && !text_equal(scopes->v[0], admin[0])))
			return op_fail(op, VAULT_INVALID_PARAMS, "scopes",
				       "a primary key has the scope admin");
		rec->scopes = (struct vault_texts){ admin, 1 };
		return VAULT_OK;
	}
	rec->scopes = *scopes;
	return VAULT_OK;
}

enum vault_err
apikey_set_sources(struct op *op, struct apikey_record *rec, const struct vault_texts *sources)
{
	uint8_t *packed;

	rec->sources = (struct vault_bytes){ 0 };
	/* An empty list would let nobody in; without one every source may. */
	if (sources->n == 0)
		return VAULT_OK;
	packed = scratch_alloc(op->scratch, sources->n * CIDR_BYTES);
	if (packed == NULL)
		return VAULT_BUSY;
	for (size_t i = 0; i < sources->n; i++)
		if (!cidr_parse(sources->v[i], packed + i * CIDR_BYTES))
			return op_fail(op, VAULT_INVALID_PARAMS, "sources",
				       "a source is ADDRESS/BITS without bits set behind the "
				       "prefix, or an address");
	rec->sources = (struct vault_bytes){ packed, sources->n * CIDR_BYTES };
	return VAULT_OK;
}

enum vault_err
apikey_set_name(struct op *op, struct apikey_record *rec, struct vault_text name)
{
	struct row_key place = row_key_of(&op->tenant->keys, ROW_APIKEY, text_bytes(name));
	struct vault_bytes tag = { place.tag, sizeof place.tag };

	rec->name = name;
	return op_keep_bytes(op, tag, &rec->name_tag);
}

/* One that is there, not of class admin, within what the caller may do. */
static enum vault_err
check_role(struct op *op, struct vault_text role)
{
	const struct role *found;

	if (role.p == NULL)
		return VAULT_OK;
	found = policy_role(op->policy, role);
	if (found == NULL)
		return op_fail(op, VAULT_INVALID_PARAMS, "role", "there is no such role");
	for (int id = 0; id < OP_COUNT; id++) {
		if (!method_set_has(&found->methods, (enum op_id)id))
			continue;
		if (op_rows[id].class == CLASS_ADMIN || (op_rows[id].flags & OP_EXPORTS) != 0)
			return op_fail(op, VAULT_INVALID_PARAMS, "role",
				       "a key cannot have a role with methods of class admin");
		/* On every name, for that is what the role will give. */
		if (op_require(op, (enum op_id)id, tenant_name_of(op->tenant), TEXT_LITERAL("")) !=
		    VAULT_OK)
			return op_fail(op, VAULT_DENIED, "role",
				       "the role goes beyond what you may do yourself");
	}
	return VAULT_OK;
}

enum vault_err
apikey_set_role(struct op *op, struct apikey_record *rec, struct vault_text role)
{
	if (rec->kind == apikey_kind_primary) {
		if (role.p != NULL && !text_equal(role, ROLE_OF_PRIMARY))
			return op_fail(op, VAULT_INVALID_PARAMS, "role",
				       "a primary key has the role tenant-admin");
		role = ROLE_OF_PRIMARY;
	}
	TRY(check_role(op, role));
	rec->role = role;
	return op_creator(op, &rec->creator);
}

static enum vault_err
set_expiry(struct op *op, struct apikey_record *rec, struct vault_opt_int expires_at)
{
	if (!expires_at.set)
		return VAULT_OK;
	if (expires_at.v <= op->now.wall)
		return op_fail(op, VAULT_INVALID_PARAMS, "expires_at", "in the past");
	rec->expires_at = expires_at;
	rec->lifetime = (struct vault_opt_int){ expires_at.v - op->now.wall, true };
	return VAULT_OK;
}

static enum vault_err
set_uses(struct op *op, struct apikey_record *rec, const struct apikey_settings *settings)
{
	if (settings->refill != NULL && !settings->uses.set)
		return op_fail(op, VAULT_INVALID_PARAMS, "refill", "there is no number of uses");
	rec->uses = rec->uses_left = settings->uses;
	if (settings->refill == NULL)
		return VAULT_OK;
	rec->refill_amount = (struct vault_opt_int){ settings->refill->amount, true };
	rec->refill_period = (struct vault_opt_int){ settings->refill->period, true };
	rec->refilled_at = (struct vault_opt_int){ op->now.wall, true };
	return VAULT_OK;
}

enum vault_err
apikey_new(struct op *op, struct vault_text name, const struct apikey_settings *settings,
	   struct apikey *key)
{
	struct apikey_record *rec = &key->rec;

	*key = (struct apikey){ .rec = { .kind = settings->kind,
					 .env = settings->env.p == NULL ? ENV_DEFAULT
									: settings->env,
					 .hint = TEXT_LITERAL(""),
					 .created_at = op->now.wall,
					 .owner = settings->owner,
					 .metadata = settings->metadata } };
	if (!apikey_env(rec->env))
		return op_fail(op, VAULT_INVALID_PARAMS, "env", "2 to 8 letters a-z");
	TRY(apikey_set_name(op, rec, name));
	TRY(apikey_set_scopes(op, rec, &settings->scopes));
	TRY(apikey_set_role(op, rec, settings->role));
	TRY(set_expiry(op, rec, settings->expires_at));
	TRY(apikey_set_sources(op, rec, &settings->sources));
	if (settings->limit != NULL) {
		rec->limit_rate = (struct vault_opt_int){ settings->limit->rate, true };
		rec->limit_burst = (struct vault_opt_int){ settings->limit->burst, true };
	}
	return set_uses(op, rec, settings);
}
