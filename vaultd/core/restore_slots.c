/*
 * Slots after a backup: one that was removed, or given another secret, must not open the vault
 * again by the secret that it had.
 */
#include "protocol/text.h"
#include "vaultd/core/restore_replay.h"

enum vault_err
restore_replay_slot(struct op *op, const struct audit_record *rec, enum op_id id, bool *refused)
{
	struct vault_text name = rec->slot.p != NULL ? rec->slot : rec->name;

	/* Of the new secret nothing is known: what was replaced goes. */
	*refused = id != OP_slot_remove;
	return slots_remove(op->change, &op->vault->keyring, name);
}
