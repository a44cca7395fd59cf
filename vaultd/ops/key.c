#include "vaultd/core/key_change.h"
#include "vaultd/core/page.h"
#include "vaultd/ops/ops.h"

enum vault_err
op_key_create(struct op *op, const struct key_create_req *req, struct key_create_res *res)
{
	struct key_settings settings = {
		.algorithm = req->algorithm,
		.usage = req->usage,
		.rotation_period = req->rotation_period,
		.overlap = req->overlap,
		.publish_ahead = req->publish_ahead,
		.shared = req->shared.v,
	};
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

	if (signature == NULL)
		return VAULT_BUSY;
	TRY(raw_key(op, req->name, &key));
	TRY(key_signer_version(op, key, req->version, &live));
	res->signature = (struct vault_bytes){ signature,
					       key_live_sign(key, live, req->message, signature) };
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
	    !key_live_verify(key, live, req->message, req->signature))
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

/*
 * At once where that is asked for, or nothing signs meanwhile; else once others have had time to
 * see its public half.
 */
static int64_t
signs_at(struct op *op, struct key_edit *edit, bool now)
{
	if (now || !key_edit_signs(edit, op->now.wall))
		return op->now.wall;
	return op->now.wall + edit->record.publish_ahead;
}

static enum vault_err
rotate_new(struct op *op, struct key_edit *edit, bool now, struct key_rotate_res *res)
{
	struct key_material material;

	TRY(key_edit_generate(op, edit, &material));
	res->signs_at = signs_at(op, edit, now);
	TRY(key_edit_add(op, edit, &material, res->signs_at));
	TRY(key_edit_write(op, edit));
	return edit->record.shared ? key_shared_text(op, material.secret, &res->secret) : VAULT_OK;
}

enum vault_err
op_key_rotate(struct op *op, const struct key_rotate_req *req, struct key_rotate_res *res)
{
	struct version_record *next;
	KEY_EDIT_LOCAL(edit);

	TRY(key_edit_open(op, req->name, &edit));
	if (edit.record.verify_only)
		return op_fail(op, VAULT_CONFLICT, NULL,
			       "the key only verifies; import its next version");
	next = key_edit_next(&edit, op->now.wall);
	if (next == NULL || !req->now.v) {
		TRY(rotate_new(op, &edit, req->now.v, res));
		res->version = edit.record.last_version;
		return VAULT_OK;
	}
	res->version = next->version;
	res->signs_at = op->now.wall;
	TRY(key_edit_promote(op, &edit, next));
	return key_edit_write(op, &edit);
}

enum vault_err
op_key_revoke(struct op *op, const struct key_revoke_req *req, struct key_revoke_res *res)
{
	KEY_EDIT_LOCAL(edit);

	TRY(key_edit_open(op, req->name, &edit));
	TRY(key_revoke_versions(op, &edit, (uint32_t)req->version.v, &res->revoked));
	return key_edit_write(op, &edit);
}
