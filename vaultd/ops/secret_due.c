/*
 * secret.due: what must be rotated. First secrets and keys by their reminders, the most urgent one
 * first; behind them API keys, tenant by tenant, the one due longest first: those stand in the order
 * of their creation anyway, and a million of them need no reminders.
 */
#include "vaultd/core/reminder.h"

#include <string.h>

#include "protocol/text.h"
#include "vaultd/base/base64.h"
#include "vaultd/core/apikey_list.h"
#include "vaultd/core/key_change.h"
#include "vaultd/core/secrets.h"
#include "vaultd/core/tenant.h"
#include "vaultd/ops/ops.h"

#define TENANTS_A_PAGE 100 /* looked into for API keys by one page of all tenants */
#define KEYS_AT_A_TIME                                                                             \
	64 /* API keys of a tenant that a page tells, so that its memory is bounded */

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

/* Where the rows of a kind that has reminders stand, and what is shown of one. */
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
show_entries(struct op *op, const struct reminder *entries, size_t n, struct object_list *items)
{
	struct due_item *v = (struct due_item *)(uintptr_t)items->v;

	for (size_t i = 0; i < n; i++) {
		enum vault_err err = show_entry(op, &entries[i], &v[items->n]);

		if (err == VAULT_OK)
			items->n++;
		else if (err != VAULT_NOT_FOUND)
			return err;
	}
	return VAULT_OK;
}

/* How far a list has got: behind a reminder, or behind an API key of a tenant. */
struct progress {
	bool keys; /* API keys have begun */
	uint8_t reminder[REMINDER_CURSOR_BYTES];
	uint8_t tenant[ROW_TAG_BYTES]; /* where none is asked for: the last one that is done with */
	uint8_t key[ROW_TAG_BYTES];    /* of the one behind it, or the one asked for; zeros: none */
};
#define KEYS_CURSOR_BYTES (2 * ROW_TAG_BYTES)

static const uint8_t no_tag[ROW_TAG_BYTES];

static enum vault_err
read_cursor(struct op *op, struct vault_text text, struct progress *at)
{
	uint8_t bytes[BASE64_DECODED_MAX(CURSOR_MAX)];
	size_t len;

	if (!base64url_decode(text.p, text.len, bytes, &len) ||
	    (len != REMINDER_CURSOR_BYTES && len != KEYS_CURSOR_BYTES))
		return op_fail(op, VAULT_INVALID_PARAMS, "cursor", "not a cursor of this list");
	at->keys = len == KEYS_CURSOR_BYTES;
	if (!at->keys) {
		memcpy(at->reminder, bytes, REMINDER_CURSOR_BYTES);
		return VAULT_OK;
	}
	memcpy(at->tenant, bytes, ROW_TAG_BYTES);
	memcpy(at->key, bytes + ROW_TAG_BYTES, ROW_TAG_BYTES);
	return VAULT_OK;
}

static enum vault_err
write_cursor(struct op *op, const struct progress *at, struct vault_text *text)
{
	uint8_t bytes[KEYS_CURSOR_BYTES];
	size_t len = at->keys ? KEYS_CURSOR_BYTES : REMINDER_CURSOR_BYTES;
	char *p = scratch_alloc(op->scratch, BASE64_LENGTH(KEYS_CURSOR_BYTES));

	if (p == NULL)
		return VAULT_BUSY;
	memcpy(bytes, at->keys ? at->tenant : at->reminder, at->keys ? ROW_TAG_BYTES : len);
	if (at->keys)
		memcpy(bytes + ROW_TAG_BYTES, at->key, ROW_TAG_BYTES);
	*text = (struct vault_text){ p, base64url_encode(bytes, len, p) };
	return VAULT_OK;
}

/* The API keys of op->tenant that are due, behind at->key. *ended: there are no more. */
static enum vault_err
tenant_keys(struct op *op, const struct secret_due_req *req, struct progress *at,
	    struct object_list *items, bool *ended)
{
	size_t room = (size_t)req->limit.v - items->n, n = 0;
	size_t max = room < KEYS_AT_A_TIME ? room : KEYS_AT_A_TIME;
	struct due_item *v = (struct due_item *)(uintptr_t)items->v;
	struct apikey_due_walk walk = { .due_before = op->now.wall + req->within.v + 1,
					.max = max,
					.begun = memcmp(at->key, no_tag, sizeof no_tag) != 0 };
	struct apikey_due *found = scratch_alloc(op->scratch, max * sizeof *found);

