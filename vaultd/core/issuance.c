#include <string.h>

#include "vaultd/core/tenant.h"

/*
 * Numbers reserved at a time: one durable write for this many tokens; what is left of them at a
 * restart is lost.
 */
#define ISSUANCE_BLOCK (UINT64_C(1) << 20)

static struct row_key
issuance_key(const struct tenant *tenant)
{
	return (struct row_key){ .tenant = tenant->keys.tenant, .kind = ROW_ISSUANCE };
}

/*
 * Reserves numbers beyond number in the committer's transaction; told to the workers once it is
 * durable.
 */
static enum vault_err
reserve(struct op *op, const struct tenant *tenant, uint64_t *number)
{
	struct row_key key = issuance_key(tenant);
	struct issuance_record record = { 0 };
	ROW_LOCAL(row);
	enum vault_err err = sealed_find(op->txn, &tenant->keys, &key, &row);
	uint64_t reserved;

	if (err == VAULT_OK)
		err = record_decode(issuance_record_type(), row_plain(&row), NULL, &record);
	else if (err == VAULT_NOT_FOUND)
		err = VAULT_OK;
	TRY(err);
	row.key = key;
	reserved = (uint64_t)record.reserved;
	/* The first since start: whatever was reserved before may have been given out. */
	if (*number == 0 && reserved > 0 && atomic_load(&tenant->slot->reserved) == 0) {
		*number = reserved;
		atomic_store(&tenant->slot->next_id, *number + 1);
	}
	if (*number < reserved)
		return VAULT_OK;
	record.reserved = (int64_t)(*number + ISSUANCE_BLOCK);
	TRY(sealed_put(op->change, &tenant->keys, &row, issuance_record_type(), &record));
	op->effects.reserved_slot = tenant->slot;
	op->effects.reserved = (uint64_t)record.reserved;
	return VAULT_OK;
}

enum vault_err
tenant_issue(struct op *op, uint64_t *number)
{
	struct tenant_slot *slot = op->tenant->slot;
	uint64_t reserved = atomic_load_explicit(&slot->reserved, memory_order_acquire);

	if (op->change == NULL && reserved == 0) {
		op->deferred = true;
		return VAULT_BUSY;
	}
	*number = atomic_fetch_add_explicit(&slot->next_id, 1, memory_order_relaxed);
	if (*number < reserved)
		return VAULT_OK;
	if (op->change == NULL) {
		op->deferred = true;
		return VAULT_BUSY;
	}
	return reserve(op, op->tenant, number);
}
