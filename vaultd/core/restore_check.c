#include "vaultd/core/restore_check.h"

#include <string.h>

#include "vaultd/base/bytes.h"
#include "vaultd/core/apikey.h"
#include "vaultd/core/tenant_erase.h"

/* Whether entries of the kind lead to a row that stands under another entry, or to none. */
static bool
leads_elsewhere(uint8_t kind)
{
	switch (kind) {
	case ROW_KID:
	case ROW_APIKEY: /* bound to the id's place: ROW_APIKEY_ID */
	case ROW_APIKEY_PRIMARY:
	case ROW_APIKEY_USE:
	case ROW_REMINDER:
	case ROW_REPLAY_EXPIRY:
	case ROW_EXPIRY:
		return true;
	default:
		return false;
	}
}

/* Whether a tenant without keys is one whose rows are still being removed, or written. */
static bool
on_its_way(struct op *op, uint32_t number)
{
	struct row_key import = tenant_numbered(ROW_IMPORT, number);
	struct vault_text name;
	uint64_t id;

	return tenant_erased_name(op, number, &name) == VAULT_OK ||
	       row_linked(op->txn, &import, &id) == VAULT_OK;
}

/*
 * The keys of a tenant's rows, and the tenant in op; number 0: the store's. NULL where nobody has
 * them, and need not.
 */
static enum vault_err
keys_of(struct op *op, uint32_t number, const struct row_keys **keys)
{
	enum vault_err err;

	*keys = &op->vault->keyring.store;
	if (number == 0)
		return VAULT_OK;
	err = tenant_by_number(op, number, &op->tenant);
	if (err == VAULT_NOT_FOUND && on_its_way(op, number)) {
		*keys = NULL;
		return VAULT_OK;
	}
	if (err == VAULT_NOT_FOUND)
		return VAULT_INTEGRITY;
	TRY(err);
	*keys = &op->tenant->keys;
	return VAULT_OK;
}

static enum vault_err
open_row(struct op *op, const struct row_key *place, uint64_t id)
{
	bool apikey = place->kind == ROW_APIKEY_ID || place->kind == ROW_APIKEY_FOREIGN;
	struct row row = { .key = apikey ? apikey_place_bound(place) : *place, .id = id };
	const struct row_keys *keys;
	struct vault_bytes sealed, plain;

	TRY(keys_of(op, row.key.tenant, &keys));
	TRY(row_read(op->txn, id, &sealed));
	if (keys == NULL)
		return VAULT_OK;
	return sealed_open_plain(keys, sealed, op->scratch, &row, &plain);
}

static enum vault_err
check_entry(struct op *op, const struct row_key *place, uint64_t id,
	    struct restore_checked *checked)
{
	const struct row_keys *keys;

	if (leads_elsewhere(place->kind))
		return VAULT_OK;
	checked->rows++;
	work_more(&op->vault->work[WORK_SLOW], 1);
	if (place->kind != ROW_TENANT_WRAPS)
		return open_row(op, place, id);
	checked->tenants++;
	return keys_of(op, get_be32(place->tag), &keys);
}

enum vault_err
restore_check(struct op *op, const atomic_bool *cancel, struct restore_checked *checked)
{
	struct restore_checked found = { 0 };
	struct index_walk walk = { 0 };
	struct row_key place;
	enum vault_err err;
	uint64_t id;

	while ((err = index_walk_next(op->txn, &walk, &place, &id)) == VAULT_OK) {
		if (cancel != NULL && atomic_load(cancel))
			err = VAULT_BUSY;
		else
			err = check_entry(op, &place, id, &found);
		if (err != VAULT_OK)
			break;
		scratch_reset(op->scratch, true);
		/* What earlier entries used may leave the cache. */
		op->tenant = NULL;
		cache_next_operation(op->cache);
	}
	index_walk_close(&walk);
	if (err != VAULT_NOT_FOUND)
		return err;
	TRY(row_count(op->txn, &found.store));
	*checked = found;
	return VAULT_OK;
}
