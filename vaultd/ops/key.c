#include "vaultd/core/key_change.h"
#include "vaultd/core/page.h"
#include "vaultd/core/prepared.h"
#include "vaultd/ops/ops.h"

static struct key_settings
settings_of(const struct key_create_req *req)
{
	return (struct key_settings){
		.algorithm = req->algorithm,
		.usage = req->usage,
		.rotation_period = req->rotation_period,
		.overlap = req->overlap,
		.publish_ahead = req->publish_ahead,
		.bits = req->bits,
		.shared = req->shared.v,
	};
}

bool
slow_key_create(struct op *op, const struct key_create_req *req)
{
	(void)op;
	return signature_slow(key_signature_algorithm(req->algorithm));
}

enum vault_err
prepare_key_create(struct op *op, const struct key_create_req *req)
{
	struct key_settings settings = settings_of(req);
	KEY_EDIT_LOCAL(edit);

	TRY(key_edit_new(op, req->name, &settings, &edit));
	return key_edit_prepare(op, &edit);
}

enum vault_err
op_key_create(struct op *op, const struct key_create_req *req, struct key_create_res *res)
{
	struct key_settings settings = settings_of(req);
	struct key_material material;
	KEY_EDIT_LOCAL(edit);

	TRY(key_edit_new(op, req->name, &settings, &edit));
	TRY(key_edit_generate(op, &edit, &material));
	TRY(key_edit_add(op, &edit, &material, op->now.wall));
	TRY(key_edit_write(op, &edit));
	if (edit.record.shared)
		TRY(key_shared_text(op, material.secret, &res->secret));
	res->name = req->name;
	res->algorithm = req->algorithm;
	res->usage = (int)edit.record.usage;
	res->version = edit.record.last_version;
	return VAULT_OK;
}

enum vault_err
op_key_get(struct op *op, const struct key_get_req *req, struct key_get_res *res)
{
	KEY_EDIT_LOCAL(edit);

	TRY(key_edit_open(op, req->name, &edit));
	return key_show(op, &edit.row, res);
}

enum vault_err
op_key_list(struct op *op, const struct key_list_req *req, struct key_list_res *res)
{
	struct page page = { .op = op,
			     .keys = &op->tenant->keys,
			     .kind = ROW_KEY,
			     .item = key_get_res_type(),
			     .make = key_show_item,
			     .limit = req->limit.v,
			     .cursor = req->cursor };
	struct object_list items = { 0 };

	TRY(page_walk(&page, &items, &res->cursor));
	res->items.v = items.v;
	res->items.n = items.n;
	return VAULT_OK;
}

static enum vault_err
raw_key(struct op *op, struct vault_text name, const struct key **key)
{
	TRY(key_get(op, "name", name, key));
	return key_require_usage(op, *key, key_usage_raw);
}

/*
 * The version asked for, or the one that signs; old versions of a raw key work until they are
 * revoked.
 */
enum vault_err
op_key_sign(struct op *op, const struct key_sign_req *req, struct key_sign_res *res)
{
	uint8_t *signature = scratch_alloc(op->scratch, SIGNATURE_MAX);
	const struct key_live *live;
	const struct key *key;
	size_t len;

	if (signature == NULL)
		return VAULT_BUSY;
	TRY(raw_key(op, req->name, &key));
	TRY(key_signer_version(op, key, req->version, &live));
	TRY(key_live_sign(live, req->message, signature, &len));
	res->signature = (struct vault_bytes){ signature, len };
	res->version = op->note.version = live->times.version;
	return VAULT_OK;
}

static enum verify_reason
try_version(struct op *op, const struct key *key, const struct key_live *live,
	    const struct key_verify_req *req)
{
	if (live->times.revoked_at != 0)
		return verify_reason_key_revoked;
	if (key_live_state(key, live, op->now.wall) == version_state_retired ||
	    !key_live_verify(live, req->message, req->signature))
		return verify_reason_signature;
	op->note.version = live->times.version;
	return verify_reason_none;
}

