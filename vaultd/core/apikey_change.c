#include "vaultd/core/apikey_change.h"

#include <string.h>

#include "protocol/text.h"
#include "vaultd/base/random.h"
#include "vaultd/core/apikey_text.h"
#include "vaultd/core/apikey_uses.h"

#define ID_TRIES 4 /* of an id that nobody has; the first will do but once in 2^40 */

static struct row_key
primary_place(const struct apikey *key)
{
	struct row_key place = key->row.key;

	place.kind = ROW_APIKEY_PRIMARY;
	return place;
}

static enum vault_err
primary_count(struct op *op, unsigned *n)
{
	struct row_walk walk;
	struct row_key key;
	enum vault_err err;
	uint64_t id;

	*n = 0;
	TRY(row_walk_open(op->txn, op->tenant->keys.tenant, ROW_APIKEY_PRIMARY, NULL, &walk));
	while ((err = row_walk_next(&walk, &key, &id, NULL)) == VAULT_OK)
		++*n;
	row_walk_close(&walk);
	return err == VAULT_NOT_FOUND ? VAULT_OK : err;
}

enum vault_err
apikey_primary_add(struct op *op, const struct apikey *key)
{
	struct row_key place = primary_place(key);
	unsigned n;

	if (key->rec.kind != apikey_kind_primary)
		return VAULT_OK;
	TRY(primary_count(op, &n));
	if (n >= APIKEY_PRIMARY_MAX)
		return op_fail(op, VAULT_CONFLICT, "kind",
			       "the tenant has two primary keys; rotate or revoke one");
	return row_link(op->change->txn, &place, key->row.id);
}

enum vault_err
apikey_primary_remove(struct op *op, const struct apikey *key)
{
	struct row_key place = primary_place(key);
	enum vault_err err;

	if (key->rec.kind != apikey_kind_primary)
		return VAULT_OK;
	err = row_unlink(op->change->txn, &place, key->row.id);
	/* One that was rotated out counts no longer already. */
	return err == VAULT_NOT_FOUND ? VAULT_OK : err;
}

/* A key whose id no other has, in this tenant or elsewhere. */
static enum vault_err
make_text(struct op *op, struct vault_text env, struct apikey_text *parts, struct vault_text *text)
{
	char *room = scratch_alloc(op->scratch, APIKEY_TEXT_MAX);

	if (room == NULL)
		return VAULT_BUSY;
	for (unsigned tries = 0; tries < ID_TRIES; tries++) {
		struct row_key place, found;
		enum vault_err err;
		uint64_t id;

		*text = (struct vault_text){ room, apikey_text_make(op->random, env, room) };
		if (!apikey_text_parse(*text, parts))
			return VAULT_INTERNAL;
		place = apikey_id_place(op, ROW_APIKEY_ID, 0, parts->id);
		err = row_seek(op->txn, &place, &found, &id);
		if (err == VAULT_NOT_FOUND ||
		    (err == VAULT_OK && !id_tag_equal(found.tag, place.tag)))
			return VAULT_OK;
		TRY(err);
	}
	return VAULT_BUSY;
}

enum vault_err
apikey_set_mac(struct op *op, struct apikey_record *rec, struct vault_bytes secret)
{
	const struct apikey_tenant *common;
	uint8_t *mac = scratch_alloc(op->scratch, APIKEY_MAC_BYTES);

	if (mac == NULL)
		return VAULT_BUSY;
	TRY(apikey_tenant(op, &common));
	mac_once(&common->pepper, secret, mac);
	rec->mac = (struct vault_bytes){ mac, APIKEY_MAC_BYTES };
	return VAULT_OK;
}

