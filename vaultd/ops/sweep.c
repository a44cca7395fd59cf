#include "vaultd/core/imports.h"
#include "vaultd/core/scrub.h"
#include "vaultd/core/tenant_erase.h"
#include "vaultd/core/tenant_rekey.h"
#include "vaultd/ops/ops.h"

/* Behind all else, because it goes through the whole file. */
static enum vault_err
settle(struct op *op, struct sweep_done *done)
{
	enum vault_err err = tenant_erase_finish(op, done);
	bool settled;

	if (err != VAULT_NOT_FOUND)
		return err;
	TRY(scrub_settle(op, &settled));
	done->scrub = !settled;
	return VAULT_OK;
}

enum vault_err
op_sweep(struct op *op, struct sweep_done *done)
{
	uint32_t number;
	enum vault_err err;

	*done = (struct sweep_done){ .finished = OP_COUNT };
	err = import_forget_dead(op);
	if (err == VAULT_OK)
		done->more = true;
	if (err != VAULT_NOT_FOUND)
		return err;
	err = tenant_erase_next(op, &number);
	if (err == VAULT_OK)
		return tenant_erase_step(op, number, done);
	if (err == VAULT_NOT_FOUND)
		err = sweep_first(op, ROW_REKEY, &number);
	if (err == VAULT_OK)
		return tenant_rekey_step(op, number, done);
	return err == VAULT_NOT_FOUND ? settle(op, done) : err;
}
