#include "vaultd/core/webhook.h"

#include "vaultd/ops/ops.h"

static enum vault_err
webhook_key(struct op *op, struct vault_text name, const struct key **key)
{
	TRY(key_get(op, "key", name, key));
	return key_require_usage(op, *key, key_usage_webhook);
}

enum vault_err
op_webhook_sign(struct op *op, const struct webhook_sign_req *req, struct webhook_sign_res *res)
{
	const struct key *key;

	TRY(webhook_key(op, req->key, &key));
	return webhook_sign(op, key, req, &res->headers);
}

/* The audit has one list of reasons for all that verifies. */
static const uint8_t noted[] = {
	[webhook_reason_none] = verify_reason_none,
	[webhook_reason_malformed] = verify_reason_malformed,
	[webhook_reason_signature] = verify_reason_signature,
	[webhook_reason_timestamp] = verify_reason_timestamp,
};

enum vault_err
op_webhook_verify(struct op *op, const struct webhook_verify_req *req,
		  struct webhook_verify_res *res)
{
	enum webhook_reason reason;
	const struct key *key;

	TRY(webhook_key(op, req->key, &key));
	TRY(webhook_verify(op, key, req, &reason));
	res->valid = reason == webhook_reason_none;
	if (!res->valid)
		res->reason = (struct vault_opt_enum){ (int)reason, true };
	op->note.reason = noted[reason];
	return VAULT_OK;
}
