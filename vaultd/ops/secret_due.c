/*
 * secret.due: what must be rotated, of every kind, one function a kind.
 */
#include "vaultd/core/reminder.h"

#include <string.h>

#include "protocol/text.h"
#include "vaultd/base/base64.h"
#include "vaultd/core/key_change.h"
#include "vaultd/core/secrets.h"
#include "vaultd/core/tenant.h"
#include "vaultd/ops/ops.h"

#define DUE_CURSOR_TEXT BASE64_LENGTH(REMINDER_CURSOR_BYTES)

static enum vault_err
secret_item(struct op *op, const struct row *row, struct due_item *item)
{
	struct secret_record record;

	TRY(record_decode(secret_record_type(), row_plain(row), op->scratch, &record));
	item->created_at = record.created_at;
	TRY(op_keep_text(op, record.owner, &item->owner));
	return op_keep_text(op, record.name, &item->name);
}

static enum vault_err
key_item(struct op *op, const struct row *row, struct due_item *item)
{
	struct key_record record;

	TRY(record_decode(key_record_type(), row_plain(row), op->scratch, &record));
	for (size_t i = 0; i < record.versions.n; i++)
		if (record.versions.v[i].created_at > item->created_at)
			item->created_at = record.versions.v[i].created_at;
	return op_keep_text(op, record.name, &item->name);
}

/* Where the rows of a kind stand and what is shown of one. API keys have no rows in this build. */
static const struct {
	enum row_kind rows;
	enum vault_err (*show)(struct op *op, const struct row *row, struct due_item *item);
} kinds[due_kind_count] = {
	[due_kind_secret] = { ROW_SECRET, secret_item },
	[due_kind_key] = { ROW_KEY, key_item },
};

static enum vault_err
open_tenant(struct op *op, uint32_t number)
{
	struct vault_text name;

	if (op->tenant != NULL && op->tenant->keys.tenant == number)
		return VAULT_OK;
	TRY(tenant_name_by_number(op, number, &name));
	return tenant_get(op, name, &op->tenant);
}

/* VAULT_NOT_FOUND: not to be shown, to this caller or any more. */
static enum vault_err
show_entry(struct op *op, const struct reminder *entry, struct due_item *item)
{
	enum vault_err err;
	ROW_LOCAL(row);

	if (entry->kind <= 0 || entry->kind >= due_kind_count || kinds[entry->kind].show == NULL)
		return VAULT_NOT_FOUND;
	TRY(open_tenant(op, entry->tenant));
	TRY(reminder_open(op, entry, kinds[entry->kind].rows, &row));
	*item = (struct due_item){ .kind = (int)entry->kind, .due_at = entry->at };
	TRY(op_keep_text(op, tenant_name_of(op->tenant), &item->tenant));
	TRY(kinds[entry->kind].show(op, &row, item));
	err = op_require(op, OP_secret_due, item->tenant, item->name);
	return err == VAULT_DENIED || err == VAULT_MFA_REQUIRED ? VAULT_NOT_FOUND : err;
}

static enum vault_err
show_entries(struct op *op, const struct reminder *entries, size_t n, struct secret_due_res *res)
{
	struct due_item *items = scratch_alloc(op->scratch, (n + 1) * sizeof *items);

	if (items == NULL)
		return VAULT_BUSY;
	res->items.v = items;
	for (size_t i = 0; i < n; i++) {
		enum vault_err err = show_entry(op, &entries[i], &items[res->items.n]);

		if (err == VAULT_OK)
			res->items.n++;
		else if (err != VAULT_NOT_FOUND)
			return err;
	}
	return VAULT_OK;
}

static enum vault_err
read_cursor(struct op *op, struct vault_text text, uint8_t *cursor)
{
	uint8_t bytes[BASE64_DECODED_MAX(CURSOR_MAX)];
	size_t len;

	if (!base64url_decode(text.p, text.len, bytes, &len) || len != REMINDER_CURSOR_BYTES)
		return op_fail(op, VAULT_INVALID_PARAMS, "cursor", "not a cursor of this list");
	memcpy(cursor, bytes, REMINDER_CURSOR_BYTES);
	return VAULT_OK;
}

static enum vault_err
write_cursor(struct op *op, const struct reminder *last, struct vault_text *text)
{
	uint8_t cursor[REMINDER_CURSOR_BYTES];
	char *p = scratch_alloc(op->scratch, DUE_CURSOR_TEXT);

	if (p == NULL)
		return VAULT_BUSY;
	reminder_cursor(last, cursor);
	*text = (struct vault_text){ p, base64url_encode(cursor, sizeof cursor, p) };
	return VAULT_OK;
}

enum vault_err
op_secret_due(struct op *op, const struct secret_due_req *req, struct secret_due_res *res)
{
	const struct tenant *tenant = op->tenant;
	uint8_t after[REMINDER_CURSOR_BYTES];
	size_t n, limit = (size_t)req->limit.v;
	struct reminder *entries = scratch_alloc(op->scratch, (limit + 1) * sizeof *entries);
	struct reminder_range range = {
		.tenant = tenant == NULL ? 0 : tenant->keys.tenant,
		.until = op->now.wall + req->within.v,
		.after = req->cursor.p == NULL ? NULL : after,
		.max = limit + 1,
	};

	if (entries == NULL)
		return VAULT_BUSY;
	if (req->cursor.p != NULL)
		TRY(read_cursor(op, req->cursor, after));
	TRY(reminder_find(op, &range, entries, &n));
	TRY(show_entries(op, entries, n > limit ? limit : n, res));
	/* Which tenant an answer for all of them is about is none's to say in the audit. */
	op->tenant = tenant;
	return n > limit ? write_cursor(op, &entries[limit - 1], &res->cursor) : VAULT_OK;
}
