#include "vaultd/core/rekey.h"

#include "vaultd/core/tenant.h"

#define TENANT_SCRATCH_BYTES 4096    /* a tenant's wrapped keys decoded, ... */
#define TENANT_SCRATCH_MAX (1 << 20) /* ... with as many record keys as can be */
#define SPACE_BYTES (8u << 20)	     /* of disk that must be free, ... */
#define SPACE_TENANT_BYTES 4096 /* ... and for each tenant: its row may stand on a page alone */

/* One pass over the tenants' wrapped keys. */
struct rewrap {
	struct vault *vault;
	struct txn *txn;
	struct scratch scratch;
	struct buf row;
};

static enum vault_err
rewrap_tenant(struct rewrap *r, uint32_t number, uint64_t id, struct vault_bytes row)
{
	uint8_t wrapped[WRAPPED_BYTES];
	struct tenant_wraps wraps;
	struct tenant_wrapped from;

	TRY(record_decode(tenant_wraps_type(), row, &r->scratch, &wraps));
	from = (struct tenant_wrapped){ number, (uint32_t)wraps.root_generation, wraps.tenant_key };
	TRY(keyring_rewrap_tenant(&r->vault->keyring, &from, wrapped));
	wraps.root_generation = r->vault->keyring.next.generation;
	wraps.tenant_key = (struct vault_bytes){ wrapped, sizeof wrapped };
	buf_truncate(&r->row, 0);
	TRY(record_encode(tenant_wraps_type(), &wraps, &r->row));
	TRY(row_update(r->txn, id, (struct vault_bytes){ buf_data(&r->row), buf_len(&r->row) }));
	scratch_reset(&r->scratch, false);
	work_more(&r->vault->work[WORK_COMMIT], 1);
	return VAULT_OK;
}

static enum vault_err
rewrap_walk(struct rewrap *r)
{
	struct vault_bytes bytes;
	struct row_walk walk;
	struct row_key key;
	enum vault_err err;
	uint64_t id;

	TRY(row_walk_open(r->txn, 0, ROW_TENANT_WRAPS, NULL, &walk));
	while ((err = row_walk_next(&walk, &key, &id, &bytes)) == VAULT_OK) {
		err = rewrap_tenant(r, tenant_wraps_number(&key), id, bytes);
		if (err != VAULT_OK)
			break;
	}
	row_walk_close(&walk);
	return err == VAULT_NOT_FOUND ? VAULT_OK : err;
}

static enum vault_err
rewrap_tenants(struct vault *vault, struct txn *txn)
{
	struct rewrap r = { .vault = vault, .txn = txn };
	struct work *work = &vault->work[WORK_COMMIT];
	enum vault_err err;

	TRY(scratch_init(&r.scratch, TENANT_SCRATCH_BYTES, TENANT_SCRATCH_MAX));
	work_begin(work, OP_sys_rekey, "tenants", vault->tick.wall);
	work_tell(work, 0, atomic_load(&vault->tenant_count));
	err = rewrap_walk(&r);
	scratch_free(&r.scratch);
	buf_free(&r.row);
	return err;
}

/* What the audit is to go over to, from the slots that the change leaves. */
static enum vault_err
prepare_audit(struct vault *vault, struct txn *txn, const struct secret *wrap_keys)
{
	struct audit_rekey *prepared;
	struct audit_keys keys;

	TRY(vault_audit_keys(vault, txn, wrap_keys, &keys));
	TRY(audit_rekey_prepare(vault->audit, &keys, &prepared));
	audit_rekey_drop(vault->audit_next);
	vault->audit_next = prepared;
	return VAULT_OK;
}

/* A commit that fails ends the process, so what it may take must be there before. */
static enum vault_err
check_space(struct vault *vault)
{
	uint64_t free_bytes, tenants = atomic_load(&vault->tenant_count);

	TRY(store_free_space(vault->store, &free_bytes));
	return free_bytes >= SPACE_BYTES + tenants * SPACE_TENANT_BYTES ? VAULT_OK
									: VAULT_STORAGE_FULL;
}

static enum vault_err
rekey(struct vault *vault, struct change *change)
{
	struct keyring *keyring = &vault->keyring;
	struct audit_status audit;
	SECRET_LOCAL(wrap_keys);

	TRY(check_space(vault));
	audit_status(vault->audit, &audit);
	TRY(keyring_next(keyring));
	TRY(keyring_rewrap(keyring, change->txn));
	TRY(keyring_rewrap_audit(keyring, change->txn, audit.head.segment, &wrap_keys));
	TRY(rewrap_tenants(vault, change->txn));
	TRY(slots_reseal(change, keyring));
	return prepare_audit(vault, change->txn, &wrap_keys);
}

enum vault_err
vault_rekey(struct vault *vault, struct change *change)
{
	enum vault_err err = rekey(vault, change);

	/* What a vault lacks was removed from it. */
	return err == VAULT_NOT_FOUND ? VAULT_INTEGRITY : err;
}

enum vault_err
vault_slots_changed(struct vault *vault, struct change *change)
{
	SECRET_LOCAL(wrap_keys);

	TRY(keyring_audit_keys(&vault->keyring, change->txn, &wrap_keys));
	return prepare_audit(vault, change->txn, &wrap_keys);
}

bool
vault_rekeyed(struct vault *vault, int64_t now_ns)
{
	bool begun;

	keyring_switch(&vault->keyring);
	begun = audit_rekey(vault->audit, vault->audit_next, now_ns);
	vault->audit_next = NULL;
	work_end(&vault->work[WORK_COMMIT]);
	return begun;
}

void
vault_rekey_drop(struct vault *vault)
{
	keyring_drop_next(&vault->keyring);
	audit_rekey_drop(vault->audit_next);
	vault->audit_next = NULL;
	work_end(&vault->work[WORK_COMMIT]);
}
