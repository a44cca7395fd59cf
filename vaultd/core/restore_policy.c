/*
 * Grants, roles and one-time codes after a backup.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "protocol/text.h"
#include "vaultd/base/random.h"
#include "vaultd/core/restore_replay.h"
#include "vaultd/core/roles.h"
#include "vaultd/core/totp.h"
#include "vaultd/crypto/totp.h"

static enum vault_err
replay_grant(struct op *op, struct vault_text id)
{
	const struct row_keys *store = &op->vault->keyring.store;
	ROW_LOCAL(row);

	row.key = row_key_of(store, ROW_GRANT, text_bytes(id));
	TRY(sealed_find(op->txn, store, &row.key, &row));
	return sealed_delete(op->change, &row);
}

/* What the role held after the change; none where the record does not tell. */
static struct method_set
methods_of(const struct audit_record *rec)
{
	struct restore_again again = restore_again_of(rec);
	struct method_set set = { 0 };

	if (again.n != ROLE_AGAIN_WORDS)
		return set;
	for (int id = 0; id < OP_COUNT; id++) {
		unsigned number = op_rows[id].number;

		if (number < ROLE_AGAIN_WORDS * ROLE_AGAIN_BITS &&
		    ((uint64_t)again.v[number / ROLE_AGAIN_BITS] >> number % ROLE_AGAIN_BITS & 1) !=
			    0)
			method_set_add(&set, (enum op_id)id);
	}
	return set;
}

/* What the backup's role and the record's both hold, method by method. */
static enum vault_err
narrow(struct op *op, struct row *row, struct role_record *role, const struct method_set *to)
{
	struct method_set held = { 0 };
	struct vault_text *methods = scratch_alloc(op->scratch, OP_COUNT * sizeof *methods);
	size_t n = 0;

	if (methods == NULL)
		return VAULT_BUSY;
	for (size_t i = 0; i < role->methods.n; i++)
		(void)method_set_add_pattern(&held, role->methods.v[i]);
	if (method_set_within(&held, to))
		return VAULT_NOT_FOUND;
	method_set_meet(&held, to);
	for (int id = 0; id < OP_COUNT; id++)
		if (method_set_has(&held, (enum op_id)id))
			methods[n++] = text_of(op_rows[id].method);
	role->methods = (struct vault_texts){ methods, n };
	role->updated_at = op->now.wall;
	return sealed_put(op->change, &op->vault->keyring.store, row, role_record_type(), role);
}

/*
 * A role that was deleted or put. A deleted one is emptied, not removed: a grant of the backup may
 * name it, and a grant of a role that is not there keeps the vault from opening.
 */
static enum vault_err
replay_role(struct op *op, const struct audit_record *rec, enum op_id id, bool *refused)
{
	const struct row_keys *store = &op->vault->keyring.store;
	struct method_set to = methods_of(rec);
	struct role_record role;
	struct vault_bytes plain;
	ROW_LOCAL(row);

	*refused = id == OP_role_put && rec->again.len == 0;
	row.key = row_key_of(store, ROW_ROLE, text_bytes(rec->name));
	TRY(sealed_find(op->txn, store, &row.key, &row));
	TRY(op_keep_bytes(op, row_plain(&row), &plain));
	TRY(record_decode(role_record_type(), plain, op->scratch, &role));
	return narrow(op, &row, &role, &to);
}

enum vault_err
restore_replay_policy(struct op *op, const struct audit_record *rec, enum op_id id, bool *refused)
{
	if (id == OP_grant_delete)
		return replay_grant(op, rec->id);
	return replay_role(op, rec, id, refused);
}

/* Codes of a secret that was replaced since must not be good again, and its owner has the new one. */
static enum vault_err
replace_secret(struct op *op, struct totp_record *record)
{
	uint8_t *secret = scratch_alloc(op->scratch, TOTP_SECRET_BYTES);

	if (secret == NULL)
		return VAULT_BUSY;
	random_bytes(secret, TOTP_SECRET_BYTES);
	record->secret = (struct vault_bytes){ secret, TOTP_SECRET_BYTES };
	return VAULT_OK;
}

static enum vault_err
spend_recovery(struct op *op, const struct restore_again *again, struct totp_record *record)
{
	uint8_t *tags = scratch_copy(op->scratch, record->recovery.p, record->recovery.len);
	size_t codes = record->recovery.len / TOTP_TAG_BYTES;

	if (tags == NULL)
		return VAULT_BUSY;
	if (again->n != 1)
		memset(tags, 0, record->recovery.len);
	else if (again->v[0] >= 0 && (size_t)again->v[0] < codes)
		memset(tags + (size_t)again->v[0] * TOTP_TAG_BYTES, 0, TOTP_TAG_BYTES);
	record->recovery.p = tags;
	record->recovery_left = 0;
	for (size_t i = 0; i < codes; i++) {
		static const uint8_t used[TOTP_TAG_BYTES];

		if (!text_same(tags + i * TOTP_TAG_BYTES, used, sizeof used))
			record->recovery_left++;
	}
	return VAULT_OK;
}

static enum vault_err
replay_code(struct op *op, const struct audit_record *rec, enum op_id id,
	    struct totp_record *record)
{
	struct restore_again again = { 0 };
	int64_t step = op->now.wall / TOTP_STEP_SECONDS + 1;

	if (record->last_step < step)
		record->last_step = step;
	if (id == OP_auth_totp)
		again = restore_again_of(rec);
	else
		TRY(replace_secret(op, record));
	if (again.n == 1 && again.v[0] == TOTP_AGAIN_STEP)
		return VAULT_OK;
	return spend_recovery(op, &again, record);
}

enum vault_err
restore_replay_totp(struct op *op, const struct audit_record *rec, enum op_id id, bool *refused)
{
	const struct row_keys *store = &op->vault->keyring.store;
	char uid[PRINCIPAL_MAX + 1];
	struct vault_text principal = rec->name;
	struct totp_record record;
	struct vault_bytes plain;
	struct row_key place;
	ROW_LOCAL(row);

	snprintf(uid, sizeof uid, "uid:%" PRIu32, rec->uid);
	if (id == OP_auth_totp)
		principal = rec->login.p != NULL ? rec->login : text_of(uid);
	place = totp_place(op, principal);
	TRY(sealed_find(op->txn, store, &place, &row));
	/* A secret that was taken back, perhaps because somebody else had it, must not be good again. */
	if (id == OP_totp_remove) {
		*refused = false;
		return sealed_delete(op->change, &row);
	}
	TRY(op_keep_bytes(op, row_plain(&row), &plain));
	TRY(record_decode(totp_record_type(), plain, op->scratch, &record));
	*refused = id == OP_totp_enroll || rec->again.len == 0;
	TRY(replay_code(op, rec, id, &record));
	return sealed_put(op->change, store, &row, totp_record_type(), &record);
}
