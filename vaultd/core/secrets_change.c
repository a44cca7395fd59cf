#include <string.h>

#include "protocol/text.h"
#include "vaultd/core/reminder.h"
#include "vaultd/core/secrets.h"
#include "vaultd/core/tenant.h"
#include "vaultd/core/tombstone.h"

void
secret_edit_free(struct secret_edit *edit)
{
	row_free(&edit->row);
	row_free(&edit->loaded);
	secret_free(&edit->made);
}

static enum vault_err
edit_load(struct op *op, struct vault_text name, struct secret_edit *edit)
{
	struct secret_record *record = &edit->record;
	struct row_key place = secret_place(op, name);

	TRY(sealed_find(op->txn, &op->tenant->keys, &place, &edit->row));
	TRY(record_decode(secret_record_type(), row_plain(&edit->row), op->scratch, record));
	if (!text_equal(record->name, name) || record->versions.n > SECRET_VERSIONS_MAX)
		return VAULT_INTEGRITY;
	op->note.target = place;
	edit->current = edit->row.version;
	edit->last = record->last_version.set ? (uint32_t)record->last_version.v : edit->current;
	edit->count = record->versions.n;
	if (edit->count > 0)
		memcpy(edit->entries, record->versions.v, edit->count * sizeof edit->entries[0]);
	edit->due = secret_due_at(record);
	return VAULT_OK;
}

enum vault_err
secret_edit_open(struct op *op, struct vault_text name, struct secret_edit *edit)
{
	enum vault_err err = edit_load(op, name, edit);

	if (err == VAULT_NOT_FOUND)
		return op_fail(op, err, "name", "there is no such secret");
	return err;
}

enum vault_err
secret_edit_new(struct op *op, struct vault_text name, struct secret_edit *edit)
{
	enum vault_err err = edit_load(op, name, edit);

	if (err != VAULT_NOT_FOUND)
		return err;
	edit->row.key = secret_place(op, name);
	/* Numbers go on where a secret of that name, which was destroyed, ended. */
	TRY(tombstone_last(op, &edit->row.key, &edit->last));
	edit->record = (struct secret_record){ .name = name };
	op->note.target = edit->row.key;
	return VAULT_OK;
}

struct secret_entry *
secret_edit_find(struct secret_edit *edit, uint32_t version)
{
	for (size_t i = 0; i < edit->count; i++)
		if (edit->entries[i].version == version)
			return &edit->entries[i];
	return NULL;
}

/* Entries stand in the order of their numbers, which is not that in which they come. */
static enum vault_err
insert_entry(struct op *op, struct secret_edit *edit, const struct secret_entry *entry)
{
	size_t at = edit->count;

	if (at == SECRET_VERSIONS_MAX)
		return op_fail(op, VAULT_CONFLICT, NULL, "too many versions");
	while (at > 0 && edit->entries[at - 1].version > entry->version) {
		edit->entries[at] = edit->entries[at - 1];
		at--;
	}
	edit->entries[at] = *entry;
	edit->count++;
	return VAULT_OK;
}

static void
remove_entry(struct secret_edit *edit, struct secret_entry *entry)
{
	size_t at = (size_t)(entry - edit->entries);

	memmove(entry, entry + 1, (edit->count - at - 1) * sizeof *entry);
	edit->count--;
}

enum vault_err
secret_put_value(struct op *op, uint32_t version, const struct secret_value *value)
{
	struct row row = { .key = secret_version_place(op, value->name, version),
			   .version = version };

	return sealed_put(op->change, &op->tenant->keys, &row, secret_value_type(), value);
}

enum vault_err
secret_drop_value(struct op *op, struct vault_text name, uint32_t version)
{
	struct row row = { .key = secret_version_place(op, name, version) };
	enum vault_err err = row_linked(op->txn, &row.key, &row.id);

	if (err == VAULT_NOT_FOUND)
		return VAULT_OK;
	TRY(err);
	return sealed_delete(op->change, &row);
}

/* The current version becomes the previous one, and its value stands in a row of its own. */
static enum vault_err
retire(struct op *op, struct secret_edit *edit)
{
	const struct secret_record *record = &edit->record;
	struct secret_entry entry = { edit->current, record->created_at, record->state };
	struct secret_value value = { record->name,	  record->created_at, record->value,
				      record->expires_at, record->owner,      record->metadata };

	if (edit->current == 0)
		return VAULT_OK;
	if (record->value.p != NULL)
		TRY(secret_put_value(op, edit->current, &value));
	TRY(insert_entry(op, edit, &entry));
	edit->record.previous = (struct vault_opt_int){ edit->current, true };
	return VAULT_OK;
}

/* Makes a version the current one. Its value stands in the secret's row, or has its own already. */
static void
install(struct secret_edit *edit, uint32_t version, const struct secret_value *value)
{
	struct secret_record *record = &edit->record;
	bool here = value->value.len <= SECRET_INLINE_MAX;

	edit->current = version;
	record->created_at = value->created_at;
	record->value = here ? value->value : (struct vault_bytes){ 0 };
	record->expires_at = value->expires_at;
	record->owner = value->owner;
	record->metadata = value->metadata;
	record->state = (struct vault_opt_int){ 0 };
}

static enum vault_err
add_pending(struct op *op, struct secret_edit *edit, const struct secret_value *value)
{
	struct secret_entry entry = { edit->last, op->now.wall, { 0 } };

	if (edit->record.pending.set)
		return op_fail(op, VAULT_CONFLICT, "stage",
			       "a version is pending already; promote or discard it");
	TRY(secret_put_value(op, edit->last, value));
	TRY(insert_entry(op, edit, &entry));
	edit->record.pending = (struct vault_opt_int){ edit->last, true };
	return VAULT_OK;
}

