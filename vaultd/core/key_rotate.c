#include "vaultd/core/key_change.h"

/*
 * At once where that is asked for, or nothing signs meanwhile; else once others have had time to
 * see its public half.
 */
static int64_t
signs_at(struct op *op, struct key_edit *edit, bool now)
{
	if (now || !key_edit_signs(edit, op->now.wall))
		return op->now.wall;
	return op->now.wall + edit->record.publish_ahead;
}

enum vault_err
key_edit_rotate(struct op *op, struct key_edit *edit, bool now, struct key_rotate_res *res)
{
	struct key_material material;

	TRY(key_edit_generate(op, edit, &material));
	res->signs_at = signs_at(op, edit, now);
	TRY(key_edit_add(op, edit, &material, res->signs_at));
	TRY(key_edit_write(op, edit));
	res->version = edit->record.last_version;
	return edit->record.shared ? key_shared_text(op, material.secret, &res->secret) : VAULT_OK;
}

/*
 * Revokes a version that stands in a row of its own; VAULT_NOT_FOUND where there is none, or it was
 * revoked before.
 */
static enum vault_err
revoke_row(struct op *op, struct key_edit *edit, uint32_t number)
{
	struct row_key place = key_version_place(op->tenant, edit->record.name, number);
	struct version_record version;
	enum vault_err err;
	ROW_LOCAL(row);

	err = sealed_find(op->txn, &op->tenant->keys, &place, &row);
	if (err != VAULT_OK)
		return err;
	TRY(record_decode(version_record_type(), row_plain(&row), op->scratch, &version));
	if (version.revoked_at.set)
		return VAULT_NOT_FOUND;
	version.revoked_at = (struct vault_opt_int){ op->now.wall, true };
	return sealed_put(op->change, &op->tenant->keys, &row, version_record_type(), &version);
}

static bool
revoke_inline(struct op *op, struct key_edit *edit, uint32_t number, bool *known)
{
	*known = false;
	for (size_t i = 0; i < edit->count; i++) {
		struct version_record *version = &edit->versions[i];

		if (version->version != number)
			continue;
		*known = true;
		if (version->revoked_at.set)
			return false;
		version->revoked_at = (struct vault_opt_int){ op->now.wall, true };
		return true;
	}
	return false;
}

/*
 * Without its current version a key signs with the next one from now on; without a next one the
 * current version is no longer on its way out.
 */
static void
settle(struct op *op, struct key_edit *edit)
{
	struct version_record *current = key_edit_current(edit, op->now.wall);
	struct version_record *next = key_edit_next(edit, op->now.wall);

	if (current == NULL)
		return;
	if (next != NULL && current->revoked_at.set)
		next->signs_at = op->now.wall;
	if (next == NULL && !current->revoked_at.set)
		current->retires_at = (struct vault_opt_int){ 0 };
}

enum vault_err
key_revoke_versions(struct op *op, struct key_edit *edit, uint32_t version,
		    struct vault_ints *revoked)
{
	uint32_t from = version == 0 ? key_first_version(&edit->record) : version;
	uint32_t to = version == 0 ? (uint32_t)edit->record.last_version : version;
	int64_t *numbers;
	size_t n = 0;

	if (to > edit->record.last_version || from < key_first_version(&edit->record))
		return op_fail(op, VAULT_NOT_FOUND, "version", "the key has no such version");
	numbers = scratch_alloc(op->scratch, (size_t)(to - from + 1) * sizeof *numbers);
	if (numbers == NULL)
		return VAULT_BUSY;
	for (uint32_t number = from; number <= to; number++) {
		bool known, done = revoke_inline(op, edit, number, &known);
		enum vault_err err = known ? VAULT_OK : revoke_row(op, edit, number);

		if (err != VAULT_OK && err != VAULT_NOT_FOUND)
			return err;
		if (done || (!known && err == VAULT_OK))
			numbers[n++] = number;
	}
	settle(op, edit);
	op->note.version = version;
	*revoked = (struct vault_ints){ numbers, n };
	return VAULT_OK;
}
