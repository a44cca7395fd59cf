#include "vaultd/core/apikey.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/text.h"
#include "vaultd/base/bytes.h"
#include "vaultd/core/apikey_used.h"

#define APIKEY_TENANT_COST 1024 /* bytes of the arena that a prepared pepper holds */

struct row_key
apikey_id_place(struct op *op, enum row_kind kind, uint32_t tenant, struct vault_text id)
{
	struct row_key place = { .tenant = 0, .kind = (uint8_t)kind };

	id_tag(op->vault->keyring.ids.p, text_bytes(id), place.tag);
	put_be32(place.tag + ID_TAG_BYTES, tenant);
	return place;
}

/* Its tenant, and the id's tag as the index of tenant 0 has it. */
struct row_key
apikey_place_bound(const struct row_key *place)
{
	struct row_key bound = *place;

	bound.tenant = get_be32(place->tag + ID_TAG_BYTES);
	bound.kind = ROW_APIKEY;
	return bound;
}

/* The list's tag is the time of creation (4 bytes) and the id's tag. */
void
apikey_bound(struct row_key *key)
{
	memmove(key->tag, key->tag + 4, ID_TAG_BYTES);
	put_be32(key->tag + ID_TAG_BYTES, key->tenant);
}

struct row_key
apikey_listed(const struct apikey *key)
{
	struct row_key listed = key->row.key;
	int64_t at = key->rec.created_at;

	memcpy(listed.tag + 4, key->row.key.tag, ID_TAG_BYTES);
	put_be32(listed.tag, at > UINT32_MAX ? UINT32_MAX : (uint32_t)at);
	return listed;
}

enum vault_err
apikey_open(struct op *op, const struct tenant *tenant, struct apikey *key)
{
	struct vault_bytes sealed, plain;

	TRY(row_read(op->txn, key->row.id, &sealed));
	TRY(sealed_open_plain(&tenant->keys, sealed, op->scratch, &key->row, &plain));
	return record_decode(apikey_record_type(), plain, op->scratch, &key->rec);
}

enum vault_err
apikey_write(struct op *op, struct apikey *key)
{
	struct row_key listed = apikey_listed(key);
	enum vault_err err;

	key->row.index = &listed;
	err = sealed_put(op->change, &op->tenant->keys, &key->row, apikey_record_type(), &key->rec);
	key->row.index = NULL;
	return err;
}

void
apikey_note(struct op *op, const struct apikey *key)
{
	op->note.id = key->rec.id;
	if (key->rec.name_tag.len != sizeof op->note.target.tag)
		return;
	op->note.target.kind = ROW_APIKEY;
	memcpy(op->note.target.tag, key->rec.name_tag.p, sizeof op->note.target.tag);
}

static enum vault_err
find_row(struct op *op, struct vault_text id, struct apikey *key)
{
	struct row_key place = apikey_id_place(op, ROW_APIKEY_ID, op->tenant->keys.tenant, id);
	enum vault_err err = row_linked(op->txn, &place, &key->row.id);

	if (err == VAULT_NOT_FOUND) {
		place.kind = ROW_APIKEY_FOREIGN;
		err = row_linked(op->txn, &place, &key->row.id);
	}
	TRY(err);
	key->row.key = apikey_place_bound(&place);
	return apikey_open(op, op->tenant, key);
}

enum vault_err
apikey_by_id(struct op *op, struct vault_text id, struct apikey *key)
{
	TRY(find_row(op, id, key));
	return text_equal(key->rec.id, id) && !key->rec.deleted_at.set ? VAULT_OK : VAULT_NOT_FOUND;
}

enum vault_err
apikey_name_of(struct op *op, struct vault_text id, struct vault_text *name)
{
	struct apikey key = { 0 };

	TRY(find_row(op, id, &key));
	*name = key.rec.name;
	return VAULT_OK;
}

enum vault_err
apikey_find(struct op *op, struct vault_text id, struct apikey *key)
{
	enum vault_err err = apikey_by_id(op, id, key);

	if (err == VAULT_NOT_FOUND)
		return op_fail(op, err, "id", "there is no such API key");
	TRY(err);
	TRY(op_require(op, op->row->id, tenant_name_of(op->tenant), key->rec.name));
	apikey_note(op, key);
	return VAULT_OK;
}

