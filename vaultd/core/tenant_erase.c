#include "vaultd/core/tenant_erase.h"

#include <string.h>

#include "protocol/text.h"
#include "vaultd/core/backup_ledger.h"
#include "vaultd/core/certificate.h"
#include "vaultd/core/erased.h"
#include "vaultd/core/grants.h"
#include "vaultd/core/tenant_limits.h"
#include "vaultd/core/tenant_rekey.h"

/* What no software can promise, and when the rest of it is true. Lines of the certificate. */
static const char limits[] =
	"limits: rows are removed and freed pages overwritten behind this certificate, until "
	"sys.status tells of no erasure\n"
	"limits: the backups named here hold the tenant's key until they are destroyed, as does "
	"every copy of them, of the store, of its host and of its disk\n"
	"limits: a backup that was not fetched whole and ended, or was being ended at that moment, "
	"is not named\n"
	"limits: an export of the tenant holds what it held and is named nowhere here\n"
	"limits: flash media and file systems that copy on write may keep blocks that were "
	"overwritten\n"
	"limits: the audit keeps numbers, times and methods; names in it can no longer be read\n";

/* Those that were made while the tenant was there. */
static bool
holds(const struct backup_done *entry, uint32_t number, int64_t created_at)
{
	return entry->next_tenant > number && entry->begun_at >= created_at;
}

static enum vault_err
add_backup(struct op *op, const struct backup_done *entry, struct buf *lines,
	   struct erased_backup *item)
{
	struct buf time = { 0 };
	enum vault_err err = signed_text_time(&time, "", entry->begun_at);
	size_t skip = sizeof ": " - 1;

	if (err == VAULT_OK)
		err = buf_append(lines, "backup: ", 8);
	if (err == VAULT_OK)
		err = buf_append(lines, entry->backup, strlen(entry->backup));
	if (err == VAULT_OK)
		err = buf_append(lines, " ", 1);
	/* The time as a line of its own would have it, and its newline. */
	if (err == VAULT_OK)
		err = buf_append(lines, buf_data(&time) + skip, buf_len(&time) - skip);
	buf_free(&time);
	TRY(err);
	item->time = entry->begun_at;
	return op_keep_text(op, text_of(entry->backup), &item->backup);
}

static enum vault_err
find_backups(struct op *op, int64_t created_at, struct buf *lines, struct tenant_erase_res *res)
{
	struct erased_backup *items = scratch_alloc(op->scratch, BACKUP_LEDGER_MAX * sizeof *items);
	struct row_key place = { 0 };
	struct backup_done entry;
	enum vault_err err;
	size_t n = 0;

	if (items == NULL)
		return VAULT_BUSY;
	while ((err = backup_ledger_next(op->txn, &op->vault->keyring.store, &place, &entry)) ==
	       VAULT_OK) {
		if (n < BACKUP_LEDGER_MAX && holds(&entry, op->tenant->keys.tenant, created_at))
			TRY(add_backup(op, &entry, lines, &items[n++]));
	}
	res->backups.v = items;
	res->backups.n = n;
	return err == VAULT_NOT_FOUND ? VAULT_OK : err;
}

static enum vault_err
certify(struct op *op, const struct buf *more, struct vault_text *text)
{
	struct certificate certificate = {
		.tenant = tenant_name_of(op->tenant),
		.number = op->tenant->keys.tenant,
		.erased_at = op->now.wall,
		.more = { (const char *)buf_data(more), buf_len(more) },
	};
	struct buf out = { 0 };
	enum vault_err err;

	memcpy(certificate.store_id, op->vault->keyring.store.store_id, STORE_ID_BYTES);
	err = certificate_write(&op->vault->keyring.identity, &certificate, &out);
	if (err == VAULT_OK)
		err = op_keep_text(
			op, (struct vault_text){ (const char *)buf_data(&out), buf_len(&out) },
			text);
	buf_free(&out);
	return err;
}

static enum vault_err
write_certificate(struct op *op, int64_t created_at, struct tenant_erase_res *res)
{
	struct buf more = { 0 };
	enum vault_err err = find_backups(op, created_at, &more, res);

	if (err == VAULT_OK)
		err = buf_append(&more, limits, sizeof limits - 1);
	if (err == VAULT_OK)
		err = certify(op, &more, &res->certificate);
	buf_free(&more);
	return err;
}

/* A backup that began before and is not in the ledger yet would hold the key, and nobody know. */
static enum vault_err
hold_backups(struct op *op)
{
	struct backups *backups = &op->vault->backups;

	atomic_store(&backups->held, true);
	if (atomic_load(&backups->count) == 0)
		return VAULT_OK;
	return op_fail(op, VAULT_BUSY, NULL, "a backup is under way, which would keep the key");
}

static enum vault_err
remove_wraps(struct op *op, uint32_t number)
{
	struct row_key key = tenant_numbered(ROW_TENANT_WRAPS, number);
	uint64_t id;

	TRY(row_linked(op->change->txn, &key, &id));
	return row_delete(op->change->txn, &key, id);
}

static enum vault_err
remove_tenant(struct op *op, struct row *row)
{
	struct vault_text name = tenant_name_of(op->tenant);
	uint32_t number = op->tenant->keys.tenant;
	struct erased erased = { .rec = { .name = name,
					  .number = number,
					  .erased_at = op->now.wall,
					  .revision = (int64_t)op->vault->revision } };

	TRY(sealed_delete(op->change, row));
	TRY(remove_wraps(op, number));
	TRY(tenant_rekey_forget(op, number));
	TRY(grants_forget_tenant(op, name));
	TRY(erased_put(op, ERASED_ROWS_LEFT, &erased));
	tenant_changed(op);
	tenant_tell(op, event_kind_erased, name);
	op->effects.tenant_removed = true;
	op->effects.sweep = true;
	return VAULT_OK;
}

enum vault_err
tenant_erase(struct op *op, struct vault_text confirm, struct tenant_erase_res *res)
{
	struct tenant_record record;
	ROW_LOCAL(row);

	if (!text_equal(confirm, tenant_name_of(op->tenant)))
		return op_fail(op, VAULT_INVALID_PARAMS, "confirm", "must be the tenant's name");
	TRY(hold_backups(op));
	TRY(tenant_read(op, tenant_name_of(op->tenant), &row, &record));
	TRY(write_certificate(op, record.created_at, res));
	return remove_tenant(op, &row);
}
