#include "vaultd/core/token.h"

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
