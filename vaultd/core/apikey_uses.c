#include "vaultd/core/apikey_uses.h"

#include <string.h>

#include "vaultd/base/bytes.h"

#define KEY_TAG_BYTES 4 /* of the key's tag, before the use's: a key's uses stand together */

/* Whole periods since the last refill. */
static int64_t
periods(const struct apikey_record *rec, int64_t now)
{
	int64_t since = now - rec->refilled_at.v;

	return !rec->refill_period.set || rec->refill_period.v <= 0 || since < 0
		       ? 0
		       : since / rec->refill_period.v;
}

int64_t
apikey_uses_left(const struct apikey_record *rec, int64_t now)
{
	int64_t n = periods(rec, now), room = rec->uses.v - rec->uses_left.v;

	/* Compared before it is multiplied: amount and number of periods are any. */
	if (n == 0 || room <= 0)
		return rec->uses_left.v;
	if (n >= room || rec->refill_amount.v >= room || n * rec->refill_amount.v >= room)
		return rec->uses.v;
	return rec->uses_left.v + n * rec->refill_amount.v;
}

static struct row_key
use_place(struct op *op, const struct apikey *key, struct vault_text use)
{
	uint8_t name[8 + 64];
	size_t len = use.len < 64 ? use.len : 64;
	struct row_key place;

	put_bytes(put_le64(name, key->row.id), use.p, len);
	place = row_key_of(&op->tenant->keys, ROW_APIKEY_USE,
			   (struct vault_bytes){ name, 8 + len });
	memcpy(place.tag, key->row.key.tag, KEY_TAG_BYTES);
	return place;
}

static enum vault_err
counted_before(struct op *op, const struct row_key *place, bool *counted)
{
	uint64_t id;
	enum vault_err err = row_linked(op->txn, place, &id);

	*counted = err == VAULT_OK;
	return err == VAULT_NOT_FOUND ? VAULT_OK : err;
}

enum vault_err
apikey_use(struct op *op, struct apikey *key, struct vault_text use, int64_t *left)
{
	struct apikey_record *rec = &key->rec;
	int64_t now = op->now.wall, there = apikey_uses_left(rec, now);
	struct row_key place;
	bool counted = false;

	if (use.p != NULL) {
		place = use_place(op, key, use);
		TRY(counted_before(op, &place, &counted));
	}
	if (counted || there == 0) {
		*left = counted ? there : -1;
		return VAULT_OK;
	}
	if (op->change == NULL) {
		op->deferred = true;
		return VAULT_BUSY;
	}
	rec->uses_left = (struct vault_opt_int){ there - 1, true };
	if (rec->refill_period.set)
		rec->refilled_at.v += periods(rec, now) * rec->refill_period.v;
	TRY(apikey_write(op, key));
	if (use.p != NULL)
		TRY(row_link(op->change->txn, &place, key->row.id));
	*left = there - 1;
	return VAULT_OK;
}
