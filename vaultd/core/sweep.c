#include "vaultd/core/sweep.h"

#include <string.h>

#include "vaultd/base/bytes.h"

enum vault_err
sweep_first(struct op *op, enum row_kind kind, uint32_t *number)
{
	struct row_walk walk;
	struct row_key key;
	enum vault_err err;
	uint64_t id;

	TRY(row_walk_open(op->txn, 0, (uint8_t)kind, NULL, &walk));
	err = row_walk_next(&walk, &key, &id, NULL);
	row_walk_close(&walk);
	TRY(err);
	*number = get_be32(key.tag);
	return VAULT_OK;
}

void
sweep_tell(struct op *op, const struct work_seen *at)
{
	struct work *work = &op->vault->work[WORK_SWEEP];
	struct work_seen seen;

	if (!work_read(work, &seen) || seen.op != at->op || seen.since != at->since)
		work_begin(work, at->op, at->unit, at->since);
	work_tell(work, at->done, at->total);
}

bool
row_kind_index_only(uint8_t kind)
{
	return kind == ROW_KID || kind == ROW_APIKEY_ID || kind == ROW_APIKEY_FOREIGN ||
	       kind == ROW_APIKEY_PRIMARY || kind == ROW_APIKEY_USE || kind == ROW_REPLAY_EXPIRY ||
	       kind == ROW_REMINDER || kind == ROW_EXPIRY;
}

static enum vault_err
next_of_kind(struct txn *txn, uint32_t tenant, struct sweep_place *place)
{
	struct row_walk walk;
	struct row_key key;
	enum vault_err err;
	uint64_t id;

	TRY(row_walk_open(txn, place->store ? 0 : tenant, place->kind,
			  place->inside ? place->tag : NULL, &walk));
	walk.from_id = place->row + 1;
	err = row_walk_next(&walk, &key, &id, NULL);
	row_walk_close(&walk);
	TRY(err);
	place->inside = true;
	memcpy(place->tag, key.tag, ROW_TAG_BYTES);
	place->row = id;
	return VAULT_OK;
}

void
sweep_skip_kind(struct sweep_place *place)
{
	*place = (struct sweep_place){ .store = place->store, .kind = (uint8_t)(place->kind + 1) };
}

/* The first kind from the place's on; VAULT_NOT_FOUND behind the last. */
static enum vault_err
find_kind(struct txn *txn, uint32_t tenant, const uint8_t *store_kinds, struct sweep_place *place)
{
	if (!place->store) {
		enum vault_err err = row_next_kind(txn, tenant, &place->kind);

		if (err != VAULT_NOT_FOUND)
			return err;
		*place = (struct sweep_place){ .store = true };
	}
	while (*store_kinds != 0 && *store_kinds < place->kind)
		store_kinds++;
	place->kind = *store_kinds;
	return *store_kinds != 0 ? VAULT_OK : VAULT_NOT_FOUND;
}

enum vault_err
sweep_next(struct txn *txn, uint32_t tenant, const uint8_t *store_kinds, struct sweep_place *place)
{
	for (;;) {
		enum vault_err err;

		if (!place->inside)
			TRY(find_kind(txn, tenant, store_kinds, place));
		err = next_of_kind(txn, tenant, place);
		if (err != VAULT_NOT_FOUND)
			return err;
		sweep_skip_kind(place);
	}
}

uint32_t
sweep_tenant_of(uint8_t kind, const uint8_t tag[static ROW_TAG_BYTES])
{
	switch (kind) {
	case ROW_APIKEY_ID:
	case ROW_APIKEY_FOREIGN:
		return get_be32(tag + 8);
	case ROW_REMINDER:
		return get_be32(tag + 5);
	case ROW_EXPIRY:
		return (uint32_t)get_be(tag + 3, 3);
	default:
		return 0;
	}
}
