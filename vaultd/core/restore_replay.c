#include "vaultd/core/restore_replay.h"

#include "protocol/text.h"
#include "vaultd/base/bytes.h"

typedef enum vault_err replay_part(struct op *op, const struct audit_record *rec, enum op_id id,
				   bool *refused);

struct restore_again
restore_again_of(const struct audit_record *rec)
{
	struct restore_again again = { .n = rec->again.len / 8 };

	if (again.n > OP_AGAIN_MAX || rec->again.len % 8 != 0)
		return (struct restore_again){ 0 };
	for (size_t i = 0; i < again.n; i++)
		again.v[i] = (int64_t)get_le64(rec->again.p + 8 * i);
	return again;
}

static enum vault_err
replay_tenant(struct op *op, const struct audit_record *rec, enum op_id id, bool *refused)
{
	(void)rec;
	*refused = false;
	return tenant_set_state(op, id == OP_tenant_suspend ? tenant_state_suspended
							    : tenant_state_active);
}

/* Who does it again, and whether it is of a tenant; NULL: nobody. */
static replay_part *
part_of(enum op_id id, bool *of_tenant)
{
	*of_tenant = true;
	switch (id) {
	case OP_token_revoke:
	case OP_token_verify:
	case OP_profile_delete:
		return restore_replay_token;
	case OP_key_create:
	case OP_key_import:
	case OP_key_rotate:
	case OP_key_revoke:
	case OP_key_delete:
	case OP_key_undelete:
		return restore_replay_key;
	case OP_secret_put:
	case OP_secret_delete:
	case OP_secret_undelete:
	case OP_secret_destroy:
	case OP_secret_rotate:
		return restore_replay_secret;
	case OP_apikey_verify:
	case OP_apikey_update:
	case OP_apikey_rotate:
	case OP_apikey_revoke:
	case OP_apikey_delete:
		return restore_replay_apikey;
	case OP_tenant_suspend:
	case OP_tenant_resume:
		return replay_tenant;
	default:
		break;
	}
	*of_tenant = false;
	switch (id) {
	case OP_grant_delete:
	case OP_role_put:
	case OP_role_delete:
		return restore_replay_policy;
	case OP_auth_totp:
	case OP_totp_enroll:
	case OP_totp_remove:
		return restore_replay_totp;
	case OP_slot_add:
	case OP_slot_remove:
		return restore_replay_slot;
	default:
		return NULL;
	}
}

static enum vault_err
drop(struct op *op, uint32_t number, struct restore_tally *tally)
{
	enum vault_err err = restore_drop_tenant(op, number);

	tally->dropped += err == VAULT_OK;
	return err == VAULT_NOT_FOUND ? VAULT_OK : err;
}

/* A tenant that the backup does not have was made after it, and is lost. */
static enum vault_err
find_tenant(struct op *op, uint32_t number, bool *there)
{
	enum vault_err err = tenant_by_number(op, number, &op->tenant);

	*there = err == VAULT_OK;
	return err == VAULT_NOT_FOUND ? VAULT_OK : err;
}

enum vault_err
restore_replay(struct op *op, const struct audit_record *rec, struct restore_tally *tally)
{
	const struct op_row *row = op_by_number(rec->method);
	bool of_tenant, there = true, refused = false;
	replay_part *part;
	enum vault_err err;

	if (rec->tenant > tally->highest_tenant)
		tally->highest_tenant = rec->tenant;
	if (rec->event != AUDIT_EVENT_CALL || rec->outcome != audit_outcome_ok || row == NULL ||
	    rec->reason == AUDIT_REASON_REPLAYED)
		return VAULT_OK;
	if (text_is(text_of(row->method), "tenant.erase"))
		return drop(op, rec->tenant, tally);
	part = part_of(row->id, &of_tenant);
	if (part == NULL)
		return VAULT_OK;
	if (of_tenant)
		TRY(find_tenant(op, rec->tenant, &there));
	if (!there)
		return VAULT_OK;
	err = part(op, rec, row->id, &refused);
	if (err == VAULT_CONFLICT && part == restore_replay_slot) {
		tally->slots++;
		return VAULT_OK;
	}
	if (err == VAULT_NOT_FOUND)
		return VAULT_OK;
	TRY(err);
	tally->replayed++;
	tally->refused += refused;
	return VAULT_OK;
}