enum vault_err
apikey_issue(struct op *op, struct apikey *key, struct vault_text *text)
{
	struct apikey_text parts;
	struct row_key place;
	struct vault_text hint;

	TRY(make_text(op, key->rec.env, &parts, text));
	hint = (struct vault_text){ text->p + text->len - APIKEY_HINT_CHARS, APIKEY_HINT_CHARS };
	TRY(op_keep_text(op, parts.id, &key->rec.id));
	TRY(op_keep_text(op, hint, &key->rec.hint));
	TRY(apikey_set_mac(op, &key->rec, text_bytes(parts.hashed)));
	place = apikey_id_place(op, ROW_APIKEY_ID, op->tenant->keys.tenant, key->rec.id);
	key->row.key = apikey_place_bound(&place);
	key->row.id = 0;
	TRY(apikey_write(op, key));
	TRY(apikey_primary_add(op, key));
	apikey_note(op, key);
	return row_link(op->change->txn, &place, key->row.id);
}

static bool
cleared(const struct vault_texts *clear, const char *field)
{
	return texts_hold(clear, text_of(field));
}

/* What can be taken away, and is not given in the same request. */
static enum vault_err
check_clear(struct op *op, const struct apikey_update_req *req)
{
	const struct {
		const char *name;
		bool given;
	} optional[] = { { "expires_at", req->expires_at.set },
			 { "sources", req->sources.v != NULL },
			 { "limit", req->limit != NULL },
			 { "owner", req->owner.p != NULL },
			 { "metadata", req->metadata.p != NULL } };

	for (size_t i = 0; i < req->clear.n; i++) {
		bool good = false;

		for (size_t j = 0; j < sizeof optional / sizeof optional[0]; j++)
			good |= text_is(req->clear.v[i], optional[j].name) && !optional[j].given;
		if (!good)
			return op_fail(op, VAULT_INVALID_PARAMS, "clear",
				       "not an optional field, or one that is given too");
	}
	return VAULT_OK;
}

static enum vault_err
update_rights(struct op *op, const struct apikey_update_req *req, struct apikey_record *rec)
{
	if (req->scopes.v != NULL)
		TRY(apikey_set_scopes(op, rec, &req->scopes));
	if (req->sources.v != NULL || cleared(&req->clear, "sources"))
		TRY(apikey_set_sources(op, rec, &req->sources));
	if (req->disabled.set)
		rec->disabled = req->disabled.v;
	if (req->limit != NULL) {
		rec->limit_rate = (struct vault_opt_int){ req->limit->rate, true };
		rec->limit_burst = (struct vault_opt_int){ req->limit->burst, true };
	} else if (cleared(&req->clear, "limit")) {
		rec->limit_rate = rec->limit_burst = (struct vault_opt_int){ 0 };
	}
	if (req->expires_at.set) {
		rec->expires_at = req->expires_at;
		/* Rotation goes on by the lifetime that was first given. */
		if (!rec->lifetime.set && req->expires_at.v > rec->created_at)
			rec->lifetime =
				(struct vault_opt_int){ req->expires_at.v - rec->created_at, true };
	} else if (cleared(&req->clear, "expires_at")) {
		rec->expires_at = rec->lifetime = (struct vault_opt_int){ 0 };
	}
	return VAULT_OK;
}

/* What may let it do less than before; what more, is lost with a restore. */
static int64_t
apikey_update_marks(const struct apikey_update_req *req)
{
	int64_t marks = 0;

	if (req->disabled.set)
		marks |= req->disabled.v ? APIKEY_UPDATE_DISABLED : APIKEY_UPDATE_ENABLED;
	if (req->scopes.v != NULL || req->sources.v != NULL || req->limit != NULL ||
	    req->expires_at.set)
		marks |= APIKEY_UPDATE_NARROWED;
	return marks;
}

enum vault_err
apikey_update(struct op *op, const struct apikey_update_req *req)
{
	struct apikey key = { 0 };

	TRY(check_clear(op, req));
	TRY(apikey_find(op, req->id, &key));
	if (req->name.p != NULL) {
		TRY(op_require(op, op->row->id, tenant_name_of(op->tenant), req->name));
		TRY(apikey_set_name(op, &key.rec, req->name));
	}
	TRY(update_rights(op, req, &key.rec));
	op_note_again(op, apikey_update_marks(req));
	if (req->owner.p != NULL || cleared(&req->clear, "owner"))
		key.rec.owner = req->owner;
	if (req->metadata.p != NULL || cleared(&req->clear, "metadata"))
		key.rec.metadata = req->metadata;
	return apikey_write(op, &key);
}

