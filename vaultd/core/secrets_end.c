#include <string.h>

#include "vaultd/core/secrets.h"

static enum vault_err
no_version(struct op *op)
{
	return op_fail(op, VAULT_NOT_FOUND, "versions", "there is no such version");
}

/* What a version is marked with; NULL where there is none. */
static struct vault_opt_int *
mark_of(struct secret_edit *edit, uint32_t version)
{
	struct secret_entry *entry;

	if (version == edit->current)
		return &edit->record.state;
	entry = secret_edit_find(edit, version);
	return entry == NULL ? NULL : &entry->state;
}

static struct vault_opt_int
mark_value(enum secret_mark mark)
{
	return (struct vault_opt_int){ mark, mark != SECRET_LIVE };
}

static void
mark_all(struct secret_edit *edit, enum secret_mark mark)
{
	if (edit->record.state.v != SECRET_DESTROYED)
		edit->record.state = mark_value(mark);
	for (size_t i = 0; i < edit->count; i++)
		if (edit->entries[i].state.v != SECRET_DESTROYED)
			edit->entries[i].state = mark_value(mark);
}

enum vault_err
secret_edit_mark(struct op *op, struct secret_edit *edit, const struct vault_ints *versions,
		 enum secret_mark mark)
{
	if (versions->v == NULL) {
		mark_all(edit, mark);
		return VAULT_OK;
	}
	for (size_t i = 0; i < versions->n; i++) {
		struct vault_opt_int *at = mark_of(edit, (uint32_t)versions->v[i]);

		if (at == NULL)
			return no_version(op);
		if (at->v == SECRET_DESTROYED)
			return op_fail(op, VAULT_CONFLICT, "versions", "the version is destroyed");
		*at = mark_value(mark);
		op->note.version = (uint32_t)versions->v[i];
	}
	return VAULT_OK;
}

/* What describes the value goes with it; whose secret it is stays. */
static enum vault_err
destroy_current(struct op *op, struct secret_edit *edit)
{
	struct secret_record *record = &edit->record;

	if (record->value.p == NULL)
		TRY(secret_drop_value(op, record->name, edit->current));
	record->value = (struct vault_bytes){ 0 };
	record->expires_at = (struct vault_opt_int){ 0 };
	record->metadata = (struct vault_map){ 0 };
	record->state = mark_value(SECRET_DESTROYED);
	return VAULT_OK;
}

static enum vault_err
destroy_one(struct op *op, struct secret_edit *edit, uint32_t version)
{
	struct secret_entry *entry;

	op->note.version = version;
	if (version == edit->current)
		return destroy_current(op, edit);
	entry = secret_edit_find(edit, version);
	if (entry == NULL)
		return no_version(op);
	if (edit->record.pending.v == version)
		edit->record.pending = (struct vault_opt_int){ 0 };
	entry->state = mark_value(SECRET_DESTROYED);
	return secret_drop_value(op, edit->record.name, version);
}

enum vault_err
secret_edit_destroy(struct op *op, struct secret_edit *edit, const struct vault_ints *versions)
{
	for (size_t i = 0; i < versions->n; i++)
		TRY(destroy_one(op, edit, (uint32_t)versions->v[i]));
	return VAULT_OK;
}

void
secret_tell(struct op *op, enum secret_event event, struct vault_text tenant,
	    struct vault_text name, uint32_t version)
{
	op->effects.secret = (struct secret_news){ event, version, tenant, name };
}
