#include "vaultd/core/token.h"

#include "protocol/text.h"
#include "vaultd/core/lockout.h"
#include "vaultd/core/token_revoke.h"
#include "vaultd/core/token_uses.h"
#include "vaultd/ops/ops.h"

enum vault_err
op_token_sign(struct op *op, const struct token_sign_req *req, struct token_sign_res *res)
{
	return token_sign(op, req, res);
}

/* Reasons that a token which was never ours gives; an old one of ours gives others. */
static bool
counts_against_source(const struct token_verify_res *res)
{
	switch ((enum verify_reason)res->reason.v) {
	case verify_reason_malformed:
	case verify_reason_algorithm:
	case verify_reason_signature:
	case verify_reason_key_revoked:
	case verify_reason_tenant:
		return !res->valid;
	default:
		return false;
	}
}

/* Where a source is told that sends too many of them, its tokens are not looked at for a while. */
enum vault_err
op_token_verify(struct op *op, const struct token_verify_req *req, struct token_verify_res *res)
{
	const struct lockout_rule *rule = &op->tenant->source_rule;
	struct lockout_id id;

	if (req->source.p == NULL || rule->failures == 0)
		return token_verify(op, req, res);
	id = lockout_id_of(LOCKOUT_SOURCE, op->tenant->keys.tenant, (struct vault_bytes){ 0 },
			   req->source);
	if (lockout_check(op, &id) != VAULT_OK) {
		res->reason = (struct vault_opt_enum){ verify_reason_limited, true };
		op->note.reason = verify_reason_limited;
		return VAULT_OK;
	}
	TRY(token_verify(op, req, res));
	return counts_against_source(res) ? lockout_failed(op, &id, rule) : VAULT_OK;
}

enum vault_err
op_token_uses(struct op *op, const struct token_uses_req *req, struct token_uses_res *res)
{
	return token_uses_show(op, req->jti, res);
}

enum vault_err
op_token_grant_uses(struct op *op, const struct token_grant_uses_req *req,
		    struct token_grant_uses_res *res)
{
	(void)res;
	return token_uses_grant(op, req->jti, req->add);
}

enum vault_err
op_token_revoke(struct op *op, const struct token_revoke_req *req, struct token_revoke_res *res)
{
	(void)res;
	return token_revoke(op, req);
}
