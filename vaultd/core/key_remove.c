/*
 * key.update, key.delete, key.undelete, and what a schedule does with a key.
 */
#include <string.h>

#include "protocol/text.h"
#include "vaultd/core/key_change.h"
#include "vaultd/core/prepared.h"
#include "vaultd/core/reminder.h"
#include "vaultd/core/tombstone.h"

static enum vault_err
clear_one(struct op *op, const struct key_update_req *req, struct vault_text field,
	  struct key_record *record)
{
	if (text_equal(field, TEXT_LITERAL("rotation_period")) && !req->rotation_period.set)
		record->rotation_period = (struct vault_opt_int){ 0 };
	else if (text_equal(field, TEXT_LITERAL("overlap")) && !req->overlap.set)
		record->overlap = KEY_OVERLAP;
	else if (text_equal(field, TEXT_LITERAL("publish_ahead")) && !req->publish_ahead.set)
		record->publish_ahead = key_asymmetric(record->algorithm) ? KEY_PUBLISH_AHEAD : 0;
	else
		return op_fail(op, VAULT_INVALID_PARAMS, "clear",
			       "rotation_period, overlap or publish_ahead, and not given as well");
	return VAULT_OK;
}

/* What signs until the next version does stays as long as the new overlap says. */
static enum vault_err
refit_overlap(struct op *op, struct key_edit *edit)
{
	struct version_record *current = key_edit_current(edit, op->now.wall);
	struct version_record *next = key_edit_next(edit, op->now.wall);

	if (current == NULL || next == NULL || !current->retires_at.set)
		return VAULT_OK;
	return key_edit_retirement(op, edit, next->signs_at, &current->retires_at);
}

enum vault_err
key_update(struct op *op, const struct key_update_req *req)
{
	KEY_EDIT_LOCAL(edit);

	TRY(key_edit_open(op, req->name, &edit));
	TRY(key_edit_require_kept(op, &edit));
	for (size_t i = 0; i < req->clear.n; i++)
		TRY(clear_one(op, req, req->clear.v[i], &edit.record));
	if (req->rotation_period.set && (edit.record.verify_only || edit.record.shared))
		return op_fail(op, VAULT_CONFLICT, "rotation_period",
			       "others hold this key, so it cannot rotate by itself");
	if (req->rotation_period.set)
		edit.record.rotation_period = req->rotation_period;
	if (req->overlap.set)
		edit.record.overlap = req->overlap.v;
	if (req->publish_ahead.set)
		edit.record.publish_ahead = req->publish_ahead.v;
	TRY(refit_overlap(op, &edit));
	return key_edit_write(op, &edit);
}

enum vault_err
key_delete_later(struct op *op, struct vault_text name, int64_t at)
{
	KEY_EDIT_LOCAL(edit);

	TRY(key_edit_open(op, name, &edit));
	TRY(key_edit_require_kept(op, &edit));
	edit.record.delete_at = (struct vault_opt_int){ at, true };
	return key_edit_write(op, &edit);
}

enum vault_err
key_undelete(struct op *op, struct vault_text name)
{
	KEY_EDIT_LOCAL(edit);

	TRY(key_edit_open(op, name, &edit));
	if (!edit.record.delete_at.set)
		return op_fail(op, VAULT_CONFLICT, "name", "the key is not to be deleted");
	edit.record.delete_at = (struct vault_opt_int){ 0 };
	return key_edit_write(op, &edit);
}

static enum vault_err
release_kid(struct op *op, const struct version_record *version)
{
	struct row_key place;
	enum vault_err err;
	uint64_t id;

	if (version->kid.p == NULL)
		return VAULT_OK;
	place = row_key_of(&op->tenant->keys, ROW_KID, text_bytes(version->kid));
	err = row_linked(op->change->txn, &place, &id);
	if (err == VAULT_NOT_FOUND)
		return VAULT_OK;
	TRY(err);
	return row_unlink(op->change->txn, &place, id);
}

static enum vault_err
remove_version_row(struct op *op, const struct key_edit *edit, uint32_t number)
{
	struct row_key place = key_version_place(op->tenant, edit->record.name, number);
	struct version_record version;
	enum vault_err err;
	ROW_LOCAL(row);

	err = sealed_find(op->txn, &op->tenant->keys, &place, &row);
	if (err == VAULT_NOT_FOUND)
		return VAULT_OK;
	TRY(err);
	TRY(record_decode(version_record_type(), row_plain(&row), op->scratch, &version));
	TRY(release_kid(op, &version));
	return sealed_delete(op->change, &row);
}

static enum vault_err
remove_key(struct op *op, struct key_edit *edit)
{
	uint32_t from = key_first_version(&edit->record);

	for (uint32_t v = (uint32_t)edit->record.last_version; v >= from; v--)
		TRY(remove_version_row(op, edit, v));
	for (size_t i = 0; i < edit->count; i++)
		TRY(release_kid(op, &edit->versions[i]));
	TRY(due_set(op, &edit->row.key, DUE_NEVER, &edit->record.due));
	TRY(reminder_move(op, due_kind_key, &edit->row, edit->reminder, 0));
	/* What keeps its version numbers from coming back. */
	TRY(tombstone_put(op, &edit->row.key, edit->record.name,
			  (uint32_t)edit->record.last_version));
	op->effects.touched = op->tenant->slot;
	return sealed_delete(op->change, &edit->row);
}

/* After a jump of the clock nothing is removed: it may not be as late as it seems. */
static enum vault_err
delete_due(struct op *op, const struct due_entry *entry, struct key_edit *edit, struct key_due *due)
{
	if (vault_deletes_held(op->vault, &op->now))
		return due_postpone(op, entry, op->now.wall + DUE_RETRY_SECONDS);
	TRY(due_remove(op, entry));
	due->done = OP_key_delete;
	return remove_key(op, edit);
}

static enum vault_err
rotate_due(struct op *op, const struct due_entry *entry, struct key_edit *edit, struct key_due *due)
{
	struct key_rotate_res res;

	if (signature_slow(key_signature_algorithm(edit->record.algorithm)) &&
	    op->prepared->pair.secret.p == NULL) {
		due->wants_bits =
			edit->record.bits.set ? (unsigned)edit->record.bits.v : RSA_BITS_DEFAULT;
		return due_postpone(op, entry, op->now.wall + DUE_RETRY_SECONDS);
	}
	TRY(due_remove(op, entry));
	due->done = OP_key_rotate;
	return key_edit_rotate(op, edit, false, &res);
}

enum vault_err
key_do_due(struct op *op, const struct due_entry *entry, struct key_due *due)
{
	int64_t now = op->now.wall;
	enum vault_err err;
	KEY_EDIT_LOCAL(edit);

	*due = (struct key_due){ .done = OP_COUNT };
	err = key_edit_open_at(op, &entry->target, &edit);
	if (err == VAULT_NOT_FOUND)
		return due_remove(op, entry);
	TRY(err);
	if (edit.record.delete_at.set && edit.record.delete_at.v <= now)
		return delete_due(op, entry, &edit, due);
	if (!edit.record.delete_at.set && key_edit_next_rotation(&edit, now) <= now)
		return rotate_due(op, entry, &edit, due);
	TRY(due_remove(op, entry));
	return key_edit_write(op, &edit);
}
