#include <string.h>

#include "protocol/text.h"
#include "vaultd/core/claims.h"
#include "vaultd/core/domain.h"
#include "vaultd/core/key_change.h"
#include "vaultd/core/profile.h"
#include "vaultd/core/token_life.h"
#include "vaultd/core/tombstone.h"

/* A scratch cursor's worth of JSON, to see whether a value can stand in a token. */
static bool
fits_json(struct vault_bytes value)
{
	struct cursor c = { value.p, value.p + value.len };
	struct buf out = { 0 };
	bool ok = json_put_value(&out, &c) == VAULT_OK;

	buf_free(&out);
	return ok;
}

static enum vault_err
check_scopes(struct op *op, const struct vault_texts *scopes)
{
	for (size_t i = 0; i < scopes->n; i++)
		if (!text_scope(scopes->v[i]))
			return op_fail(
				op, VAULT_INVALID_PARAMS, "scopes",
				"a scope is printable ASCII without space, quote and backslash");
	return VAULT_OK;
}

static enum vault_err
check_domains(struct op *op, const struct vault_texts *domains)
{
	for (size_t i = 0; i < domains->n; i++)
		if (!domain_pattern(domains->v[i]))
			return op_fail(op, VAULT_INVALID_PARAMS, "domains",
				       "each is a host name (an internationalised one as xn--), or "
				       "*. and a host name");
	return VAULT_OK;
}

/* They are kept, shown and compared in lower case. */
static enum vault_err
fold_domains(struct op *op, const struct vault_texts *domains, struct vault_texts *folded)
{
	struct vault_text *v;

	*folded = *domains;
	if (domains->n == 0)
		return VAULT_OK;
	v = scratch_alloc(op->scratch, domains->n * sizeof *v);
	if (v == NULL)
		return VAULT_BUSY;
	for (size_t i = 0; i < domains->n; i++) {
		char *text = scratch_room(op->scratch, domains->v[i].len);

		if (text == NULL)
			return VAULT_BUSY;
		v[i] = domain_fold(domains->v[i], text);
	}
	folded->v = v;
	return VAULT_OK;
}

static enum vault_err
check_names(struct op *op, const char *field, const struct vault_texts *names)
{
	for (size_t i = 0; i < names->n; i++) {
		if (claim_reserved(names->v[i]))
			return op_fail(op, VAULT_INVALID_PARAMS, field,
				       "only the daemon sets this claim");
		for (size_t j = 0; j < i; j++)
			if (text_equal(names->v[i], names->v[j]))
				return op_fail(op, VAULT_INVALID_PARAMS, field,
					       "a name is given twice");
	}
	return VAULT_OK;
}

static enum vault_err
check_fixed(struct op *op, struct vault_map fixed)
{
	struct cursor c;
	struct claim claim;
	uint32_t left;

	if (fixed.p == NULL)
		return VAULT_OK;
	c = (struct cursor){ fixed.p, fixed.p + fixed.len };
	if (!cursor_map(&c, &left))
		return VAULT_OK;
	while (claims_next(&c, &left, &claim)) {
		if (claim_reserved(claim.name))
			return op_fail(op, VAULT_INVALID_PARAMS, "fixed",
				       "only the daemon sets this claim");
		if (claim.name.len < 1 || claim.name.len > 256 || !fits_json(claim.value))
			return op_fail(op, VAULT_INVALID_PARAMS, "fixed",
				       "a claim cannot hold this value");
	}
	return VAULT_OK;
}

static enum vault_err
check_values(struct op *op, struct vault_map values)
{
	struct cursor c = { values.p, values.p + values.len };
	struct claim claim;
	uint32_t left;

	if (values.p == NULL || !cursor_map(&c, &left))
		return VAULT_OK;
	while (claims_next(&c, &left, &claim)) {
		struct cursor list = { claim.value.p, claim.value.p + claim.value.len };

		if (claim_reserved(claim.name) || cursor_type(&list) != CURSOR_ARRAY ||
		    !fits_json(claim.value))
			return op_fail(op, VAULT_INVALID_PARAMS, "values",
				       "each entry is a claim and the list of its allowed values");
	}
	return VAULT_OK;
}

static enum vault_err
check_settings(struct op *op, const struct profile_put_req *req)
{
	if (req->ttl.set && req->ttl.v > req->max_ttl.v)
		return op_fail(op, VAULT_INVALID_PARAMS, "ttl", "above max_ttl");
	TRY(check_scopes(op, &req->scopes));
	TRY(check_domains(op, &req->domains));
	TRY(check_names(op, "claims", &req->claims));
	TRY(check_names(op, "required", &req->required_));
	TRY(check_fixed(op, req->fixed));
	return check_values(op, req->values);
}

