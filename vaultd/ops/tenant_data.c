/*
 * tenant.data: what somebody may ask for who wants to know, or to take along, all that is kept of a
 * tenant. A page is of one kind of record; the cursor says of which, and where it goes on.
 */
#include <string.h>

#include "protocol/text.h"
#include "vaultd/core/apikey.h"
#include "vaultd/core/apikey_list.h"
#include "vaultd/core/grants.h"
#include "vaultd/core/key_change.h"
#include "vaultd/core/page.h"
#include "vaultd/core/profile.h"
#include "vaultd/core/secrets.h"
#include "vaultd/ops/ops.h"

#define PAGE_ITEMS 500 /* of a kind whose items are one row each, or two */
#define PAGE_KEYS 49   /* a key shows up to 100 versions, each a row of its own */

static enum vault_err
make_key(struct op *op, const struct row *row, void *out)
{
	struct key_get_res *key = scratch_alloc(op->scratch, sizeof *key);
	struct data_item *item = out;

	if (key == NULL)
		return VAULT_BUSY;
	TRY(key_show(op, row, key));
	*item = (struct data_item){ .type = data_type_key, .name = key->name, .key = key };
	return VAULT_OK;
}

static enum vault_err
make_profile(struct op *op, const struct row *row, void *out)
{
	struct profile_get_res *profile = scratch_alloc(op->scratch, sizeof *profile);
	struct data_item *item = out;

	if (profile == NULL)
		return VAULT_BUSY;
	TRY(profile_show(op, row, profile));
	*item = (struct data_item){ .type = data_type_profile,
				    .name = profile->name,
				    .profile = profile };
	return VAULT_OK;
}

static enum vault_err
make_apikey(struct op *op, const struct row *row, void *out)
{
	struct apikey_get_res *shown = scratch_alloc(op->scratch, sizeof *shown);
	struct apikey key = { .row = { .key = row->key, .id = row->id } };
	struct data_item *item = out;
	struct vault_bytes copy;

	if (shown == NULL)
		return VAULT_BUSY;
	TRY(op_keep_bytes(op, row_plain(row), &copy));
	TRY(record_decode(apikey_record_type(), copy, op->scratch, &key.rec));
	*item = (struct data_item){ .type = data_type_apikey, .name = key.rec.name };
	if (key.rec.deleted_at.set) {
		item->type = data_type_deleted;
		item->deleted_at = key.rec.deleted_at;
		return VAULT_OK;
	}
	item->apikey = shown;
	return apikey_show(op, &key, shown);
}

static enum vault_err
make_secret(struct op *op, const struct row *row, void *out)
{
	struct secret_describe_res *secret = scratch_alloc(op->scratch, sizeof *secret);
	struct data_item *item = out;

	if (secret == NULL)
		return VAULT_BUSY;
	TRY(secret_show(op, row, secret));
	*item = (struct data_item){ .type = data_type_secret,
				    .name = secret->name,
				    .secret = secret };
	return VAULT_OK;
}

static enum vault_err
token_item(struct op *op, enum data_type type, struct data_item *item, struct data_token **token)
{
	*token = scratch_alloc(op->scratch, sizeof **token);
	*item = (struct data_item){ .type = type, .token = *token };
	return *token == NULL ? VAULT_BUSY : VAULT_OK;
}

static struct vault_opt_int
given(int64_t v)
{
	return (struct vault_opt_int){ v, true };
}

static enum vault_err
make_token_revoked(struct op *op, const struct row *row, void *out)
{
	struct token_revoked_record record;
	struct data_token *token;

	TRY(record_decode(token_revoked_record_type(), row_plain(row), op->scratch, &record));
	TRY(token_item(op, data_type_revocation, out, &token));
	token->at = given(record.revoked_at);
	token->until = given(record.forget_at);
	return op_keep_text(op, record.jti, &token->jti);
}

static enum vault_err
make_rule(struct op *op, const struct row *row, void *out)
{
	struct token_rule_record record;
	struct data_token *token;

	TRY(record_decode(token_rule_record_type(), row_plain(row), op->scratch, &record));
	TRY(token_item(op, data_type_revocation, out, &token));
	token->at = record.issued_at;
	token->before = record.before;
	token->until = given(record.forget_at);
	return op_keep_text(op, record.name,
			    row->key.kind == ROW_SUBJECT_REVOKED ? &token->subject
								 : &token->profile);
}

static enum vault_err
make_uses(struct op *op, const struct row *row, void *out)
{
	struct token_uses_record record;
	struct data_token *token;

	TRY(record_decode(token_uses_record_type(), row_plain(row), op->scratch, &record));
	TRY(token_item(op, data_type_uses, out, &token));
	token->used = given(record.used);
	token->max = given(record.max + record.added);
	token->until = given(record.forget_at);
	return op_keep_text(op, record.jti, &token->jti);
}

static enum vault_err
make_use(struct op *op, const struct row *row, void *out)
{
	struct token_use_record record;
	struct data_token *token;

	TRY(record_decode(token_use_record_type(), row_plain(row), op->scratch, &record));
	TRY(token_item(op, data_type_use, out, &token));
	token->at = given(record.used_at);
	TRY(op_keep_text(op, record.use, &token->use));
	return op_keep_text(op, record.jti, &token->jti);
}

static enum vault_err
make_deleted(struct op *op, const struct row *row, void *out)
{
	struct tombstone_record record;
	struct data_item *item = out;

	TRY(record_decode(tombstone_record_type(), row_plain(row), op->scratch, &record));
	*item = (struct data_item){ .type = data_type_deleted,
				    .deleted_at = given(record.deleted_at) };
	return op_keep_text(op, record.name, &item->name);
}

