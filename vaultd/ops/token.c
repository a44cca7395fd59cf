#include "vaultd/core/token.h"

#include "vaultd/core/token_revoke.h"
#include "vaultd/core/token_uses.h"
#include "vaultd/ops/ops.h"

enum vault_err
op_token_sign(struct op *op, const struct token_sign_req *req, struct token_sign_res *res)
{
	return token_sign(op, req, res);
}

enum vault_err
op_token_verify(struct op *op, const struct token_verify_req *req, struct token_verify_res *res)
{
	return token_verify(op, req, res);
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
