#include "vaultd/core/tenant_rekey.h"

#include <string.h>

#include "vaultd/core/apikey.h"
#include "vaultd/core/scrub.h"

#define STEP_RENEWED 32 /* rows that a step seals again, ... */
#define STEP_LOOKS 1024 /* ... and that it looks at */

/* A rekey under way: its row, and what that says. */
struct rekey {
	struct row row;
	struct rekey_record rec;
};

static enum vault_err
find(struct op *op, uint32_t number, struct rekey *rekey)
{
	struct row_key key = tenant_numbered(ROW_REKEY, number);
	ROW_LOCAL(row);

	TRY(sealed_find(op->txn, &op->vault->keyring.store, &key, &row));
	TRY(record_decode(rekey_record_type(), row_plain(&row), op->scratch, &rekey->rec));
	TRY(op_keep_bytes(op, rekey->rec.tag, &rekey->rec.tag));
	rekey->row = (struct row){ .key = key, .id = row.id, .revision = row.revision };
	return VAULT_OK;
}

static enum vault_err
put(struct op *op, struct rekey *rekey)
{
	return sealed_put(op->change, &op->vault->keyring.store, &rekey->row, rekey_record_type(),
			  &rekey->rec);
}

/* Rows of the tenant that are sealed; an index-only kind's entries are none. */
static enum vault_err
count_rows(struct op *op, uint32_t number, int64_t *total)
{
	enum vault_err err;

	*total = 0;
	for (uint8_t kind = 1;; kind++) {
		uint64_t n;

		err = row_next_kind(op->txn, number, &kind);
		if (err != VAULT_OK)
			return err == VAULT_NOT_FOUND ? VAULT_OK : err;
		TRY(row_kind_count(op->txn, number, kind, &n));
		if (!row_kind_index_only(kind))
			*total += (int64_t)n;
	}
}

static enum vault_err
add_key(struct op *op, uint32_t number)
{
	struct record_key_wrap keys[RECORD_KEYS_MAX];
	uint8_t wrapped[WRAPPED_BYTES];
	struct tenant_wraps wraps;
	struct wrap_use use = { "tenant record key", number, 0, op->vault->keyring.store.store_id };
	SECRET_LOCAL(under);
	SECRET_LOCAL(key);

	TRY(tenant_read_wraps(op, number, &wraps));
	if (wraps.record_keys.n != 1)
		return VAULT_INTEGRITY;
	keys[0] = wraps.record_keys.v[0];
	if (keys[0].generation >= UINT16_MAX)
		return op_fail(op, VAULT_CONFLICT, NULL, "no further record key can be made");
	TRY(tenant_unwrap(op, number, &wraps, &under));
	TRY(secret_random(op->vault->arena, AEAD_KEY_BYTES, &key));
	use.generation = (uint32_t)keys[0].generation + 1;
	key_wrap(&under, &use, key.p, wrapped);
	keys[1] = (struct record_key_wrap){ use.generation, { wrapped, sizeof wrapped } };
	wraps.record_keys.v = keys;
	wraps.record_keys.n = 2;
	return tenant_write_wraps(op, number, &wraps);
}

enum vault_err
tenant_rekey(struct op *op)
{
	uint32_t number = op->tenant->keys.tenant;
	struct rekey rekey = { .row = { .key = tenant_numbered(ROW_REKEY, number) },
			       .rec = { .tenant = number,
					.started_at = op->now.wall,
					.revision = (int64_t)op->vault->revision } };
	uint64_t id;

	if (row_linked(op->txn, &rekey.row.key, &id) == VAULT_OK)
		return op_fail(op, VAULT_CONFLICT, "tenant", "a rekey of it is under way");
	TRY(count_rows(op, number, &rekey.rec.total));
	TRY(add_key(op, number));
	TRY(put(op, &rekey));
	tenant_changed(op);
	op->effects.sweep = true;
	return VAULT_OK;
}

enum vault_err
tenant_rekey_progress(struct op *op, uint32_t number, const struct sweep_progress **progress)
{
	struct rekey rekey;
	struct sweep_progress *told;
	enum vault_err err = find(op, number, &rekey);

	*progress = NULL;
	if (err != VAULT_OK)
		return err == VAULT_NOT_FOUND ? VAULT_OK : err;
	told = scratch_alloc(op->scratch, sizeof *told);
	if (told == NULL)
		return VAULT_BUSY;
	*told = (struct sweep_progress){ rekey.rec.done, rekey.rec.total };
	*progress = told;
	return VAULT_OK;
}

/* The new key seals from here on: it comes first. */
static enum vault_err
let_seal(struct op *op, struct rekey *rekey)
{
	uint32_t number = op->tenant->keys.tenant;
	struct record_key_wrap keys[RECORD_KEYS_MAX];
	struct tenant_wraps wraps;

	TRY(tenant_read_wraps(op, number, &wraps));
	if (wraps.record_keys.n != RECORD_KEYS_MAX)
		return VAULT_INTEGRITY;
	keys[0] = wraps.record_keys.v[1];
	keys[1] = wraps.record_keys.v[0];
	wraps.record_keys.v = keys;
	TRY(tenant_write_wraps(op, number, &wraps));
	rekey->rec.seals = true;
	tenant_changed(op);
	return put(op, rekey);
}