static enum vault_err
make_grant(struct op *op, const struct row *row, void *out)
{
	struct grant_info *grant = scratch_alloc(op->scratch, sizeof *grant);
	struct data_item *item = out;
	struct grant_record record;
	struct vault_bytes copy;

	if (grant == NULL)
		return VAULT_BUSY;
	TRY(op_keep_bytes(op, row_plain(row), &copy));
	TRY(record_decode(grant_record_type(), copy, op->scratch, &record));
	if (!grant_names_tenant(&record, tenant_name_of(op->tenant)))
		return VAULT_NOT_FOUND;
	grant_describe(&record, grant);
	*item = (struct data_item){ .type = data_type_grant, .name = record.id, .grant = grant };
	return VAULT_OK;
}

/* In this order; a section's letter in the cursor is its place, so add at the end. */
static const struct section {
	enum row_kind kind;
	page_item make;
	int64_t limit;
	void (*bound)(struct row_key *key);
} sections[] = {
	{ ROW_KEY, make_key, PAGE_KEYS, NULL },
	{ ROW_PROFILE, make_profile, PAGE_ITEMS, NULL },
	{ ROW_APIKEY, make_apikey, PAGE_ITEMS, apikey_bound },
	{ ROW_SECRET, make_secret, PAGE_ITEMS, NULL },
	{ ROW_TOKEN_REVOKED, make_token_revoked, PAGE_ITEMS, NULL },
	{ ROW_SUBJECT_REVOKED, make_rule, PAGE_ITEMS, NULL },
	{ ROW_PROFILE_REVOKED, make_rule, PAGE_ITEMS, NULL },
	{ ROW_TOKEN_USES, make_uses, PAGE_ITEMS, NULL },
	{ ROW_TOKEN_USE, make_use, PAGE_ITEMS, NULL },
	{ ROW_TOMBSTONE, make_deleted, PAGE_ITEMS, NULL },
	{ ROW_GRANT, make_grant, PAGE_ITEMS, NULL },
};
#define SECTIONS (sizeof sections / sizeof sections[0])
#define FIRST_LETTER 'a'

/* The tenant itself, with which the first page is done. */
static enum vault_err
tenant_item(struct op *op, struct object_list *items)
{
	struct data_item *item = scratch_alloc(op->scratch, sizeof *item);
	struct tenant_get_res *tenant = scratch_alloc(op->scratch, sizeof *tenant);

	if (item == NULL || tenant == NULL)
		return VAULT_BUSY;
	TRY(tenant_describe(op, tenant_name_of(op->tenant), tenant));
	*item = (struct data_item){ .type = data_type_tenant,
				    .name = tenant->tenant,
				    .tenant = tenant };
	*items = (struct object_list){ item, 1 };
	return VAULT_OK;
}

/* Behind the walk, because what prepares a key may move the snapshot on. */
static enum vault_err
add_public(struct op *op, struct object_list *items)
{
	struct data_item *item = (struct data_item *)(uintptr_t)items->v;

	for (size_t i = 0; i < items->n; i++) {
		struct key_public_req req = { .name = item[i].name };
		struct key_public_res res = { 0 };
		enum vault_err err;

		if (!key_asymmetric(item[i].key->algorithm))
			continue;
		err = op_key_public(op, &req, &res);
		op->fail = (struct fail){ 0 };
		/* One that is to be deleted publishes none. */
		if (err != VAULT_OK && err != VAULT_CONFLICT && err != VAULT_NOT_FOUND)
			return err;
		item[i].jwks = res.jwks;
	}
	op->note.target = (struct row_key){ 0 };
	return VAULT_OK;
}

static enum vault_err
section_page(struct op *op, const struct section *section, struct vault_text *cursor,
	     struct object_list *items)
{
	struct page page = {
		.op = op,
		.keys = section->kind == ROW_GRANT ? &op->vault->keyring.store : &op->tenant->keys,
		.kind = section->kind,
		.item = data_item_type(),
		.make = section->make,
		.limit = section->limit,
		.cursor = *cursor,
		.bound = section->bound,
	};

	*cursor = (struct vault_text){ 0 };
	TRY(page_walk(&page, items, cursor));
	return section->kind == ROW_KEY ? add_public(op, items) : VAULT_OK;
}

/* The section's letter, and the cursor within it if it has one. */
static enum vault_err
write_cursor(struct op *op, size_t section, struct vault_text inner, struct vault_text *cursor)
{
	char *text = scratch_alloc(op->scratch, inner.len + 1);

	if (text == NULL)
		return VAULT_BUSY;
	text[0] = (char)(FIRST_LETTER + section);
	if (inner.p != NULL)
		memcpy(text + 1, inner.p, inner.len);
	*cursor = (struct vault_text){ text, inner.len + 1 };
	return VAULT_OK;
}

enum vault_err
op_tenant_data(struct op *op, const struct tenant_data_req *req, struct tenant_data_res *res)
{
	struct object_list items = { 0 };
	struct vault_text inner = { 0 };
	size_t section = 0;

	if (req->cursor.p == NULL) {
		TRY(tenant_item(op, &items));
	} else {
		section = (size_t)(req->cursor.p[0] - FIRST_LETTER);
		if (req->cursor.p[0] < FIRST_LETTER || section >= SECTIONS)
			return op_fail(op, VAULT_INVALID_PARAMS, "cursor",
				       "not a cursor of this list");
		if (req->cursor.len > 1)
			inner = (struct vault_text){ req->cursor.p + 1, req->cursor.len - 1 };
		TRY(section_page(op, &sections[section], &inner, &items));
		section += inner.p == NULL;
	}
	res->items.v = items.v;
	res->items.n = items.n;
	return section == SECTIONS ? VAULT_OK : write_cursor(op, section, inner, &res->cursor);
}
