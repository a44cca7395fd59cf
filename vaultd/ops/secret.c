#include "vaultd/core/secrets.h"

#include <string.h>

#include "protocol/text.h"
#include "vaultd/core/generator.h"
#include "vaultd/core/lockout.h"
#include "vaultd/core/page.h"
#include "vaultd/core/tenant.h"
#include "vaultd/ops/ops.h"

static enum vault_err
check_put(struct op *op, const struct secret_put_req *req, const struct secret_edit *edit)
{
	if (req->create.v && edit->row.id != 0)
		return op_fail(op, VAULT_EXISTS, "name", NULL);
	if (req->cas.set && req->cas.v != edit->current)
		return op_fail(op, VAULT_CONFLICT, "cas", "another version is the current one");
	if (req->expires_at.set && req->expires_at.v <= op->now.wall)
		return op_fail(op, VAULT_INVALID_PARAMS, "expires_at", "it has passed");
	return VAULT_OK;
}

enum vault_err
op_secret_put(struct op *op, const struct secret_put_req *req, struct secret_put_res *res)
{
	bool pending = req->stage.v == secret_target_pending;
	struct secret_draft draft = { req->value, req->expires_at, req->owner, req->metadata,
				      pending };
	SECRET_EDIT_LOCAL(edit);

	TRY(secret_edit_new(op, req->name, &edit));
	TRY(check_put(op, req, &edit));
	TRY(secret_edit_add(op, &edit, &draft, &res->version));
	TRY(secret_edit_write(op, &edit));
	secret_tell(op, pending ? secret_event_pending : secret_event_put, req->tenant, req->name,
		    (uint32_t)res->version);
	return VAULT_OK;
}

enum vault_err
op_secret_get(struct op *op, const struct secret_get_req *req, struct secret_get_res *res)
{
	struct secret_choice choice = { req->name, (uint32_t)req->version.v, req->stage.v, false };
	struct secret_view view;

	if (req->version.set && req->stage.set)
		return op_fail(op, VAULT_INVALID_PARAMS, "stage", "a version or a stage, not both");
	TRY(secret_read(op, &choice, &view));
	*res = (struct secret_get_res){ view.value, view.version, view.created_at, view.expires_at,
					view.metadata };
	return VAULT_OK;
}

enum vault_err
op_secret_describe(struct op *op, const struct secret_describe_req *req,
		   struct secret_describe_res *res)
{
	struct row_key place = secret_place(op, req->name);
	enum vault_err err;
	ROW_LOCAL(row);

	err = sealed_find(op->txn, &op->tenant->keys, &place, &row);
	if (err == VAULT_NOT_FOUND)
		return op_fail(op, err, "name", "there is no such secret");
	TRY(err);
	op->note.target = place;
	return secret_show(op, &row, res);
}

/* The right to every name that begins so: a pattern that covers all of them matches PREFIX*. */
static enum vault_err
require_prefix(struct op *op, enum op_id id, struct vault_text tenant, struct vault_text prefix)
{
	char pattern[NAME_MAX_LEN + 2];

	if (prefix.p != NULL)
		memcpy(pattern, prefix.p, prefix.len);
	pattern[prefix.len] = '*';
	return op_require(op, id, tenant, (struct vault_text){ pattern, prefix.len + 1 });
}

static enum vault_err
list_item(struct op *op, const struct row *row, void *item)
{
	const struct secret_list_req *req = op->listing;
	struct secret_record record;

	TRY(record_decode(secret_record_type(), row_plain(row), op->scratch, &record));
	if (req->prefix.p != NULL && (record.name.len < req->prefix.len ||
				      memcmp(record.name.p, req->prefix.p, req->prefix.len) != 0))
		return VAULT_NOT_FOUND;
	return secret_show(op, row, item);
}

enum vault_err
op_secret_list(struct op *op, const struct secret_list_req *req, struct secret_list_res *res)
{
	struct page page = { .op = op,
			     .keys = &op->tenant->keys,
			     .kind = ROW_SECRET,
			     .item = secret_describe_res_type(),
			     .make = list_item,
			     .limit = req->limit.v,
			     .cursor = req->cursor };
	struct object_list items = { 0 };

	TRY(require_prefix(op, OP_secret_list, req->tenant, req->prefix));
	op->listing = req;
	TRY(page_walk(&page, &items, &res->cursor));
	res->items.v = items.v;
	res->items.n = items.n;
	return VAULT_OK;
}

