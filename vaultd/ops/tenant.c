#include "vaultd/core/rekey.h"
#include "vaultd/core/tenant_erase.h"
#include "vaultd/core/tenant_rekey.h"

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

enum vault_err
op_tenant_update(struct op *op, const struct tenant_update_req *req, struct tenant_update_res *res)
{
	(void)res;
	return tenant_update(op, req);
}

enum vault_err
op_tenant_settings(struct op *op, const struct tenant_settings_req *req,
		   struct tenant_settings_res *res)
{
	(void)res;
	return tenant_settings(op, req);
}

enum vault_err
op_tenant_suspend(struct op *op, const struct tenant_suspend_req *req,
		  struct tenant_suspend_res *res)
{
	(void)req;
	(void)res;
	return tenant_set_state(op, tenant_state_suspended);
}

enum vault_err
op_tenant_resume(struct op *op, const struct tenant_resume_req *req, struct tenant_resume_res *res)
{
	(void)req;
	(void)res;
	return tenant_set_state(op, tenant_state_active);
}

enum vault_err
op_tenant_rekey(struct op *op, const struct tenant_rekey_req *req, struct tenant_rekey_res *res)
{
	(void)req;
	(void)res;
	return tenant_rekey(op);
}

enum vault_err
op_tenant_erase(struct op *op, const struct tenant_erase_req *req, struct tenant_erase_res *res)
{
	TRY(tenant_erase(op, req->confirm, res));
	/* So that a copy of the wrapped tenant key in an old page opens with nothing that is left. */
	return vault_rekey(op->vault, op->change);
}
