/*
 * Keys and secrets after a backup. Numbers of versions that were made since are passed over, for a
 * number never stands for two versions of a name.
 */
#include <string.h>

#include "protocol/text.h"
#include "vaultd/core/key_change.h"
#include "vaultd/core/restore_replay.h"
#include "vaultd/core/secrets.h"

#define DELETE_DELAY (7 * 86400) /* where the record does not tell when a key goes */
#define LOST_NAME "lost"	 /* of what was made after the backup: its name is in no record */

static struct row_key
place_of(const struct op *op, const struct audit_record *rec, enum row_kind kind)
{
	struct row_key place = { .tenant = op->tenant->keys.tenant, .kind = (uint8_t)kind };

	memcpy(place.tag, rec->name_tag, sizeof place.tag);
	return place;
}

/* What was made after the backup is gone; its tombstone keeps the numbers of its versions. */
static enum vault_err
bury_lost(struct op *op, const struct audit_record *rec)
{
	struct row_key place = place_of(op, rec, ROW_TOMBSTONE);
	struct tombstone_record tombstone = { .name = TEXT_LITERAL(LOST_NAME),
					      .deleted_at = op->now.wall };
	enum vault_err err;
	ROW_LOCAL(row);

	if (rec->version == 0)
		return VAULT_NOT_FOUND;
	err = sealed_find(op->txn, &op->tenant->keys, &place, &row);
	if (err == VAULT_OK)
		err = record_decode(tombstone_record_type(), row_plain(&row), NULL, &tombstone);
	if (err != VAULT_OK && err != VAULT_NOT_FOUND)
		return err;
	if (tombstone.last_version.v >= rec->version)
		return VAULT_OK;
	tombstone.last_version = (struct vault_opt_int){ rec->version, true };
	row.key = place;
	return sealed_put(op->change, &op->tenant->keys, &row, tombstone_record_type(), &tombstone);
}

static enum vault_err
delete_key(struct op *op, const struct audit_record *rec, struct key_edit *edit)
{
	struct restore_again again = restore_again_of(rec);
	int64_t at = again.n == 1 ? again.v[0] : op->now.wall + DELETE_DELAY;

	edit->record.delete_at = (struct vault_opt_int){ at, true };
	return key_edit_write(op, edit);
}

static enum vault_err
skip_key_version(struct op *op, const struct audit_record *rec, struct key_edit *edit)
{
	if (edit->record.last_version >= rec->version)
		return VAULT_NOT_FOUND;
	edit->record.last_version = rec->version;
	return key_edit_write(op, edit);
}

static enum vault_err
revoke_key(struct op *op, const struct audit_record *rec, struct key_edit *edit)
{
	struct vault_ints revoked;

	TRY(key_revoke_versions(op, edit, rec->version, &revoked));
	return key_edit_write(op, edit);
}

enum vault_err
restore_replay_key(struct op *op, const struct audit_record *rec, enum op_id id, bool *refused)
{
	struct row_key place = place_of(op, rec, ROW_KEY);
	bool makes = id == OP_key_create || id == OP_key_import || id == OP_key_rotate;
	enum vault_err err;
	KEY_EDIT_LOCAL(edit);

	*refused = id == OP_key_delete && rec->again.len == 0;
	err = key_edit_open_at(op, &place, &edit);
	if (err == VAULT_NOT_FOUND && makes)
		return bury_lost(op, rec);
	TRY(err);
	if (makes)
		return skip_key_version(op, rec, &edit);
	if (id == OP_key_revoke)
		return revoke_key(op, rec, &edit);
	if (id == OP_key_delete)
		return delete_key(op, rec, &edit);
	edit.record.delete_at = (struct vault_opt_int){ 0 };
	return key_edit_write(op, &edit);
}

static enum vault_err
secret_name(struct op *op, const struct row_key *place, struct vault_text *name)
{
	struct secret_record record;
	ROW_LOCAL(row);

	TRY(sealed_find(op->txn, &op->tenant->keys, place, &row));
	TRY(record_decode(secret_record_type(), row_plain(&row), op->scratch, &record));
	return op_keep_text(op, record.name, name);
}

/* A version that the backup does not have needs nothing done to it. */
static enum vault_err
mark_version(struct op *op, struct secret_edit *edit, enum op_id id, int64_t version)
{
	int64_t v[1] = { version };
	struct vault_ints one = { v, 1 };
	enum vault_err err;

	if (id == OP_secret_destroy)
		err = secret_edit_destroy(op, edit, &one);
	else
		err = secret_edit_mark(op, edit, &one,
				       id == OP_secret_delete ? SECRET_DELETED : SECRET_LIVE);
	return err == VAULT_NOT_FOUND || err == VAULT_CONFLICT ? VAULT_OK : err;
}

static enum vault_err
mark_versions(struct op *op, const struct audit_record *rec, struct secret_edit *edit,
	      enum op_id id)
{
	struct restore_again again = restore_again_of(rec);
	struct vault_ints all = { 0 };

	if (again.n == 0 && id == OP_secret_destroy)
		return secret_edit_remove(op, edit);
	if (again.n == 0)
		TRY(secret_edit_mark(op, edit, &all,
				     id == OP_secret_delete ? SECRET_DELETED : SECRET_LIVE));
	for (size_t i = 0; i < again.n; i++)
		TRY(mark_version(op, edit, id, again.v[i]));
	return secret_edit_write(op, edit);
}

enum vault_err
restore_replay_secret(struct op *op, const struct audit_record *rec, enum op_id id, bool *refused)
{
	struct row_key place = place_of(op, rec, ROW_SECRET);
	bool makes = id == OP_secret_put || id == OP_secret_rotate;
	struct vault_text name;
	enum vault_err err;
	SECRET_EDIT_LOCAL(edit);

	*refused = false;
	err = secret_name(op, &place, &name);
	if (err == VAULT_NOT_FOUND && makes)
		return bury_lost(op, rec);
	TRY(err);
	/* A secret of that name was made again after another was destroyed: the old one is gone. */
	TRY(secret_edit_open(op, name, &edit));
	if (!makes)
		return mark_versions(op, rec, &edit, id);
	if (edit.last >= rec->version)
		return VAULT_NOT_FOUND;
	edit.last = rec->version;
	return secret_edit_write(op, &edit);
}
