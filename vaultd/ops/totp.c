#include "vaultd/core/totp.h"

#include "vaultd/ops/ops.h"

enum vault_err
op_auth_totp(struct op *op, const struct auth_totp_req *req, struct auth_totp_res *res)
{
	(void)res;
	return totp_accept(op, req->code);
}

enum vault_err
op_totp_enroll(struct op *op, const struct totp_enroll_req *req, struct totp_enroll_res *res)
{
	return totp_enroll(op, req, res);
}

enum vault_err
op_totp_list(struct op *op, const struct totp_list_req *req, struct totp_list_res *res)
{
	return totp_page(op, req, res);
}

enum vault_err
op_totp_remove(struct op *op, const struct totp_remove_req *req, struct totp_remove_res *res)
{
	(void)res;
	return totp_remove(op, req->principal);
}