/* Takes as long for every value of one length, right or wrong. */
static bool
same_value(struct vault_bytes a, struct vault_bytes b)
{
	bool same_length = a.len == b.len;

	return secret_same(a.p, same_length ? b.p : a.p, a.len) && same_length;
}

enum vault_err
op_secret_check(struct op *op, const struct secret_check_req *req, struct secret_check_res *res)
{
	struct lockout_id id = lockout_id_of(LOCKOUT_SECRET, op->tenant->keys.tenant,
					     text_bytes(req->name), req->source);
	struct secret_choice choice = { .name = req->name, .expired_too = true };
	struct secret_view view;

	TRY(lockout_check(op, &id));
	TRY(secret_read(op, &choice, &view));
	if (!same_value(req->value, view.value)) {
		TRY(lockout_failed(op, &id, &LOCKOUT_DEFAULT));
		res->reason = (struct vault_opt_enum){ verify_reason_invalid, true };
	} else {
		lockout_succeeded(op, &id);
		if (view.expires_at.set && view.expires_at.v <= op->now.wall)
			res->reason = (struct vault_opt_enum){ verify_reason_expired, true };
	}
	res->valid = !res->reason.set;
	op->note.reason = (uint8_t)res->reason.v;
	return VAULT_OK;
}

static enum vault_err
versions_given(struct op *op, const struct vault_ints *versions)
{
	return versions->v == NULL || versions->n > 0
		       ? VAULT_OK
		       : op_fail(op, VAULT_INVALID_PARAMS, "versions", "none is named");
}

static void
note_versions(struct op *op, const struct vault_ints *versions)
{
	for (size_t i = 0; i < versions->n; i++)
		op_note_again(op, versions->v[i]);
}

static uint32_t
told_version(const struct secret_edit *edit, const struct vault_ints *versions)
{
	if (versions->n > 0)
		return (uint32_t)versions->v[0];
	return edit->current != 0 ? edit->current : edit->last;
}

enum vault_err
op_secret_delete(struct op *op, const struct secret_delete_req *req, struct secret_delete_res *res)
{
	SECRET_EDIT_LOCAL(edit);

	(void)res;
	TRY(versions_given(op, &req->versions));
	TRY(secret_edit_open(op, req->name, &edit));
	TRY(secret_edit_mark(op, &edit, &req->versions, SECRET_DELETED));
	note_versions(op, &req->versions);
	TRY(secret_edit_write(op, &edit));
	secret_tell(op, secret_event_deleted, req->tenant, req->name,
		    told_version(&edit, &req->versions));
	return VAULT_OK;
}

enum vault_err
op_secret_undelete(struct op *op, const struct secret_undelete_req *req,
		   struct secret_undelete_res *res)
{
	SECRET_EDIT_LOCAL(edit);

	(void)res;
	TRY(versions_given(op, &req->versions));
	TRY(secret_edit_open(op, req->name, &edit));
	TRY(secret_edit_mark(op, &edit, &req->versions, SECRET_LIVE));
	note_versions(op, &req->versions);
	TRY(secret_edit_write(op, &edit));
	secret_tell(op, secret_event_undeleted, req->tenant, req->name,
		    told_version(&edit, &req->versions));
	return VAULT_OK;
}

enum vault_err
op_secret_destroy(struct op *op, const struct secret_destroy_req *req,
		  struct secret_destroy_res *res)
{
	uint32_t told;
	SECRET_EDIT_LOCAL(edit);

	(void)res;
	TRY(versions_given(op, &req->versions));
	TRY(secret_edit_open(op, req->name, &edit));
	told = told_version(&edit, &req->versions);
	if (req->versions.v == NULL) {
		TRY(secret_edit_remove(op, &edit));
	} else {
		TRY(secret_edit_destroy(op, &edit, &req->versions));
		note_versions(op, &req->versions);
		TRY(secret_edit_write(op, &edit));
	}
	secret_tell(op, secret_event_destroyed, req->tenant, req->name, told);
	return VAULT_OK;
}