enum vault_err
secret_edit_add(struct op *op, struct secret_edit *edit, const struct secret_draft *draft,
		int64_t *version)
{
	struct secret_value value = { edit->record.name, op->now.wall, draft->value,
				      draft->expires_at, draft->owner, draft->metadata };

	if (edit->last == UINT32_MAX)
		return op_fail(op, VAULT_CONFLICT, NULL, "no more versions can be made");
	edit->last++;
	if (draft->pending) {
		TRY(add_pending(op, edit, &value));
	} else {
		TRY(retire(op, edit));
		if (value.value.len > SECRET_INLINE_MAX)
			TRY(secret_put_value(op, edit->last, &value));
		install(edit, edit->last, &value);
	}
	op->note.version = edit->last;
	*version = edit->last;
	return VAULT_OK;
}

/* The pending version's entry, where it is the one that was named. */
static enum vault_err
pending_entry(struct op *op, struct secret_edit *edit, uint32_t version,
	      struct secret_entry **entry)
{
	*entry = secret_edit_find(edit, version);
	op->note.version = version;
	if (*entry == NULL && version != edit->current)
		return op_fail(op, VAULT_NOT_FOUND, "version", "there is no such version");
	if (*entry == NULL || edit->record.pending.v != version)
		return op_fail(op, VAULT_CONFLICT, "version", "the version is not pending");
	return VAULT_OK;
}

enum vault_err
secret_edit_promote(struct op *op, struct secret_edit *edit, uint32_t version)
{
	struct row_key place = secret_version_place(op, edit->record.name, version);
	struct secret_entry *entry;
	struct secret_value value;
	enum vault_err err;

	TRY(pending_entry(op, edit, version, &entry));
	if (entry->state.v != SECRET_LIVE)
		return op_fail(op, VAULT_CONFLICT, "version", "the version is deleted");
	err = sealed_find(op->txn, &op->tenant->keys, &place, &edit->loaded);
	if (err == VAULT_NOT_FOUND)
		return VAULT_INTEGRITY;
	TRY(err);
	TRY(record_decode(secret_value_type(), row_plain(&edit->loaded), op->scratch, &value));
	remove_entry(edit, entry);
	edit->record.pending = (struct vault_opt_int){ 0 };
	TRY(retire(op, edit));
	install(edit, version, &value);
	return edit->record.value.p != NULL ? secret_drop_value(op, edit->record.name, version)
					    : VAULT_OK;
}

enum vault_err
secret_edit_discard(struct op *op, struct secret_edit *edit, uint32_t version)
{
	struct secret_entry *entry;

	TRY(pending_entry(op, edit, version, &entry));
	entry->state = (struct vault_opt_int){ SECRET_DESTROYED, true };
	edit->record.pending = (struct vault_opt_int){ 0 };
	return secret_drop_value(op, edit->record.name, version);
}

/* The oldest version that may go: the pending one stays, and while others are there the previous. */
static struct secret_entry *
oldest(struct secret_edit *edit)
{
	struct secret_entry *previous = NULL;

	for (size_t i = 0; i < edit->count; i++) {
		struct secret_entry *entry = &edit->entries[i];

		if (entry->version == edit->record.pending.v)
			continue;
		if (entry->version != edit->record.previous.v)
			return entry;
		previous = entry;
	}
	return previous;
}

static enum vault_err
prune(struct op *op, struct secret_edit *edit)
{
	const struct secret_record *record = &edit->record;
	size_t keep =
		record->keep_versions.set ? (size_t)record->keep_versions.v : SECRET_KEEP_DEFAULT;
	size_t apart = (record->pending.set ? 1 : 0), others = keep - (edit->current != 0);

	while (edit->count - apart > others) {
		struct secret_entry *entry = oldest(edit);

		if (entry == NULL)
			return VAULT_OK;
		if (entry->state.v != SECRET_DESTROYED)
			TRY(secret_drop_value(op, record->name, (uint32_t)entry->version));
		if (entry->version == record->previous.v)
			edit->record.previous = (struct vault_opt_int){ 0 };
		remove_entry(edit, entry);
	}
	return VAULT_OK;
}

enum vault_err
secret_edit_write(struct op *op, struct secret_edit *edit)
{
	struct secret_record *record = &edit->record;
	int64_t due;

	TRY(prune(op, edit));
	record->versions.v = edit->count == 0 ? NULL : edit->entries;
	record->versions.n = edit->count;
	record->last_version = (struct vault_opt_int){ edit->last, edit->last != edit->current };
	edit->row.version = edit->current;
	TRY(sealed_put(op->change, &op->tenant->keys, &edit->row, secret_record_type(), record));
	due = secret_due_at(record);
	TRY(reminder_move(op, due_kind_secret, &edit->row, edit->due, due));
	edit->due = due;
	return VAULT_OK;
}

enum vault_err
secret_edit_remove(struct op *op, struct secret_edit *edit)
{
	struct vault_text name = edit->record.name;

	for (size_t i = 0; i < edit->count; i++)
		TRY(secret_drop_value(op, name, (uint32_t)edit->entries[i].version));
	if (edit->current != 0 && edit->record.value.p == NULL)
		TRY(secret_drop_value(op, name, edit->current));
	TRY(reminder_move(op, due_kind_secret, &edit->row, edit->due, 0));
	TRY(sealed_delete(op->change, &edit->row));
	return tombstone_put(op, &edit->row.key, name, edit->last);
}