/* Where the row of a deleted API key is found, and nowhere else. */
static const uint8_t store_kinds[] = { ROW_APIKEY_ID, ROW_APIKEY_FOREIGN, 0 };

/* What a row is bound to, by the entry that leads to it. */
static struct row_key
bound_of(uint32_t tenant, const struct sweep_place *place)
{
	struct row_key key = { .tenant = place->store ? 0 : tenant, .kind = place->kind };

	memcpy(key.tag, place->tag, ROW_TAG_BYTES);
	if (place->store)
		return apikey_place_bound(&key);
	if (place->kind == ROW_APIKEY)
		apikey_bound(&key);
	return key;
}

/* A row that does not open under either key is passed over: no key that goes could have opened it. */
static enum vault_err
renew_row(struct op *op, struct rekey *rekey, const struct sweep_place *place, unsigned *renewed)
{
	struct row row = { .key = bound_of(op->tenant->keys.tenant, place), .id = place->row };
	struct vault_bytes sealed;
	enum vault_err err;
	bool fresh = false;

	err = row_read(op->change->txn, row.id, &sealed);
	if (err == VAULT_OK)
		err = sealed_renew(op->change, &op->tenant->keys, &row, sealed, &fresh);
	*renewed += fresh && err == VAULT_OK;
	rekey->rec.damaged += err == VAULT_INTEGRITY;
	return err == VAULT_INTEGRITY ? VAULT_OK : err;
}

/* VAULT_NOT_FOUND behind the tenant's last row. */
static enum vault_err
renew_some(struct op *op, struct rekey *rekey, struct sweep_place *place)
{
	uint32_t number = op->tenant->keys.tenant;
	unsigned renewed = 0, rows = 0;
	enum vault_err err = VAULT_OK;

	for (unsigned i = 0; err == VAULT_OK && renewed < STEP_RENEWED && i < STEP_LOOKS; i++) {
		err = sweep_next(op->change->txn, number, store_kinds, place);
		if (err != VAULT_OK)
			break;
		if (place->store ? sweep_tenant_of(place->kind, place->tag) != number
				 : row_kind_index_only(place->kind)) {
			if (!place->store)
				sweep_skip_kind(place);
			continue;
		}
		err = renew_row(op, rekey, place, &renewed);
		rows += !place->store;
	}
	rekey->rec.renewed += renewed;
	rekey->rec.done += rows;
	if (rekey->rec.done > rekey->rec.total)
		rekey->rec.done = rekey->rec.total;
	sweep_tell(op, &(struct work_seen){ OP_tenant_rekey, "rows", (uint64_t)rekey->rec.done,
					    (uint64_t)rekey->rec.total, rekey->rec.started_at });
	return err;
}

static enum vault_err
finish(struct op *op, struct rekey *rekey, struct sweep_done *done)
{
	uint32_t number = op->tenant->keys.tenant;
	struct tenant_wraps wraps;

	TRY(tenant_read_wraps(op, number, &wraps));
	wraps.record_keys.n = 1;
	TRY(tenant_write_wraps(op, number, &wraps));
	TRY(sealed_delete(op->change, &rekey->row));
	tenant_tell(op, event_kind_rekeyed, tenant_name_of(op->tenant));
	tenant_changed(op);
	done->finished = OP_tenant_rekey;
	return scrub_want(op);
}

static enum vault_err
go_on(struct op *op, struct rekey *rekey, struct sweep_done *done)
{
	struct sweep_place place = { .store = rekey->rec.store,
				     .kind = (uint8_t)rekey->rec.kind,
				     .inside = rekey->rec.tag.p != NULL,
				     .row = (uint64_t)rekey->rec.row };
	enum vault_err err;

	if (place.inside)
		memcpy(place.tag, rekey->rec.tag.p, ROW_TAG_BYTES);
	err = renew_some(op, rekey, &place);
	if (err == VAULT_NOT_FOUND && rekey->rec.renewed == 0)
		return finish(op, rekey, done);
	if (err != VAULT_OK && err != VAULT_NOT_FOUND)
		return err;
	if (err == VAULT_NOT_FOUND) {
		place = (struct sweep_place){ 0 };
		rekey->rec.renewed = rekey->rec.damaged = 0;
	}
	rekey->rec.store = place.store;
	rekey->rec.kind = place.kind;
	rekey->rec.row = (int64_t)place.row;
	rekey->rec.tag = (struct vault_bytes){ place.inside ? place.tag : NULL, ROW_TAG_BYTES };
	return put(op, rekey);
}

enum vault_err
tenant_rekey_step(struct op *op, uint32_t number, struct sweep_done *done)
{
	struct rekey rekey;

	done->more = true;
	TRY(find(op, number, &rekey));
	TRY(tenant_by_number(op, number, &op->tenant));
	if (rekey.rec.seals)
		return go_on(op, &rekey, done);
	/* Every thread is to have the key before a row needs it: so not in the commit that adds it. */
	if ((uint64_t)rekey.rec.revision == op->vault->revision) {
		done->rest = true;
		return VAULT_OK;
	}
	return let_seal(op, &rekey);
}

enum vault_err
tenant_rekey_forget(struct op *op, uint32_t number)
{
	struct rekey rekey;
	enum vault_err err = find(op, number, &rekey);

	return err == VAULT_OK ? sealed_delete(op->change, &rekey.row)
			       : (err == VAULT_NOT_FOUND ? VAULT_OK : err);
}
