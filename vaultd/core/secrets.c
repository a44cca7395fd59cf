#include "vaultd/core/secrets.h"

#include <string.h>

#include "protocol/text.h"
#include "vaultd/core/finder.h"
#include "vaultd/core/tenant.h"

struct row_key
secret_place(const struct op *op, struct vault_text name)
{
	return row_key_of(&op->tenant->keys, ROW_SECRET, text_bytes(name));
}

struct row_key
secret_version_place(const struct op *op, struct vault_text name, uint32_t version)
{
	return row_key_of_version(&op->tenant->keys, ROW_SECRET_VERSION, name, version);
}

static enum vault_err
no_such(struct op *op, bool version)
{
	return version ? op_fail(op, VAULT_NOT_FOUND, "version", "there is no such version")
		       : op_fail(op, VAULT_NOT_FOUND, "name", "there is no such secret");
}

/*
 * Into the operation's memory, which is wiped behind a reply that holds a secret, as the reply's
 * buffer is: a value passes through no more copies than that.
 */
static enum vault_err
open_row(struct op *op, struct row *row, struct vault_bytes *plain)
{
	struct vault_bytes sealed;

	TRY(row_find(op->txn, &row->key, &row->id, &sealed));
	return sealed_open_plain(&op->tenant->keys, sealed, op->scratch, row, plain);
}

static const struct secret_entry *
entry_of(const struct secret_record *record, uint32_t version)
{
	for (size_t i = 0; i < record->versions.n; i++)
		if (record->versions.v[i].version == version)
			return &record->versions.v[i];
	return NULL;
}

/* The number of the version that was asked for; 0 where no version has that stage. */
static uint32_t
chosen(const struct secret_choice *choice, const struct secret_record *record, uint32_t current)
{
	if (choice->version != 0)
		return choice->version;
	if (choice->stage == secret_stage_previous)
		return (uint32_t)record->previous.v;
	if (choice->stage == secret_stage_pending)
		return (uint32_t)record->pending.v;
	return current;
}

/* Whether the version may be given out, as far as the secret's own row tells. */
static bool
is_live(const struct secret_record *record, uint32_t current, uint32_t version)
{
	const struct secret_entry *entry;

	if (version == 0)
		return false;
	if (version == current)
		return record->state.v == SECRET_LIVE;
	entry = entry_of(record, version);
	return entry != NULL && entry->state.v == SECRET_LIVE;
}

static enum vault_err
read_version(struct op *op, const struct secret_choice *choice, uint32_t version,
	     struct secret_view *out)
{
	struct row row = { .key = secret_version_place(op, choice->name, version) };
	struct secret_value value;
	struct vault_bytes plain;
	enum vault_err err = open_row(op, &row, &plain);

	/* The secret's row says that it is there. */
	if (err == VAULT_NOT_FOUND)
		return VAULT_INTEGRITY;
	TRY(err);
	TRY(record_decode(secret_value_type(), plain, op->scratch, &value));
	if (!text_equal(value.name, choice->name) || value.value.p == NULL)
		return VAULT_INTEGRITY;
	*out = (struct secret_view){ version, value.created_at, value.expires_at, value.value,
				     value.metadata };
	return VAULT_OK;
}

enum vault_err
secret_read(struct op *op, const struct secret_choice *choice, struct secret_view *out)
{
	struct row head = { .key = { .kind = ROW_SECRET } };
	struct secret_record record;
	struct secret_view view;
	struct vault_bytes plain, sealed;
	enum vault_err err;
	uint32_t version;

	err = finder_row(op->finder,
			 &(struct finder_ask){ op->txn, &op->tenant->keys, choice->name }, &head,
			 &sealed);
	if (err == VAULT_OK)
		err = sealed_open_plain(&op->tenant->keys, sealed, op->scratch, &head, &plain);
	if (err == VAULT_OK)
		err = record_decode(secret_record_type(), plain, op->scratch, &record);
	if (err == VAULT_NOT_FOUND || (err == VAULT_OK && !text_equal(record.name, choice->name)))
		return no_such(op, false);
	TRY(err);
	op->note.target = head.key;
	version = chosen(choice, &record, head.version);
	op->note.version = version;
	if (!is_live(&record, head.version, version))
		return no_such(op, true);
	if (version == head.version && record.value.p != NULL)
		view = (struct secret_view){ version, record.created_at, record.expires_at,
					     record.value, record.metadata };
	else
		TRY(read_version(op, choice, version, &view));
	if (!choice->expired_too && view.expires_at.set && view.expires_at.v <= op->now.wall)
		return op_fail(op, VAULT_NOT_FOUND, "version", "the version has expired");
	*out = view;
	return VAULT_OK;
}