	if (found == NULL)
		return VAULT_BUSY;
	memcpy(walk.after, at->key, sizeof walk.after);
	TRY(apikey_due_next(op, &walk, found, &n));
	memcpy(at->key, walk.after, sizeof at->key);
	*ended = walk.ended;
	for (size_t i = 0; i < n; i++) {
		enum vault_err err =
			op_require(op, OP_secret_due, tenant_name_of(op->tenant), found[i].name);
		struct due_item *item = &v[items->n];

		if (err == VAULT_DENIED || err == VAULT_MFA_REQUIRED)
			continue;
		TRY(err);
		*item = (struct due_item){ .kind = due_kind_apikey,
					   .name = found[i].name,
					   .id = found[i].id,
					   .owner = found[i].owner,
					   .created_at = found[i].created_at,
					   .due_at = found[i].due_at };
		if (found[i].last_used_at != 0)
			item->last_used_at = (struct vault_opt_int){ found[i].last_used_at, true };
		TRY(op_keep_text(op, tenant_name_of(op->tenant), &item->tenant));
		items->n++;
	}
	return VAULT_OK;
}

/* The tenant behind a tag; its walk is over before anything else is looked up. VAULT_NOT_FOUND. */
static enum vault_err
next_tenant(struct op *op, const uint8_t *after, uint8_t *tag)
{
	struct tenant_record record;
	struct vault_text name;
	struct row_walk walk;
	struct vault_bytes sealed;
	struct row_key key;
	enum vault_err err;
	uint64_t id;
	ROW_LOCAL(row);

	TRY(row_walk_open(op->txn, 0, ROW_TENANT, after, &walk));
	err = row_walk_next(&walk, &key, &id, &sealed);
	if (err == VAULT_OK)
		err = sealed_open(&op->vault->keyring.store, &key, sealed, &row);
	row_walk_close(&walk);
	TRY(err);
	memcpy(tag, key.tag, ROW_TAG_BYTES);
	TRY(record_decode(tenant_record_type(), row_plain(&row), op->scratch, &record));
	TRY(op_keep_text(op, record.name, &name));
	return tenant_get(op, name, &op->tenant);
}

/* *ended: no tenant is left. */
static enum vault_err
all_keys(struct op *op, const struct secret_due_req *req, struct progress *at,
	 struct object_list *items, bool *ended)
{
	for (unsigned i = 0; i < TENANTS_A_PAGE && items->n < (size_t)req->limit.v; i++) {
		uint8_t tag[ROW_TAG_BYTES];
		bool begun = memcmp(at->tenant, no_tag, sizeof no_tag) != 0, done = false;
		enum vault_err err = next_tenant(op, begun ? at->tenant : NULL, tag);

		*ended = err == VAULT_NOT_FOUND;
		if (*ended)
			return VAULT_OK;
		TRY(err);
		TRY(tenant_keys(op, req, at, items, &done));
		if (!done)
			return VAULT_OK;
		memcpy(at->tenant, tag, sizeof tag);
		memset(at->key, 0, sizeof at->key);
	}
	return VAULT_OK;
}

/* *ended: all reminders are told. */
static enum vault_err
reminders(struct op *op, const struct secret_due_req *req, struct progress *at,
	  struct object_list *items, bool *ended)
{
	size_t n, limit = (size_t)req->limit.v;
	struct reminder *entries = scratch_alloc(op->scratch, (limit + 1) * sizeof *entries);
	struct reminder_range range = {
		.tenant = op->tenant == NULL ? 0 : op->tenant->keys.tenant,
		.until = op->now.wall + req->within.v,
		.after = req->cursor.p == NULL ? NULL : at->reminder,
		.max = limit + 1,
	};

	if (entries == NULL)
		return VAULT_BUSY;
	TRY(reminder_find(op, &range, entries, &n));
	*ended = n <= limit;
	if (!*ended)
		reminder_cursor(&entries[limit - 1], at->reminder);
	return show_entries(op, entries, *ended ? n : limit, items);
}

static enum vault_err
fill(struct op *op, const struct secret_due_req *req, struct progress *at,
     struct object_list *items, bool *ended)
{
	const struct tenant *tenant = op->tenant;

	if (!at->keys) {
		TRY(reminders(op, req, at, items, &at->keys));
		/* Which tenant an answer for all of them is about is none's to say. */
		op->tenant = tenant;
	}
	if (!at->keys || items->n == (size_t)req->limit.v)
		return VAULT_OK;
	return tenant == NULL ? all_keys(op, req, at, items, ended)
			      : tenant_keys(op, req, at, items, ended);
}

enum vault_err
op_secret_due(struct op *op, const struct secret_due_req *req, struct secret_due_res *res)
{
	const struct tenant *tenant = op->tenant;
	struct object_list items = {
		.v = scratch_alloc(op->scratch, (size_t)req->limit.v * sizeof(struct due_item))
	};
	struct progress at = { 0 };
	bool ended = false;

	if (items.v == NULL)
		return VAULT_BUSY;
	if (req->cursor.p != NULL)
		TRY(read_cursor(op, req->cursor, &at));
	TRY(fill(op, req, &at, &items, &ended));
	op->tenant = tenant;
	res->items.v = items.v;
	res->items.n = items.n;
	return ended ? VAULT_OK : write_cursor(op, &at, &res->cursor);
}
