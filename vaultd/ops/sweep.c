#include "vaultd/core/tenant_rekey.h"
#include "vaultd/ops/ops.h"

enum vault_err
op_sweep(struct op *op, struct sweep_done *done)
{
	uint32_t number;
	enum vault_err err;

	*done = (struct sweep_done){ .finished = OP_COUNT };
	err = sweep_first(op, ROW_REKEY, &number);
	if (err == VAULT_OK)
		return tenant_rekey_step(op, number, done);
	return err == VAULT_NOT_FOUND ? VAULT_OK : err;
}
