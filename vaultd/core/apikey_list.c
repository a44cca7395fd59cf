#include "vaultd/core/apikey_list.h"

#include <string.h>

#include "protocol/text.h"
#include "vaultd/core/apikey_used.h"
#include "vaultd/core/apikey_uses.h"
#include "vaultd/core/cidr.h"
#include "vaultd/core/page.h"

/* Rows that a page of a filtered list opens: a few milliseconds, which nobody else has to wait. */
#define LIST_ROWS_MAX 1500

static enum vault_err
show_sources(struct op *op, struct vault_bytes packed, struct vault_texts *sources)
{
	size_t n = packed.len / CIDR_BYTES;
	struct vault_text *texts;

	if (packed.p == NULL)
		return VAULT_OK;
	texts = scratch_alloc(op->scratch, n * sizeof *texts);
	if (texts == NULL)
		return VAULT_BUSY;
	for (size_t i = 0; i < n; i++) {
		char text[CIDR_TEXT_MAX];
		size_t len = cidr_format(packed.p + i * CIDR_BYTES, text);

		TRY(op_keep_text(op, (struct vault_text){ text, len }, &texts[i]));
	}
	*sources = (struct vault_texts){ texts, n };
	return VAULT_OK;
}

static enum vault_err
show_limits(struct op *op, const struct apikey_record *rec, struct apikey_get_res *res)
{
	struct apikey_refill *refill;
	struct apikey_limit *limit;

	res->uses = rec->uses;
	if (rec->uses.set)
		res->uses_left =
			(struct vault_opt_int){ apikey_uses_left(rec, op->now.wall), true };
	if (rec->refill_period.set) {
		refill = scratch_alloc(op->scratch, sizeof *refill);
		if (refill == NULL)
			return VAULT_BUSY;
		*refill = (struct apikey_refill){ rec->refill_amount.v, rec->refill_period.v };
		res->refill = refill;
	}
	if (rec->limit_rate.set) {
		limit = scratch_alloc(op->scratch, sizeof *limit);
		if (limit == NULL)
			return VAULT_BUSY;
		*limit = (struct apikey_limit){ rec->limit_rate.v, rec->limit_burst.v };
		res->limit = limit;
	}
	return VAULT_OK;
}

static enum vault_err
show(struct op *op, const struct apikey *key, enum apikey_state state, struct apikey_get_res *res)
{
	const struct apikey_record *rec = &key->rec;

	*res = (struct apikey_get_res){
		.id = rec->id,
		.name = rec->name,
		.kind = (int)rec->kind,
		.env = rec->env,
		.state = (int)state,
		.hint = rec->hint,
		.scopes = rec->scopes,
		.role = rec->role,
		.created_at = rec->created_at,
		.expires_at = rec->expires_at,
		.owner = rec->owner,
		.metadata = rec->metadata,
		.disabled = rec->disabled,
		.imported = rec->imported,
		.grace_until = rec->grace_until,
		.revoked_at = rec->revoked_at,
		.revoke_reason = rec->revoke_reason,
		.replaces = rec->replaces,
		.replaced_by = rec->replaced_by,
	};
	TRY(show_sources(op, rec->sources, &res->sources));
	return show_limits(op, rec, res);
}

static void
show_shared(const struct apikey *key, const struct apikey_tenant *common, int64_t used_at,
	    struct apikey_get_res *res)
{
	int64_t revoked_at = apikey_revoked_at(key, common);

	res->revoked_at = (struct vault_opt_int){ revoked_at, revoked_at != 0 };
	res->last_used_at = (struct vault_opt_int){ used_at, used_at != 0 };
}

enum vault_err
apikey_show(struct op *op, const struct apikey *key, struct apikey_get_res *res)
{
	struct apikey_used_row used = { 0 };
	const struct apikey_tenant *common;
	int64_t used_at;

	TRY(apikey_tenant(op, &common));
	TRY(apikey_used_at(op, key->row.id, &used, &used_at));
	TRY(show(op, key, apikey_state(key, common, &op->now), res));
	show_shared(key, common, used_at, res);
	return VAULT_OK;
}

/* A list on its way: what op->listing leads to. */
struct listing {
	const struct apikey_list_req *req;
	const struct apikey_tenant *common;
	struct apikey_used_row *used;
};

static bool
expires_within(const struct apikey_record *rec, int64_t now, int64_t seconds)
{
	int64_t ends_at = apikey_ends_at(rec);

	return ends_at > now && ends_at - now <= seconds;
}

static bool
wanted(const struct apikey_list_req *req, const struct apikey *key, enum apikey_state state,
       int64_t now)
{

	if ((req->kind.set && req->kind.v != key->rec.kind) ||
	    (req->state.set && req->state.v != (int)state) ||
	    (req->env.p != NULL && !text_equal(req->env, key->rec.env)))
		return false;
	return !req->expires_within.set || expires_within(&key->rec, now, req->expires_within.v);
}

/* A key that was never used is unused since it was made. */
static bool
unused(const struct apikey_list_req *req, const struct apikey *key, int64_t used_at, int64_t now)
{
	int64_t since = used_at > key->rec.created_at ? used_at : key->rec.created_at;

	return !req->unused_for.set || now - since >= req->unused_for.v;
}

/*
 * Looked at where it was opened; what is shown is copied, for it must outlive the row, and only what
 * is shown takes the page's memory.
 */
static enum vault_err
pick(struct op *op, const struct row *row, void *item)
{
	const struct listing *list = op->listing;
	struct apikey key = { .row = { .key = row->key, .id = row->id } };
	struct vault_bytes copy;
	enum apikey_state state;
	int64_t used_at;

	TRY(record_decode(apikey_record_type(), row_plain(row), op->scratch, &key.rec));
	state = apikey_state(&key, list->common, &op->now);
	if (!wanted(list->req, &key, state, op->now.wall))
		return VAULT_NOT_FOUND;
	TRY(apikey_used_at(op, row->id, list->used, &used_at));
	if (!unused(list->req, &key, used_at, op->now.wall))
		return VAULT_NOT_FOUND;
	TRY(op_keep_bytes(op, row_plain(row), &copy));
	TRY(record_decode(apikey_record_type(), copy, op->scratch, &key.rec));
	TRY(show(op, &key, state, item));
	show_shared(&key, list->common, used_at, item);
	return VAULT_OK;
}

enum vault_err
apikey_page(struct op *op, const struct apikey_list_req *req, struct apikey_list_res *res)
{
	struct apikey_used_row used = { 0 };
	struct listing list = { .req = req, .used = &used };
	struct page page = { .op = op,
			     .keys = &op->tenant->keys,
			     .kind = ROW_APIKEY,
			     .item = apikey_get_res_type(),
			     .make = pick,
			     .limit = req->limit.v,
			     .cursor = req->cursor,
			     .bound = apikey_bound,
			     .rows_max = LIST_ROWS_MAX };
	struct object_list items = { 0 };

	TRY(apikey_tenant(op, &list.common));
	op->listing = &list;
	TRY(page_walk(&page, &items, &res->cursor));
	res->items.v = items.v;
	res->items.n = items.n;
	return VAULT_OK;
}