enum vault_err
apikey_candidate(struct op *op, struct vault_text id, struct apikey_candidate *c)
{
	struct row_key place = apikey_id_place(op, ROW_APIKEY_ID, 0, id), found;
	enum vault_err err;

	/* Tenant 0 has no keys, so what is found stands behind it: the id's own, or the next. */
	TRY(row_seek(op->txn, &place, &found, &c->key.row.id));
	apikey_used_soon(op->vault, c->key.row.id);
	c->known = id_tag_equal(found.tag, place.tag);
	c->key.row.key = apikey_place_bound(&found);
	err = tenant_by_number(op, c->key.row.key.tenant, &c->tenant);
	if (err == VAULT_OK)
		err = apikey_open(op, c->tenant, &c->key);
	/* That somebody else's record is damaged is nothing to tell who asked for an unknown id. */
	if (!c->known && err == VAULT_INTEGRITY)
		return VAULT_NOT_FOUND;
	TRY(err);
	/* Every part of it is worked out whatever the others are, like apikey_match(). */
	c->known = (unsigned)c->known & (unsigned)text_equal(c->key.rec.id, id) &
		   (unsigned)!c->key.rec.deleted_at.set;
	return VAULT_OK;
}

int64_t
apikey_revoked_at(const struct apikey *key, const struct apikey_tenant *common)
{
	if (key->rec.revoked_at.set)
		return key->rec.revoked_at.v;
	for (size_t i = 0; i < common->n; i++) {
		const struct apikey_cut_rule *cut = &common->cuts[i];

		if ((cut->kind == 0 || cut->kind == key->rec.kind) &&
		    key->rec.created_at < cut->created_before && key->row.id < cut->row)
			return cut->at;
	}
	return 0;
}

int64_t
apikey_ends_at(const struct apikey_record *rec)
{
	int64_t grace = rec->grace_until.set ? rec->grace_until.v : INT64_MAX;
	int64_t expiry = rec->expires_at.set ? rec->expires_at.v : INT64_MAX;
	int64_t first = grace < expiry ? grace : expiry;

	return first == INT64_MAX ? 0 : first;
}

enum apikey_state
apikey_state(const struct apikey *key, const struct apikey_tenant *common,
	     const struct clock_now *now)
{
	int64_t ends_at = apikey_ends_at(&key->rec);

	if (apikey_revoked_at(key, common) != 0)
		return apikey_state_revoked;
	if (ends_at != 0 && ends_at <= now->wall)
		return apikey_state_expired;
	if (key->rec.disabled)
		return apikey_state_disabled;
	return key->rec.grace_until.set ? apikey_state_grace : apikey_state_active;
}

static void
common_destroy(struct cache_entry *entry)
{
	struct apikey_tenant *common = (struct apikey_tenant *)(void *)entry;

	mac_key_free(&common->pepper);
	free(common);
}

static enum vault_err
load_cuts(struct op *op, struct apikey_tenant *common)
{
	struct row_key place = { .tenant = op->tenant->keys.tenant, .kind = ROW_APIKEY_CUTS };
	struct apikey_cuts record;
	enum vault_err err;
	ROW_LOCAL(row);

	err = sealed_find(op->txn, &op->tenant->keys, &place, &row);
	if (err == VAULT_NOT_FOUND)
		return VAULT_OK;
	TRY(err);
	TRY(record_decode(apikey_cuts_type(), row_plain(&row), op->scratch, &record));
	if (record.cuts.n > APIKEY_CUTS_MAX)
		return VAULT_INTEGRITY;
	for (size_t i = 0; i < record.cuts.n; i++) {
		const struct apikey_cut *cut = &record.cuts.v[i];

		common->cuts[common->n++] =
			(struct apikey_cut_rule){ (int)cut->kind, cut->created_before,
						  (uint64_t)cut->row, cut->at };
	}
	return VAULT_OK;
}

static enum vault_err
load_common(struct op *op, struct apikey_tenant *common)
{
	struct vault_bytes pepper = { op->tenant->pepper.p, op->tenant->pepper.len };

	TRY(mac_key_init(&common->pepper, op->vault->arena, MAC_SHA256, pepper));
	return load_cuts(op, common);
}

enum vault_err
apikey_tenant(struct op *op, const struct apikey_tenant **out)
{
	struct cache_key cached = { CACHE_APIKEYS, op->tenant->keys.tenant, TEXT_LITERAL("keys"),
				    tenant_generation(op) };
	struct apikey_tenant *common =
		(struct apikey_tenant *)(void *)cache_get(op->cache, &cached);
	enum vault_err err;

	if (common != NULL) {
		*out = common;
		return VAULT_OK;
	}
	TRY(op_refresh(op));
	do {
		common = calloc(1, sizeof *common);
		if (common == NULL)
			return VAULT_BUSY;
		err = load_common(op, common);
		if (err != VAULT_OK)
			common_destroy(&common->entry);
	} while (err == VAULT_BUSY && cache_evict(op->cache));
	TRY(err);
	common->entry.destroy = common_destroy;
	common->entry.cost = APIKEY_TENANT_COST;
	cache_put(op->cache, &cached, &common->entry);
	*out = common;
	return VAULT_OK;
}
