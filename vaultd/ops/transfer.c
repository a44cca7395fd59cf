/* A tenant goes to another vault. */
#include "protocol/text.h"
#include "vaultd/core/imports.h"
#include "vaultd/core/prepared.h"
#include "vaultd/core/tenant_export.h"
#include "vaultd/ops/ops.h"

enum vault_err
op_tenant_export(struct op *op, const struct tenant_export_req *req, struct tenant_export_res *res)
{
	struct backup *backup;

	TRY(tenant_export(op, req->passphrase, &backup));
	TRY(op_keep_text(op, text_of(backup->done.backup), &res->backup));
	op->note.id = res->backup;
	return VAULT_OK;
}

enum vault_err
op_tenant_import(struct op *op, const struct tenant_import_req *req, struct tenant_import_res *res)
{
	TRY(imports_begin(op, req->passphrase, &res->import));
	op->note.id = res->import;
	return VAULT_OK;
}

enum vault_err
prepare_import_write(struct op *op, const struct import_write_req *req)
{
	return imports_write(op, req->import, req->offset, req->data, &op->prepared->import);
}

enum vault_err
op_import_write(struct op *op, const struct import_write_req *req, struct import_write_res *res)
{
	(void)req;
	(void)res;
	return import_apply(op, op->prepared->import);
}

enum vault_err
prepare_import_commit(struct op *op, const struct import_commit_req *req)
{
	return imports_end(op, req->import, &op->prepared->import);
}

enum vault_err
op_import_commit(struct op *op, const struct import_commit_req *req, struct import_commit_res *res)
{
	return import_commit(op, op->prepared->import, req->tenant, &res->tenant);
}