int64_t
secret_due_at(const struct secret_record *record)
{
	int64_t due = 0;

	if (record->state.v != SECRET_LIVE || record->created_at == 0)
		return 0;
	if (record->rotation_period.set)
		due = record->created_at + record->rotation_period.v;
	if (record->expires_at.set && (due == 0 || record->expires_at.v < due))
		due = record->expires_at.v;
	return due > TIME_MAX ? TIME_MAX : due;
}

static int
state_of(const struct secret_record *record, uint32_t version, int64_t mark)
{
	if (mark == SECRET_DELETED)
		return secret_state_deleted;
	if (mark == SECRET_DESTROYED)
		return secret_state_destroyed;
	if (version == record->previous.v)
		return secret_state_previous;
	return version == record->pending.v ? secret_state_pending : secret_state_old;
}

/* The newest first; the current one stands among the others by its number. */
static enum vault_err
show_versions(struct op *op, const struct secret_record *record, uint32_t current,
	      struct secret_describe_res *res)
{
	size_t n = record->versions.n, i = n, at = 0;
	bool shown = current == 0;
	struct secret_version *out = scratch_room(op->scratch, (n + 1) * sizeof *out);

	if (out == NULL)
		return VAULT_BUSY;
	while (i > 0 || !shown) {
		const struct secret_entry *entry = i == 0 ? NULL : &record->versions.v[i - 1];

		if (!shown && (entry == NULL || entry->version < current)) {
			int state = record->state.v == SECRET_LIVE
					    ? secret_state_current
					    : state_of(record, 0, record->state.v);

			out[at++] = (struct secret_version){ current, state, record->created_at };
			shown = true;
			continue;
		}
		if (entry == NULL)
			break;
		out[at++] = (struct secret_version){
			entry->version, state_of(record, (uint32_t)entry->version, entry->state.v),
			entry->created_at
		};
		i--;
	}
	res->versions.v = out;
	res->versions.n = at;
	return VAULT_OK;
}

static enum vault_err
show_generator(struct op *op, const struct secret_record *record,
	       const struct secret_generator **out)
{
	struct secret_generator *generator;

	if (!record->generator_length.set && !record->generator_kind.set)
		return VAULT_OK;
	generator = scratch_alloc(op->scratch, sizeof *generator);
	if (generator == NULL)
		return VAULT_BUSY;
	generator->length = record->generator_length;
	generator->kind.v = (int)record->generator_kind.v;
	generator->kind.set = record->generator_kind.set;
	*out = generator;
	return op_keep_text(op, record->generator_alphabet, &generator->alphabet);
}

static enum vault_err
show_rotation(struct op *op, const struct secret_record *record, struct secret_describe_res *res)
{
	struct secret_rotation *rotation;
	int64_t due = secret_due_at(record);

	if (!record->keep_versions.set)
		return VAULT_OK;
	rotation = scratch_alloc(op->scratch, sizeof *rotation);
	if (rotation == NULL)
		return VAULT_BUSY;
	*rotation = (struct secret_rotation){
		.rotation_period = record->rotation_period,
		.keep_versions = record->keep_versions.v,
		.due_at = { due, due != 0 },
	};
	res->rotation = rotation;
	return show_generator(op, record, &rotation->generator);
}

enum vault_err
secret_show(struct op *op, const struct row *row, struct secret_describe_res *res)
{
	struct secret_record record;
	struct vault_bytes metadata;

	TRY(record_decode(secret_record_type(), row_plain(row), op->scratch, &record));
	*res = (struct secret_describe_res){ .current = row->version,
					     .expires_at = record.expires_at };
	TRY(show_versions(op, &record, row->version, res));
	TRY(show_rotation(op, &record, res));
	TRY(op_keep_text(op, record.name, &res->name));
	TRY(op_keep_text(op, record.owner, &res->owner));
	metadata = (struct vault_bytes){ record.metadata.p, record.metadata.len };
	TRY(op_keep_bytes(op, metadata, &metadata));
	res->metadata = (struct vault_map){ metadata.p, metadata.len };
	return VAULT_OK;
}
