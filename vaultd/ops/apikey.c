#include "vaultd/core/apikey_change.h"
#include "vaultd/core/apikey_list.h"
#include "vaultd/core/apikey_verify.h"
#include "vaultd/ops/ops.h"

enum vault_err
op_apikey_create(struct op *op, const struct apikey_create_req *req, struct apikey_create_res *res)
{
	struct apikey_settings settings = APIKEY_SETTINGS(req);
	struct apikey key;

	TRY(apikey_new(op, req->name, &settings, &key));
	TRY(apikey_issue(op, &key, &res->key));
	res->id = key.rec.id;
	res->name = key.rec.name;
	res->created_at = key.rec.created_at;
	res->expires_at = key.rec.expires_at;
	return VAULT_OK;
}

static void
tell_good(const struct apikey_verdict *verdict, struct apikey_verify_res *res)
{
	const struct apikey_record *rec = &verdict->key.rec;
	int64_t ends_at = apikey_ends_at(rec);

	*res = (struct apikey_verify_res){
		.valid = true,
		.tenant = tenant_name_of(verdict->tenant),
		.id = rec->id,
		.name = rec->name,
		.kind = { (int)rec->kind, true },
		.env = rec->env,
		.scopes = rec->scopes,
		.role = rec->role,
		.expires_at = { ends_at, ends_at != 0 },
		.uses_left = { verdict->uses_left, verdict->uses_left >= 0 },
		.metadata = rec->metadata,
	};
}

enum vault_err
op_apikey_verify(struct op *op, const struct apikey_verify_req *req, struct apikey_verify_res *res)
{
	struct apikey_question question = { .key = req->key,
					    .source = req->source,
					    .env = req->env,
					    .scope = req->scope,
					    .use = req->use,
					    .count = true };
	struct apikey_verdict verdict;

	TRY(apikey_verify(op, &question, &verdict));
	op->note.reason = (uint8_t)verdict.reason;
	if (verdict.reason == verify_reason_none) {
		tell_good(&verdict, res);
		return VAULT_OK;
	}
	res->reason = (struct vault_opt_enum){ (int)verdict.reason, true };
	res->retry_after_ms =
		(struct vault_opt_int){ verdict.retry_after_ms, verdict.retry_after_ms > 0 };
	return VAULT_OK;
}

enum vault_err
op_apikey_get(struct op *op, const struct apikey_get_req *req, struct apikey_get_res *res)
{
	struct apikey key = { 0 };

	TRY(apikey_find(op, req->id, &key));
	return apikey_show(op, &key, res);
}

enum vault_err
op_apikey_list(struct op *op, const struct apikey_list_req *req, struct apikey_list_res *res)
{
	return apikey_page(op, req, res);
}

enum vault_err
op_apikey_update(struct op *op, const struct apikey_update_req *req, struct apikey_update_res *res)
{
	(void)res;
	return apikey_update(op, req);
}

enum vault_err
op_apikey_rotate(struct op *op, const struct apikey_rotate_req *req, struct apikey_rotate_res *res)
{
	return apikey_rotate(op, req, res);
}

enum vault_err
op_apikey_revoke(struct op *op, const struct apikey_revoke_req *req, struct apikey_revoke_res *res)
{
	(void)res;
	if (req->id.p != NULL && (req->created_before.set || req->kind.set))
		return op_fail(op, VAULT_INVALID_PARAMS, "id",
			       "either one key, or all made before a time");
	if (req->id.p != NULL)
		return apikey_revoke(op, req->id, req->reason);
	if (!req->created_before.set)
		return op_fail(op, VAULT_INVALID_PARAMS, "id", "is required, or created_before");
	return apikey_revoke_before(op, req->created_before.v, req->kind.v, req->reason);
}

enum vault_err
op_apikey_delete(struct op *op, const struct apikey_delete_req *req, struct apikey_delete_res *res)
{
	(void)res;
	return apikey_delete(op, req->id);
}

enum vault_err
op_apikey_import(struct op *op, const struct apikey_import_req *req, struct apikey_import_res *res)
{
	struct apikey key;

	TRY(apikey_import(op, req, &key));
	res->id = key.rec.id;
	return VAULT_OK;
}