static struct profile_record
settings_of(const struct profile_put_req *req)
{
	return (struct profile_record){
		.name = req->name,
		.key = req->key,
		.typ = req->typ.p == NULL ? TEXT_LITERAL("JWT") : req->typ,
		.issuer = req->issuer,
		.audience = req->audience,
		.ttl = req->ttl.set || req->ttl.v < req->max_ttl.v ? req->ttl.v : req->max_ttl.v,
		.max_ttl = req->max_ttl.v,
		.leeway = req->leeway.v,
		.scopes = req->scopes,
		.domains = req->domains,
		.max_uses = req->max_uses,
		.subject = req->subject.v,
		.tenant_claim = req->tenant_claim.v,
		.claims = req->claims,
		.required_ = req->required_,
		.fixed = req->fixed,
		.values = req->values,
		.legacy_until = req->legacy_until,
	};
}

/* Whoever points a profile at a key decides what the key signs. */
static enum vault_err
require_key(struct op *op, struct vault_text key)
{
	enum vault_err err = op_require(op, OP_key_update, tenant_name_of(op->tenant), key);

	if (err == VAULT_DENIED)
		return op_fail(op, err, "key", "pointing a profile at it needs key.update on it");
	return err;
}

enum vault_err
profile_put(struct op *op, const struct profile_put_req *req)
{
	struct profile_record record = settings_of(req), before;
	const struct key *key;
	enum vault_err err;
	ROW_LOCAL(row);

	TRY(check_settings(op, req));
	TRY(key_get(op, "key", req->key, &key));
	TRY(key_require_usage(op, key, key_usage_token));
	TRY(fold_domains(op, &req->domains, &record.domains));
	TRY(key_extend_life(op, req->key, record.max_ttl + record.leeway));
	TRY(token_life_extend(op, record.max_ttl, record.legacy_until.v));
	row.key = row_key_of(&op->tenant->keys, ROW_PROFILE, text_bytes(req->name));
	op->note.target = row.key;
	err = sealed_find(op->txn, &op->tenant->keys, &row.key, &row);
	if (err == VAULT_OK)
		err = record_decode(profile_record_type(), row_plain(&row), op->scratch, &before);
	if (err != VAULT_OK && err != VAULT_NOT_FOUND)
		return err;
	if (err == VAULT_NOT_FOUND || !text_equal(before.key, req->key))
		TRY(require_key(op, req->key));
	record.created_at = err == VAULT_OK ? before.created_at : op->now.wall;
	record.updated_at = op->now.wall;
	op->effects.touched = op->tenant->slot;
	return sealed_put(op->change, &op->tenant->keys, &row, profile_record_type(), &record);
}

enum vault_err
profile_delete(struct op *op, struct vault_text name)
{
	struct row_key place = row_key_of(&op->tenant->keys, ROW_PROFILE, text_bytes(name));
	enum vault_err err;
	ROW_LOCAL(row);

	err = sealed_find(op->txn, &op->tenant->keys, &place, &row);
	if (err == VAULT_NOT_FOUND)
		return op_fail(op, err, "name", "there is no such profile");
	TRY(err);
	op->note.target = place;
	TRY(sealed_delete(op->change, &row));
	op->effects.touched = op->tenant->slot;
	return tombstone_put(op, &place, name, 0);
}

enum vault_err
profile_show(struct op *op, const struct row *row, struct profile_get_res *res)
{
	struct profile_record record;
	struct vault_bytes copy;

	/* The answer points into the record, which must outlive the row. */
	TRY(op_keep_bytes(op, row_plain(row), &copy));
	TRY(record_decode(profile_record_type(), copy, op->scratch, &record));
	*res = (struct profile_get_res){
		.name = record.name,
		.key = record.key,
		.typ = record.typ,
		.issuer = record.issuer,
		.audience = record.audience,
		.ttl = record.ttl,
		.max_ttl = record.max_ttl,
		.leeway = record.leeway,
		.scopes = record.scopes,
		.domains = record.domains,
		.max_uses = record.max_uses,
		.subject = record.subject,
		.tenant_claim = record.tenant_claim,
		.claims = record.claims,
		.required_ = record.required_,
		.fixed = record.fixed,
		.values = record.values,
		.legacy_until = record.legacy_until,
		.created_at = record.created_at,
		.updated_at = record.updated_at,
	};
	return VAULT_OK;
}

static enum vault_err
longest_of(struct op *op, struct row_walk *walk, struct vault_text key_name, int64_t *seconds)
{
	struct vault_bytes sealed;
	struct row_key key;
	enum vault_err err;
	uint64_t id;

	while ((err = row_walk_next(walk, &key, &id, &sealed)) == VAULT_OK) {
		struct profile_record record;
		ROW_LOCAL(row);

		TRY(sealed_open(&op->tenant->keys, &key, sealed, &row));
		TRY(record_decode(profile_record_type(), row_plain(&row), op->scratch, &record));
		if (text_equal(record.key, key_name) && record.max_ttl + record.leeway > *seconds)
			*seconds = record.max_ttl + record.leeway;
	}
	return err == VAULT_NOT_FOUND ? VAULT_OK : err;
}

enum vault_err
profile_longest_life(struct op *op, struct vault_text key, int64_t *seconds)
{
	struct row_walk walk;
	enum vault_err err;

	*seconds = 0;
	TRY(row_walk_open(op->txn, op->tenant->keys.tenant, ROW_PROFILE, NULL, &walk));
	err = longest_of(op, &walk, key, seconds);
	row_walk_close(&walk);
	return err;
}
