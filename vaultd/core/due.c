#include "vaultd/core/due.h"

#include <string.h>

#include "vaultd/base/bytes.h"

#define TIME_BYTES 8 /* of a tag: big-endian; what follows is random */

static const struct row_keys *
keys_of(const struct op *op)
{
	return &op->vault->keyring.store;
}

static struct row_key
place_of(const uint8_t *tag)
{
	struct row_key place = { .kind = ROW_DUE };

	memcpy(place.tag, tag, ROW_TAG_BYTES);
	return place;
}

static enum vault_err
insert(struct op *op, const struct row_key *target, int64_t at, uint8_t tag[static ROW_TAG_BYTES])
{
	struct row row = { 0 };
	struct due_record record = { .at = at,
				     .tenant = target->tenant,
				     .kind = target->kind,
				     .tag = { target->tag, ROW_TAG_BYTES } };
	uint64_t id;

	put_be64(tag, (uint64_t)at);
	do {
		random_pool_take(op->random, tag + TIME_BYTES, ROW_TAG_BYTES - TIME_BYTES);
		row.key = place_of(tag);
	} while (row_linked(op->change->txn, &row.key, &id) == VAULT_OK);
	return sealed_put(op->change, keys_of(op), &row, due_record_type(), &record);
}

enum vault_err
due_set(struct op *op, const struct row_key *target, int64_t at, struct vault_bytes *tag)
{
	struct due_entry old = { 0 };
	enum vault_err err = VAULT_NOT_FOUND;
	uint8_t made[ROW_TAG_BYTES];

	if (tag->p != NULL) {
		old.place = place_of(tag->p);
		err = row_linked(op->change->txn, &old.place, &old.id);
	}
	if (err != VAULT_OK && err != VAULT_NOT_FOUND)
		return err;
	if (err == VAULT_OK && (int64_t)get_be64(old.place.tag) == at)
		return VAULT_OK;
	if (err == VAULT_OK)
		TRY(due_remove(op, &old));
	*tag = (struct vault_bytes){ 0 };
	if (at == DUE_NEVER)
		return VAULT_OK;
	TRY(insert(op, target, at, made));
	return op_keep_bytes(op, (struct vault_bytes){ made, sizeof made }, tag);
}

enum vault_err
due_first(struct txn *txn, int64_t *at)
{
	struct row_walk walk;
	struct row_key place;
	enum vault_err err;
	uint64_t id;

	*at = DUE_NEVER;
	TRY(row_walk_open(txn, 0, ROW_DUE, NULL, &walk));
	err = row_walk_next(&walk, &place, &id, NULL);
	row_walk_close(&walk);
	if (err == VAULT_OK)
		*at = (int64_t)get_be64(place.tag);
	return err == VAULT_NOT_FOUND ? VAULT_OK : err;
}

static enum vault_err
open_entry(struct op *op, struct due_entry *entry, struct vault_bytes sealed)
{
	struct due_record record;
	ROW_LOCAL(row);

	TRY(sealed_open(keys_of(op), &entry->place, sealed, &row));
	TRY(record_decode(due_record_type(), row_plain(&row), NULL, &record));
	entry->target =
		(struct row_key){ .tenant = (uint32_t)record.tenant, .kind = (uint8_t)record.kind };
	memcpy(entry->target.tag, record.tag.p, ROW_TAG_BYTES);
	return record.at == entry->at ? VAULT_OK : VAULT_INTEGRITY;
}

enum vault_err
due_next(struct op *op, const uint8_t *after, struct due_entry *entry)
{
	struct vault_bytes sealed;
	struct row_walk walk;
	enum vault_err err;

	*entry = (struct due_entry){ 0 };
	TRY(row_walk_open(op->txn, 0, ROW_DUE, after, &walk));
	err = row_walk_next(&walk, &entry->place, &entry->id, &sealed);
	entry->at = (int64_t)get_be64(entry->place.tag);
	if (err == VAULT_OK && entry->at > op->now.wall)
		err = VAULT_NOT_FOUND;
	if (err == VAULT_OK)
		err = open_entry(op, entry, sealed);
	row_walk_close(&walk);
	return err;
}

enum vault_err
due_is_of(struct op *op, const struct row_key *place, uint64_t id, uint32_t tenant, bool *is)
{
	struct due_record record;
	struct vault_bytes sealed;
	enum vault_err err;
	ROW_LOCAL(row);

	*is = false;
	err = row_read(op->change->txn, id, &sealed);
	if (err == VAULT_OK)
		err = sealed_open(keys_of(op), place, sealed, &row);
	if (err == VAULT_OK)
		err = record_decode(due_record_type(), row_plain(&row), NULL, &record);
	/* One that does not open is nobody's, and its own time will tell. */
	if (err == VAULT_OK)
		*is = record.tenant == tenant;
	return err == VAULT_INTEGRITY ? VAULT_OK : err;
}

enum vault_err
due_remove(struct op *op, const struct due_entry *entry)
{
	const struct row row = { .key = entry->place, .id = entry->id };

	return entry->place.kind == 0 ? VAULT_OK : sealed_delete(op->change, &row);
}

enum vault_err
due_postpone(struct op *op, const struct due_entry *entry, int64_t at)
{
	uint8_t tag[ROW_TAG_BYTES];

	TRY(due_remove(op, entry));
	return insert(op, &entry->target, at, tag);
}