static enum verify_reason
try_versions(struct op *op, const struct key *key, const struct key_verify_req *req)
{
	for (size_t i = 0; i < key->count; i++)
		if (try_version(op, key, &key->versions[i], req) == verify_reason_none)
			return verify_reason_none;
	return verify_reason_signature;
}

enum vault_err
op_key_verify(struct op *op, const struct key_verify_req *req, struct key_verify_res *res)
{
	enum verify_reason reason;
	const struct key_live *live;
	const struct key *key;

	TRY(raw_key(op, req->name, &key));
	if (req->version.set) {
		TRY(key_version(op, key, (uint32_t)req->version.v, &live));
		reason = try_version(op, key, live, req);
	} else {
		reason = try_versions(op, key, req);
	}
	res->valid = reason == verify_reason_none;
	if (res->valid)
		res->version = (struct vault_opt_int){ op->note.version, true };
	else
		res->reason = (struct vault_opt_enum){ (int)reason, true };
	op->note.reason = (uint8_t)reason;
	return VAULT_OK;
}

/* What is given out as a number stays one: a version waits already, which now comes to sign. */
static bool
promotes(struct op *op, struct key_edit *edit, const struct key_rotate_req *req)
{
	return req->now.v && key_edit_next(edit, op->now.wall) != NULL;
}

static enum vault_err
open_rotated(struct op *op, const struct key_rotate_req *req, struct key_edit *edit)
{
	TRY(key_edit_open(op, req->name, edit));
	TRY(key_edit_require_kept(op, edit));
	if (edit->record.verify_only)
		return op_fail(op, VAULT_CONFLICT, NULL,
			       "the key only verifies; import its next version");
	return VAULT_OK;
}

bool
slow_key_rotate(struct op *op, const struct key_rotate_req *req)
{
	const struct key *key;

	return key_get(op, "name", req->name, &key) == VAULT_OK &&
	       signature_slow(key_signature_algorithm(key->algorithm));
}

enum vault_err
prepare_key_rotate(struct op *op, const struct key_rotate_req *req)
{
	KEY_EDIT_LOCAL(edit);

	TRY(open_rotated(op, req, &edit));
	return promotes(op, &edit, req) ? VAULT_OK : key_edit_prepare(op, &edit);
}

enum vault_err
op_key_rotate(struct op *op, const struct key_rotate_req *req, struct key_rotate_res *res)
{
	struct version_record *next;
	KEY_EDIT_LOCAL(edit);

	TRY(open_rotated(op, req, &edit));
	if (!promotes(op, &edit, req))
		return key_edit_rotate(op, &edit, req->now.v, res);
	next = key_edit_next(&edit, op->now.wall);
	res->version = next->version;
	res->signs_at = op->now.wall;
	TRY(key_edit_promote(op, &edit, next));
	return key_edit_write(op, &edit);
}

enum vault_err
op_key_update(struct op *op, const struct key_update_req *req, struct key_update_res *res)
{
	(void)res;
	return key_update(op, req);
}

enum vault_err
op_key_delete(struct op *op, const struct key_delete_req *req, struct key_delete_res *res)
{
	res->state = key_state_pending;
	res->delete_at = op->now.wall + req->delay.v;
	op_note_again(op, res->delete_at);
	return key_delete_later(op, req->name, res->delete_at);
}

enum vault_err
op_key_undelete(struct op *op, const struct key_undelete_req *req, struct key_undelete_res *res)
{
	(void)res;
	return key_undelete(op, req->name);
}

enum vault_err
op_key_revoke(struct op *op, const struct key_revoke_req *req, struct key_revoke_res *res)
{
	KEY_EDIT_LOCAL(edit);

	TRY(key_edit_open(op, req->name, &edit));
	TRY(key_revoke_versions(op, &edit, (uint32_t)req->version.v, &res->revoked));
	return key_edit_write(op, &edit);
}
