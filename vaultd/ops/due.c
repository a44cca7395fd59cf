#include "vaultd/core/imports.h"
#include "vaultd/core/key_change.h"
#include "vaultd/ops/ops.h"

enum vault_err
op_due(struct op *op, const struct due_entry *entry, struct due_done *done)
{
	struct vault_text name;
	struct key_due key;
	enum vault_err err;

	*done = (struct due_done){ .op = OP_COUNT };
	err = tenant_name_by_number(op, entry->target.tenant, &name);
	if (err == VAULT_OK)
		err = tenant_get(op, name, &op->tenant);
	/* It comes up again once the tenant is whole. */
	if (err == VAULT_NOT_FOUND && import_lives(op->vault, entry->target.tenant))
		return due_postpone(op, entry, op->now.wall + DUE_RETRY_SECONDS);
	/* What was to be done went with its tenant, or is of a kind that an older build knew. */
	if (err == VAULT_NOT_FOUND || (err == VAULT_OK && entry->target.kind != ROW_KEY))
		return due_remove(op, entry);
	TRY(err);
	TRY(key_do_due(op, entry, &key));
	*done = (struct due_done){ key.done, key.wants_bits };
	return VAULT_OK;
}
