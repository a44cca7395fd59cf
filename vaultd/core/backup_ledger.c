#include "vaultd/core/backup_ledger.h"

#include <string.h>

#include "protocol/text.h"
#include "vaultd/base/bytes.h"

#define TIME_BYTES 8 /* of a row's tag */

/* Time in big-endian, so that the index is in its order; then the id's first digits. */
static struct row_key
place_of(const struct backup_done *done)
{
	struct row_key key = { .tenant = 0, .kind = ROW_BACKUP };
	put_be64(key.tag, (uint64_t)done->begun_at);
	memcpy(key.tag + TIME_BYTES, done->backup, sizeof key.tag - TIME_BYTES);
	return key;
}

/* How many there are, and the oldest. */
static enum vault_err
count(struct txn *txn, unsigned *n, struct row *oldest, struct row_key *newest)
{
	struct row_walk walk;
	struct row_key key;
	enum vault_err err;
	uint64_t id;

	*n = 0;
	TRY(row_walk_open(txn, 0, ROW_BACKUP, NULL, &walk));
	while ((err = row_walk_next(&walk, &key, &id, NULL)) == VAULT_OK) {
		if ((*n)++ == 0)
			*oldest = (struct row){ .key = key, .id = id };
		*newest = key;
	}
	row_walk_close(&walk);
	return err == VAULT_NOT_FOUND ? VAULT_OK : err;
}

enum vault_err
backup_ledger_add(struct change *change, const struct row_keys *store,
		  const struct backup_done *done, int64_t now)
{
	struct backup_record record = { .backup = text_of(done->backup),
					.begun_at = done->begun_at,
					.ended_at = now,
					.to = done->to,
					.split = done->split,
					.next_tenant = done->next_tenant,
					.revision = (int64_t)done->revision,
					.bytes = (int64_t)done->bytes };
	struct row_key newest;
	struct row oldest = { 0 };
	unsigned n;
	ROW_LOCAL(row);

	if (done->recipient[0] != '\0')
		record.recipient = text_of(done->recipient);
	TRY(count(change->txn, &n, &oldest, &newest));
	if (n >= BACKUP_LEDGER_MAX)
		TRY(sealed_delete(change, &oldest));
	row.key = place_of(done);
	return sealed_put(change, store, &row, backup_record_type(), &record);
}

static enum vault_err
entry_of(const struct row_keys *store, const struct row_key *key, struct vault_bytes sealed,
	 struct backup_done *entry)
{
	struct backup_record record;
	ROW_LOCAL(row);

	TRY(sealed_open(store, key, sealed, &row));
	TRY(record_decode(backup_record_type(), row_plain(&row), NULL, &record));
	if (record.backup.len >= sizeof entry->backup ||
	    record.recipient.len >= sizeof entry->recipient)
		return VAULT_INTEGRITY;
	*entry = (struct backup_done){ .complete = true,
				       .begun_at = record.begun_at,
				       .to = (enum backup_to)record.to,
				       .split = record.split,
				       .next_tenant = (uint32_t)record.next_tenant,
				       .revision = (uint64_t)record.revision,
				       .bytes = (uint64_t)record.bytes };
	memcpy(entry->backup, record.backup.p, record.backup.len);
	if (record.recipient.p != NULL)
		memcpy(entry->recipient, record.recipient.p, record.recipient.len);
	return VAULT_OK;
}

enum vault_err
backup_ledger_next(struct txn *txn, const struct row_keys *store, struct row_key *place,
		   struct backup_done *entry)
{
	bool first = place->kind == 0;
	struct vault_bytes sealed;
	struct row_walk walk;
	struct row_key key;
	enum vault_err err;
	uint64_t id;

	TRY(row_walk_open(txn, 0, ROW_BACKUP, first ? NULL : place->tag, &walk));
	err = row_walk_next(&walk, &key, &id, &sealed);
	if (err == VAULT_OK)
		err = entry_of(store, &key, sealed, entry);
	row_walk_close(&walk);
	if (err == VAULT_OK)
		*place = key;
	return err;
}

enum vault_err
backup_ledger_newest(struct txn *txn, int64_t *begun_at)
{
	struct row_key newest = { 0 };
	struct row oldest;
	unsigned n;

	TRY(count(txn, &n, &oldest, &newest));
	*begun_at = n == 0 ? 0 : (int64_t)get_be64(newest.tag);
	return VAULT_OK;
}
