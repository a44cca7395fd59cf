#include "vaultd/core/reminder.h"

#include <string.h>

#include "protocol/text.h"
#include "vaultd/base/bytes.h"
#include "vaultd/core/tenant.h"

/*
 * The tag of an entry, by which the index sorts: the time, big-endian; under the store the tenant's
 * number; the kind; and the beginning of the row's own tag, as far as there is room.
 */
#define TIME_BYTES 5 /* seconds, until the year 36812 */
#define OWN_TAG_BYTES (ROW_TAG_BYTES - TIME_BYTES - 1)
#define STORE_TAG_BYTES (OWN_TAG_BYTES - 4)

static struct row_key
own_place(enum due_kind kind, const struct row *row, int64_t at)
{
	struct row_key place = { .tenant = row->key.tenant, .kind = ROW_REMINDER };

	put_be(place.tag, (uint64_t)at, TIME_BYTES);
	place.tag[TIME_BYTES] = (uint8_t)kind;
	memcpy(place.tag + TIME_BYTES + 1, row->key.tag, OWN_TAG_BYTES);
	return place;
}

static struct row_key
store_place(enum due_kind kind, const struct row *row, int64_t at)
{
	struct row_key place = { .tenant = 0, .kind = ROW_REMINDER };

	put_be(place.tag, (uint64_t)at, TIME_BYTES);
	put_be32(place.tag + TIME_BYTES, row->key.tenant);
	place.tag[TIME_BYTES + 4] = (uint8_t)kind;
	memcpy(place.tag + TIME_BYTES + 5, row->key.tag, STORE_TAG_BYTES);
	return place;
}

/* None stands there for a row that a build without reminders wrote. */
static enum vault_err
forget(struct txn *txn, const struct row_key *place, uint64_t id)
{
	enum vault_err err = row_unlink(txn, place, id);

	return err == VAULT_NOT_FOUND ? VAULT_OK : err;
}

enum vault_err
reminder_move(struct op *op, enum due_kind kind, const struct row *row, int64_t before,
	      int64_t after)
{
	struct txn *txn = op->change->txn;
	struct row_key place;

	if (before == after)
		return VAULT_OK;
	if (before != 0) {
		place = own_place(kind, row, before);
		TRY(forget(txn, &place, row->id));
		place = store_place(kind, row, before);
		TRY(forget(txn, &place, row->id));
	}
	if (after == 0)
		return VAULT_OK;
	place = own_place(kind, row, after);
	TRY(row_link(txn, &place, row->id));
	place = store_place(kind, row, after);
	return row_link(txn, &place, row->id);
}

static struct reminder
entry_of(const struct row_key *index, uint64_t id)
{
	bool own = index->tenant != 0;

	return (struct reminder){
		.at = (int64_t)get_be(index->tag, TIME_BYTES),
		.kind = (enum due_kind)index->tag[own ? TIME_BYTES : TIME_BYTES + 4],
		.tenant = own ? index->tenant : get_be32(index->tag + TIME_BYTES),
		.id = id,
		.index = *index,
	};
}

void
reminder_cursor(const struct reminder *entry, uint8_t cursor[static REMINDER_CURSOR_BYTES])
{
	memcpy(cursor, entry->index.tag, ROW_TAG_BYTES);
	put_be64(cursor + ROW_TAG_BYTES, entry->id);
}

enum vault_err
reminder_find(struct op *op, const struct reminder_range *range, struct reminder *entries,
	      size_t *n)
{
	struct row_walk walk;
	struct row_key key;
	enum vault_err err;
	size_t found = 0;
	uint64_t id;

	TRY(row_walk_open(op->txn, range->tenant, ROW_REMINDER, range->after, &walk));
	if (range->after != NULL)
		walk.from_id = get_be64(range->after + ROW_TAG_BYTES) + 1;
	do {
		err = found == range->max ? VAULT_NOT_FOUND : row_walk_next(&walk, &key, &id, NULL);
		if (err == VAULT_OK)
			entries[found] = entry_of(&key, id);
	} while (err == VAULT_OK && entries[found].at <= range->until && ++found > 0);
	row_walk_close(&walk);
	*n = found;
	return err == VAULT_NOT_FOUND ? VAULT_OK : err;
}

/* What the entry holds of the row's tag. */
static size_t
tag_part(const struct reminder *entry, const uint8_t **part)
{
	bool own = entry->index.tenant != 0;

	*part = entry->index.tag + TIME_BYTES + (own ? 1 : 5);
	return own ? OWN_TAG_BYTES : STORE_TAG_BYTES;
}

enum vault_err
reminder_open(struct op *op, const struct reminder *entry, enum row_kind kind, struct row *row)
{
	uint8_t from[ROW_TAG_BYTES] = { 0 };
	const uint8_t *part;
	size_t len = tag_part(entry, &part);
	struct vault_bytes sealed;
	struct row_walk walk;
	struct row_key key;
	enum vault_err err;
	uint64_t id = 0;

	memcpy(from, part, len);
	TRY(row_walk_open(op->txn, entry->tenant, (uint8_t)kind, from, &walk));
	walk.from_id = 0;
	do {
		err = row_walk_next(&walk, &key, &id, NULL);
		if (err == VAULT_OK && !text_same(key.tag, from, len))
			err = VAULT_NOT_FOUND;
	} while (err == VAULT_OK && id != entry->id);
	row_walk_close(&walk);
	TRY(err);
	TRY(row_find(op->txn, &key, &id, &sealed));
	TRY(sealed_open(&op->tenant->keys, &key, sealed, row));
	row->id = id;
	return VAULT_OK;
}
