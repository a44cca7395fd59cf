#include "vaultd/core/tenant.h"

#include "vaultd/ops/ops.h"

enum vault_err
op_tenant_create(struct op *op, const struct tenant_create_req *req, struct tenant_create_res *res)
{
	(void)res;
	return tenant_create(op, req);
}

enum vault_err
op_tenant_get(struct op *op, const struct tenant_get_req *req, struct tenant_get_res *res)
{
	return tenant_describe(op, req->tenant, res);
}

enum vault_err
op_tenant_list(struct op *op, const struct tenant_list_req *req, struct tenant_list_res *res)
{
	return tenant_page(op, req, res);
}