/* The old key's settings, as far as they are not its own. */
static enum vault_err
successor_of(struct op *op, const struct apikey *old, struct apikey *key)
{
	struct apikey_record *rec = &key->rec;

	*key = (struct apikey){ .rec = old->rec };
	rec->created_at = op->now.wall;
	rec->imported = false;
	rec->replaces = old->rec.id;
	rec->replaced_by = (struct vault_text){ 0 };
	if (rec->expires_at.set && rec->lifetime.set)
		rec->expires_at.v = op->now.wall + rec->lifetime.v;
	if (rec->uses.set)
		rec->uses_left.v = apikey_uses_left(&old->rec, op->now.wall);
	if (rec->refill_period.set)
		rec->refilled_at.v = op->now.wall;
	/* Who gets the new text could log in with it. */
	return apikey_set_role(op, rec, rec->role);
}

enum vault_err
apikey_rotate(struct op *op, const struct apikey_rotate_req *req, struct apikey_rotate_res *res)
{
	const struct apikey_tenant *common;
	struct apikey old = { 0 }, key;
	int64_t grace = req->grace.v;

	TRY(apikey_find(op, req->id, &old));
	TRY(apikey_tenant(op, &common));
	if (apikey_revoked_at(&old, common) != 0)
		return op_fail(op, VAULT_CONFLICT, "id", "the key is revoked; make a new one");
	if (old.rec.replaced_by.p != NULL)
		return op_fail(op, VAULT_CONFLICT, "id", "the key was rotated already");
	TRY(successor_of(op, &old, &key));
	TRY(apikey_primary_remove(op, &old));
	TRY(apikey_issue(op, &key, &res->key));
	old.rec.replaced_by = key.rec.id;
	if (grace > 0)
		old.rec.grace_until = (struct vault_opt_int){ op->now.wall + grace, true };
	else
		old.rec.revoked_at = (struct vault_opt_int){ op->now.wall, true };
	TRY(apikey_write(op, &old));
	apikey_note(op, &old);
	op_note_again(op, op->now.wall + grace);
	res->id = key.rec.id;
	res->replaces = old.rec.id;
	res->expires_at = key.rec.expires_at;
	return VAULT_OK;
}

enum vault_err
apikey_revoke(struct op *op, struct vault_text id, struct vault_text reason)
{
	struct apikey key = { 0 };

	TRY(apikey_find(op, id, &key));
	TRY(apikey_primary_remove(op, &key));
	if (key.rec.revoked_at.set)
		return VAULT_OK;
	key.rec.revoked_at = (struct vault_opt_int){ op->now.wall, true };
	key.rec.revoke_reason = reason;
	return apikey_write(op, &key);
}

enum vault_err
apikey_remove(struct op *op, struct apikey *key)
{
	uint8_t nothing[APIKEY_MAC_BYTES];
	struct row_key place = apikey_listed(key);

	TRY(apikey_primary_remove(op, key));
	TRY(row_unlink(op->change->txn, &place, key->row.id));
	if (key->rec.imported)
		TRY(apikey_forget_hash(op, key->rec.mac));
	/* No secret has this MAC, and asking for the id takes no less time than before. */
	random_bytes(nothing, sizeof nothing);
	key->rec = (struct apikey_record){ .id = key->rec.id,
					   .name = key->rec.name,
					   .name_tag = key->rec.name_tag,
					   .mac = { nothing, sizeof nothing },
					   .env = TEXT_LITERAL(""),
					   .hint = TEXT_LITERAL(""),
					   .kind = key->rec.kind,
					   .created_at = key->rec.created_at,
					   .deleted_at = { op->now.wall, true } };
	return apikey_write(op, key);
}

enum vault_err
apikey_delete(struct op *op, struct vault_text id)
{
	struct apikey key = { 0 };

	TRY(apikey_find(op, id, &key));
	return apikey_remove(op, &key);
}
