#include "vaultd/core/sweep.h"

#include <string.h>

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
	*number = (uint32_t)key.tag[0] << 24 | (uint32_t)key.tag[1] << 16 |
		  (uint32_t)key.tag[2] << 8 | key.tag[3];
	return VAULT_OK;
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

	TRY(row_walk_open(txn, tenant, place->kind, place->inside ? place->tag : NULL, &walk));
	walk.from_id = place->row + 1;
	err = row_walk_next(&walk, &key, &id, NULL);
	row_walk_close(&walk);
	TRY(err);
	place->inside = true;
	memcpy(place->tag, key.tag, ROW_TAG_BYTES);
	place->row = id;
	return VAULT_OK;
}

enum vault_err
sweep_next(struct txn *txn, uint32_t tenant, struct sweep_place *place)
{
	for (;;) {
		uint8_t kind = place->kind;
		enum vault_err err = VAULT_NOT_FOUND;

		if (place->inside)
			err = next_of_kind(txn, tenant, place);
		if (err != VAULT_NOT_FOUND)
			return err;
		if (place->inside && kind == UINT8_MAX)
			return VAULT_NOT_FOUND;
		if (place->inside)
			kind++;
		TRY(row_next_kind(txn, tenant, &kind));
		*place = (struct sweep_place){ .kind = kind };
		err = next_of_kind(txn, tenant, place);
		if (err != VAULT_NOT_FOUND)
			return err;
	}
}
