#include "vaultd/core/policy_explain.h"
#include "vaultd/core/grants.h"
#include "vaultd/core/roles.h"
#include "vaultd/ops/ops.h"

enum vault_err
op_role_put(struct op *op, const struct role_put_req *req, struct role_put_res *res)
{
	(void)res;
	return role_put(op, req);
}

enum vault_err
op_role_get(struct op *op, const struct role_get_req *req, struct role_get_res *res)
{
	return role_get(op, req->role, res);
}

enum vault_err
op_role_list(struct op *op, const struct role_list_req *req, struct role_list_res *res)
{
	return role_page(op, req, res);
}

enum vault_err
op_role_delete(struct op *op, const struct role_delete_req *req, struct role_delete_res *res)
{
	(void)res;
	return role_delete(op, req->role);
}

enum vault_err
op_grant_put(struct op *op, const struct grant_put_req *req, struct grant_put_res *res)
{
	return grant_put(op, req, &res->grant);
}

enum vault_err
op_grant_list(struct op *op, const struct grant_list_req *req, struct grant_list_res *res)
{
	return grant_page(op, req, res);
}

enum vault_err
op_grant_delete(struct op *op, const struct grant_delete_req *req, struct grant_delete_res *res)
{
	(void)res;
	return grant_delete(op, req->grant);
}

enum vault_err
op_policy_explain(struct op *op, const struct policy_explain_req *req,
		  struct policy_explain_res *res)
{
	return policy_explain(op, req, res);
}
