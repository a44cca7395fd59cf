#include "vaultd/core/expiry.h"

#include <string.h>

#include "protocol/text.h"
#include "vaultd/base/bytes.h"

/* An entry's tag: the hour, the tenant, the kind, and how the row's own tag begins. */
#define HOUR_BYTES 3 /* since 1970: until the year 3883; what is to last longer stands at the end */
#define HOUR_LAST ((INT64_C(1) << 8 * HOUR_BYTES) - 1)
#define TENANT_AT HOUR_BYTES
#define TENANT_BYTES 3 /* TENANTS_MAX is 22 bits */
#define KIND_AT (TENANT_AT + TENANT_BYTES)
#define START_AT (KIND_AT + 1)
#define START_BYTES (ROW_TAG_BYTES - START_AT)
#define HOUR 3600

struct entry {
	struct row_key place; /* in the index of expiry */
	uint64_t id;	      /* of the row it leads to */
};

static struct row_key
entry_place(const struct row_key *row, int64_t at)
{
	struct row_key place = { .kind = ROW_EXPIRY };
	int64_t hour = (at + HOUR - 1) / HOUR;

	put_be(place.tag, (uint64_t)(hour < HOUR_LAST ? hour : HOUR_LAST), HOUR_BYTES);
	put_be(place.tag + TENANT_AT, row->tenant, TENANT_BYTES);
	place.tag[KIND_AT] = row->kind;
	memcpy(place.tag + START_AT, row->tag, START_BYTES);
	return place;
}

enum vault_err
expiry_put(struct op *op, const struct row_key *row, uint64_t id, int64_t before, int64_t at)
{
	struct row_key place = entry_place(row, at), old = entry_place(row, before);

	if (before != 0) {
		if (text_same(place.tag, old.tag, ROW_TAG_BYTES))
			return VAULT_OK;
		TRY(row_unlink(op->change->txn, &old, id));
	}
	return row_link(op->change->txn, &place, id);
}

static bool
clocks_steady(struct op *op)
{
	struct expiry_clock *clock = &op->vault->expiry_clock;
	int64_t wall = op->now.wall - clock->wall;
	int64_t boot = (op->now.boot_ms - clock->boot_ms) / 1000;

	if (!clock->set || wall - boot > EXPIRY_DRIFT_SECONDS ||
	    boot - wall > EXPIRY_DRIFT_SECONDS) {
		*clock = (struct expiry_clock){ op->now.wall, op->now.boot_ms, true };
		return false;
	}
	return boot >= EXPIRY_STEADY_SECONDS;
}

/* Where the row stands: behind the beginning of its tag, by its id. */
static enum vault_err
find_row(struct txn *txn, const struct entry *entry, struct row_key *row)
{
	uint8_t start[ROW_TAG_BYTES] = { 0 };
	struct row_walk walk;
	enum vault_err err;
	uint64_t id = 0;

	memcpy(start, entry->place.tag + START_AT, START_BYTES);
	TRY(row_walk_open(txn, (uint32_t)get_be(entry->place.tag + TENANT_AT, TENANT_BYTES),
			  entry->place.tag[KIND_AT], start, &walk));
	do {
		err = row_walk_next(&walk, row, &id, NULL);
		if (err == VAULT_OK && !text_same(row->tag, start, START_BYTES))
			err = VAULT_NOT_FOUND;
	} while (err == VAULT_OK && id != entry->id);
	row_walk_close(&walk);
	return err;
}

static enum vault_err
forget(struct op *op, const struct entry *entry)
{
	struct row row = { .id = entry->id };
	enum vault_err err = find_row(op->change->txn, entry, &row.key);

	/* An entry without its row leads nowhere, and must not stop the others. */
	if (err == VAULT_NOT_FOUND)
		op->change->count++;
	else if (err == VAULT_OK)
		err = sealed_delete(op->change, &row);
	if (err != VAULT_OK && err != VAULT_NOT_FOUND)
		return err;
	return row_unlink(op->change->txn, &entry->place, entry->id);
}

/* The first entry, if its time has come; VAULT_NOT_FOUND where there is none. */
static enum vault_err
next_due(struct op *op, struct entry *entry)
{
	struct row_walk walk;
	enum vault_err err;

	TRY(row_walk_open(op->change->txn, 0, ROW_EXPIRY, NULL, &walk));
	err = row_walk_next(&walk, &entry->place, &entry->id, NULL);
	row_walk_close(&walk);
	if (err == VAULT_OK && (int64_t)get_be(entry->place.tag, HOUR_BYTES) * HOUR > op->now.wall)
		err = VAULT_NOT_FOUND;
	return err;
}

enum vault_err
expiry_sweep(struct op *op, unsigned most)
{
	enum vault_err err = VAULT_OK;
	struct entry entry;

	if (!clocks_steady(op))
		return VAULT_OK;
	for (unsigned i = 0; i < most && err == VAULT_OK; i++) {
		err = next_due(op, &entry);
		if (err == VAULT_OK)
			err = forget(op, &entry);
	}
	return err == VAULT_NOT_FOUND ? VAULT_OK : err;
}
