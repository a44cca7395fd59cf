#include <string.h>

#include "protocol/text.h"
#include "vaultd/core/key_change.h"

/* The states of a key's versions depend on which of them is the current one. */
struct shown {
	struct key_version *versions; /* room for max */
	size_t max;
	size_t n;
	uint32_t current;
	bool any_live;
};

static enum vault_err
show_version(struct op *op, const struct version_record *version, struct shown *shown)
{
	struct version_times times = version_times_of(version);
	struct key_version *out = &shown->versions[shown->n];

	/* From the newest on: the first whose time has come is the current one. */
	if (shown->current == 0 && version_begun(&times, op->now.wall))
		shown->current = times.version;
	*out = (struct key_version){ .version = version->version,
				     .created_at = version->created_at };
	out->state = (int)version_state_of(&times, shown->current, op->now.wall);
	if (!version->revoked_at.set)
		out->retires_at = version->retires_at;
	if (version->signs_at > op->now.wall)
		out->signs_at = (struct vault_opt_int){ version->signs_at, true };
	if (!version->revoked_at.set)
		shown->any_live = true;
	shown->n++;
	return op_keep_text(op, version->kid, &out->kid);
}

static enum vault_err
show_row(struct op *op, struct vault_text name, uint32_t number, struct shown *shown)
{
	struct row_key place = key_version_place(op->tenant, name, number);
	struct version_record version;
	enum vault_err err;
	ROW_LOCAL(row);

	err = sealed_find(op->txn, &op->tenant->keys, &place, &row);
	if (err == VAULT_NOT_FOUND)
		return VAULT_OK;
	TRY(err);
	TRY(record_decode(version_record_type(), row_plain(&row), op->scratch, &version));
	return show_version(op, &version, shown);
}

static enum vault_err
show_versions(struct op *op, const struct key_record *record, struct shown *shown)
{
	uint32_t first = key_first_version(record);

	for (uint32_t v = (uint32_t)record->last_version; v >= first && shown->n < shown->max;
	     v--) {
		const struct version_record *here = NULL;

		for (size_t i = 0; i < record->versions.n; i++)
			if (record->versions.v[i].version == v)
				here = &record->versions.v[i];
		if (here != NULL)
			TRY(show_version(op, here, shown));
		else
			TRY(show_row(op, record->name, v, shown));
	}
	return VAULT_OK;
}

static struct vault_opt_int
next_rotation(struct op *op, const struct key_record *record)
{
	struct key_edit *edit = scratch_alloc(op->scratch, sizeof *edit);
	int64_t at;

	if (edit == NULL || record->delete_at.set || record->versions.n > KEY_INLINE_MAX)
		return (struct vault_opt_int){ 0 };
	edit->record = *record;
	edit->count = record->versions.n;
	memcpy(edit->versions, record->versions.v, edit->count * sizeof edit->versions[0]);
	at = key_edit_next_rotation(edit, op->now.wall);
	return (struct vault_opt_int){ at, at != DUE_NEVER };
}

static int
state_of(const struct key_record *record, const struct shown *shown)
{
	if (record->delete_at.set)
		return key_state_pending;
	return shown->any_live ? key_state_active : key_state_revoked;
}

enum vault_err
key_show(struct op *op, const struct row *row, struct key_get_res *res)
{
	struct shown shown = { 0 };
	struct key_record record;

	TRY(record_decode(key_record_type(), row_plain(row), op->scratch, &record));
	shown.max =
		record.last_version < KEY_SHOWN_MAX ? (size_t)record.last_version : KEY_SHOWN_MAX;
	shown.versions = scratch_alloc(op->scratch, shown.max * sizeof *shown.versions);
	if (shown.versions == NULL)
		return VAULT_BUSY;
	TRY(show_versions(op, &record, &shown));
	*res = (struct key_get_res){
		.algorithm = (int)record.algorithm,
		.usage = (int)record.usage,
		.state = state_of(&record, &shown),
		.current = shown.current,
		.rotation_period = record.rotation_period,
		.next_rotation = next_rotation(op, &record),
		.overlap = record.overlap,
		.publish_ahead = record.publish_ahead,
		.shared = record.shared,
		.verify_only = record.verify_only,
		.bits = record.bits,
		.delete_at = record.delete_at,
	};
	res->versions.v = shown.versions;
	res->versions.n = shown.n;
	return op_keep_text(op, record.name, &res->name);
}

enum vault_err
key_show_item(struct op *op, const struct row *row, void *item)
{
	return key_show(op, row, item);
}
