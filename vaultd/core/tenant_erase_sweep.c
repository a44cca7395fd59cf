/* What is left to be done behind the commit that made a tenant go. */
#include <string.h>

#include "vaultd/core/due.h"
#include "vaultd/core/erased.h"
#include "vaultd/core/replay.h"
#include "vaultd/core/scrub.h"
#include "vaultd/core/tenant_erase.h"

#define STEP_REMOVED 64 /* entries that a step removes, ... */
#define STEP_LOOKS 1024 /* ... and that it looks at */

static const uint8_t store_kinds[] = {
	ROW_APIKEY_ID, ROW_APIKEY_FOREIGN, ROW_REPLAY, ROW_REMINDER, ROW_EXPIRY, ROW_DUE, 0
};

enum vault_err
tenant_erase_next(struct op *op, uint32_t *number)
{
	struct erased erased;

	TRY(erased_first(op, ERASED_ROWS_LEFT, &erased));
	*number = (uint32_t)erased.rec.number;
	return VAULT_OK;
}

/* An index entry, and the row that it leads to, if that is still there. */
static enum vault_err
remove_entry(struct op *op, const struct row_key *key, uint64_t id, bool with_row)
{
	enum vault_err err;

	if (!with_row)
		return row_unlink(op->change->txn, key, id);
	err = row_delete(op->change->txn, key, id);
	return err == VAULT_NOT_FOUND ? VAULT_OK : err;
}

/* *removed: whether the entry was the tenant's. */
static enum vault_err
remove_at(struct op *op, uint32_t number, const struct sweep_place *place, bool *removed)
{
	struct row_key key = { .tenant = place->store ? 0 : number, .kind = place->kind };
	/* API keys' ids lead to rows that, of deleted keys, nothing else leads to. */
	bool with_row = !row_kind_index_only(place->kind) ||
			(place->store && place->kind != ROW_REMINDER && place->kind != ROW_EXPIRY);

	*removed = true;
	memcpy(key.tag, place->tag, ROW_TAG_BYTES);
	if (place->store && place->kind == ROW_REPLAY)
		return replay_forget_tenant(op, &key, place->row, number, removed);
	if (place->store && place->kind == ROW_DUE)
		TRY(due_is_of(op, &key, place->row, number, removed));
	else if (place->store)
		*removed = sweep_tenant_of(place->kind, place->tag) == number;
	return *removed ? remove_entry(op, &key, place->row, with_row) : VAULT_OK;
}

/* VAULT_NOT_FOUND behind the last. */
static enum vault_err
remove_some(struct op *op, struct erased *erased, struct sweep_place *place)
{
	uint32_t number = (uint32_t)erased->rec.number;
	unsigned n = 0;

	for (unsigned i = 0; n < STEP_REMOVED && i < STEP_LOOKS; i++) {
		bool removed;

		TRY(sweep_next(op->change->txn, number, store_kinds, place));
		TRY(remove_at(op, number, place, &removed));
		n += removed;
		erased->rec.removed += removed;
	}
	return VAULT_OK;
}

enum vault_err
tenant_erase_step(struct op *op, uint32_t number, struct sweep_done *done)
{
	struct sweep_place place;
	enum erased_state state;
	struct erased erased;
	enum vault_err err;

	done->more = true;
	TRY(erased_find(op, number, &state, &erased));
	/* What is queued behind the erasure must have found it gone: so in a later commit. */
	if ((uint64_t)erased.rec.revision == op->vault->revision) {
		done->rest = true;
		return VAULT_OK;
	}
	place = (struct sweep_place){ .store = erased.rec.store,
				      .kind = (uint8_t)erased.rec.kind,
				      .inside = erased.rec.tag.p != NULL,
				      .row = (uint64_t)erased.rec.row };
	if (place.inside)
		memcpy(place.tag, erased.rec.tag.p, ROW_TAG_BYTES);
	err = remove_some(op, &erased, &place);
	sweep_tell(op, &(struct work_seen){ OP_tenant_erase, "rows", (uint64_t)erased.rec.removed,
					    0, erased.rec.erased_at });
	if (err != VAULT_OK && err != VAULT_NOT_FOUND)
		return err;
	erased.rec.store = place.store;
	erased.rec.kind = place.kind;
	erased.rec.row = (int64_t)place.row;
	erased.rec.tag = (struct vault_bytes){ place.inside ? place.tag : NULL, ROW_TAG_BYTES };
	if (err == VAULT_OK)
		return erased_put(op, ERASED_ROWS_LEFT, &erased);
	erased.rec.tag = (struct vault_bytes){ 0 };
	if (erased.rec.import)
		return sealed_delete(op->change, &erased.row);
	erased.rec.revision = (int64_t)op->vault->revision;
	TRY(erased_put(op, ERASED_PAGES_LEFT, &erased));
	return scrub_want(op);
}

enum vault_err
tenant_erase_finish(struct op *op, struct sweep_done *done)
{
	struct erased erased;

	TRY(erased_first(op, ERASED_PAGES_LEFT, &erased));
	if (!scrub_since(op, (uint64_t)erased.rec.revision))
		return VAULT_NOT_FOUND;
	TRY(erased_put(op, ERASED_DONE, &erased));
	op->note.tenant = (uint32_t)erased.rec.number;
	done->finished = OP_tenant_erase;
	done->more = true;
	return VAULT_OK;
}

enum vault_err
tenant_erase_count(struct op *op, int64_t *n)
{
	struct row_walk walk;
	struct row_key key;
	enum vault_err err;
	uint64_t id;

	*n = 0;
	TRY(row_walk_open(op->txn, 0, ROW_ERASED, NULL, &walk));
	while ((err = row_walk_next(&walk, &key, &id, NULL)) == VAULT_OK &&
	       key.tag[0] != ERASED_DONE)
		++*n;
	row_walk_close(&walk);
	return err == VAULT_NOT_FOUND ? VAULT_OK : err;
}

enum vault_err
tenant_erased_name(struct op *op, uint32_t number, struct vault_text *name)
{
	enum erased_state state;
	struct erased erased;

	TRY(erased_find(op, number, &state, &erased));
	*name = erased.rec.name;
	return VAULT_OK;
}
