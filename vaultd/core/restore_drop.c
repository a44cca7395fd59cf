/*
 * A tenant that was erased after the backup, or before, as a certificate tells.
 */
#include <string.h>

#include "protocol/text.h"
#include "vaultd/base/bytes.h"
#include "vaultd/core/due.h"
#include "vaultd/core/grants.h"
#include "vaultd/core/replay.h"
#include "vaultd/core/restore_replay.h"
#include "vaultd/core/sweep.h"

#define DROP_AT_ONCE 1024 /* entries found before they are removed */

struct entry {
	struct row_key place;
	uint64_t id;
};

/* Whether an entry of the store's own may lead to a row of that tenant, as its kind's tags tell. */
static bool
leads_to(const struct row_key *place, uint32_t number)
{
	switch (place->kind) {
	case ROW_TENANT_WRAPS:
	case ROW_REKEY:
	case ROW_IMPORT:
		return get_be32(place->tag) == number;
	case ROW_REPLAY:
	case ROW_DUE:
		return true; /* the row tells */
	default:
		return sweep_tenant_of(place->kind, place->tag) == number;
	}
}

/* The store's own entries for the tenant: one scan of what stands under tenant 0, which is first. */
static enum vault_err
find_store_entries(struct op *op, uint32_t number, struct buf *list)
{
	struct index_walk walk = { 0 };
	struct entry entry;
	enum vault_err err;

	while ((err = index_walk_next(op->change->txn, &walk, &entry.place, &entry.id)) ==
	       VAULT_OK) {
		if (entry.place.tenant != 0)
			break;
		if (leads_to(&entry.place, number))
			err = buf_append(list, &entry, sizeof entry);
		if (err != VAULT_OK)
			break;
	}
	index_walk_close(&walk);
	return err == VAULT_NOT_FOUND ? VAULT_OK : err;
}

/* Several entries may lead to one row, which goes with the first. */
static enum vault_err
remove_entry(struct op *op, const struct entry *entry)
{
	struct vault_bytes bytes;
	enum vault_err err = row_read(op->change->txn, entry->id, &bytes);

	op->change->count++;
	if (err == VAULT_INTEGRITY || entry->place.kind == ROW_KID)
		return row_unlink(op->change->txn, &entry->place, entry->id);
	TRY(err);
	return row_delete(op->change->txn, &entry->place, entry->id);
}

/* Of the store's own entries those that do not tell by their tags whose they are. */
static enum vault_err
remove_store_entry(struct op *op, uint32_t number, const struct entry *entry)
{
	bool ours = true;

	if (entry->place.kind == ROW_REPLAY)
		return replay_forget_tenant(op, &entry->place, entry->id, number, &ours);
	if (entry->place.kind == ROW_DUE)
		TRY(due_is_of(op, &entry->place, entry->id, number, &ours));
	return ours ? remove_entry(op, entry) : VAULT_OK;
}

/* The first entries that are left of a kind. */
static enum vault_err
find_own(struct op *op, uint32_t number, uint8_t kind, struct entry *entries, size_t *n)
{
	struct row_walk walk;
	enum vault_err err = VAULT_OK;

	*n = 0;
	TRY(row_walk_open(op->change->txn, number, kind, NULL, &walk));
	while (*n < DROP_AT_ONCE && err == VAULT_OK) {
		err = row_walk_next(&walk, &entries[*n].place, &entries[*n].id, NULL);
		*n += err == VAULT_OK;
	}
	row_walk_close(&walk);
	return err == VAULT_NOT_FOUND ? VAULT_OK : err;
}

static enum vault_err
remove_own(struct op *op, uint32_t number)
{
	struct entry *entries = scratch_room(op->scratch, DROP_AT_ONCE * sizeof *entries);
	size_t n;

	if (entries == NULL)
		return VAULT_BUSY;
	for (unsigned kind = 0; kind <= UINT8_MAX; kind++) {
		do {
			TRY(find_own(op, number, (uint8_t)kind, entries, &n));
			for (size_t i = 0; i < n; i++)
				TRY(remove_entry(op, &entries[i]));
		} while (n > 0);
	}
	return VAULT_OK;
}

static enum vault_err
remove_rows(struct op *op, uint32_t number)
{
	struct buf list = { 0 };
	enum vault_err err = find_store_entries(op, number, &list);

	for (size_t at = 0; err == VAULT_OK && at < buf_len(&list); at += sizeof(struct entry)) {
		struct entry entry;

		memcpy(&entry, buf_data(&list) + at, sizeof entry);
		err = remove_store_entry(op, number, &entry);
	}
	buf_free(&list);
	return err == VAULT_OK ? remove_own(op, number) : err;
}

static enum vault_err
remove_record(struct op *op, struct vault_text name)
{
	const struct row_keys *store = &op->vault->keyring.store;
	ROW_LOCAL(row);

	row.key = row_key_of(store, ROW_TENANT, text_bytes(name));
	TRY(sealed_find(op->txn, store, &row.key, &row));
	return sealed_delete(op->change, &row);
}

enum vault_err
restore_drop_tenant(struct op *op, uint32_t number)
{
	struct vault_text name;

	TRY(tenant_name_by_number(op, number, &name));
	TRY(remove_record(op, name));
	TRY(grants_forget_tenant(op, name));
	TRY(remove_rows(op, number));
	op->tenant = NULL;
	cache_clear(op->cache);
	atomic_fetch_sub(&op->vault->tenant_count, 1);
	return VAULT_OK;
}
