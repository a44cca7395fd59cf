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

/* What is reserved durably; 0 where nothing is, and then the row is yet to be made. */
static enum vault_err
read_reserved(struct op *op, const struct tenant *tenant, struct row *row,
	      struct issuance_record *record)
{
	struct row_key key = issuance_key(tenant);
	enum vault_err err = sealed_find(op->txn, &tenant->keys, &key, row);

	*record = (struct issuance_record){ 0 };
	if (err == VAULT_OK)
		err = record_decode(issuance_record_type(), row_plain(row), NULL, record);
	else if (err == VAULT_NOT_FOUND)
		err = VAULT_OK;
	row->key = key;
	return err;
}

/*
 * Reserves numbers beyond number in the committer's transaction; told to the workers once it is
 * durable.
 */
static enum vault_err
reserve(struct op *op, const struct tenant *tenant, uint64_t *number)
{
	struct issuance_record record;
	uint64_t reserved;
	ROW_LOCAL(row);

	TRY(read_reserved(op, tenant, &row, &record));
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

enum vault_err
tenant_reserved(struct op *op, uint64_t *number)
{
	struct issuance_record record;
	ROW_LOCAL(row);

	TRY(read_reserved(op, op->tenant, &row, &record));
	*number = (uint64_t)record.reserved;
	return VAULT_OK;
}

/* Before the first token since the start nobody counts yet, and none gets a number below what was
 * reserved. */
enum vault_err
tenant_next_number(struct op *op, uint64_t *number)
{
	*number = atomic_load(&op->tenant->slot->next_id);
	return *number == 0 ? tenant_reserved(op, number) : VAULT_OK;
}
