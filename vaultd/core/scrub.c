#include "vaultd/core/scrub.h"

static const struct row_key place = { .tenant = 0, .kind = ROW_SCRUB };

static enum vault_err
find(struct op *op, struct row *out, struct scrub_record *record)
{
	ROW_LOCAL(row);

	TRY(sealed_find(op->txn, &op->vault->keyring.store, &place, &row));
	TRY(record_decode(scrub_record_type(), row_plain(&row), NULL, record));
	*out = (struct row){ .key = place, .id = row.id, .revision = row.revision };
	return VAULT_OK;
}

enum vault_err
scrub_want(struct op *op)
{
	struct scrub_record record;
	struct row row = { .key = place };
	enum vault_err err = find(op, &row, &record);

	if (err != VAULT_OK && err != VAULT_NOT_FOUND)
		return err;
	record = (struct scrub_record){ .revision = (int64_t)op->vault->revision };
	op->effects.sweep = true;
	return sealed_put(op->change, &op->vault->keyring.store, &row, scrub_record_type(),
			  &record);
}

enum vault_err
scrub_wanted(struct op *op, bool *wanted)
{
	enum vault_err err;
	uint64_t id;

	err = row_linked(op->txn, &place, &id);
	*wanted = err == VAULT_OK;
	return err == VAULT_NOT_FOUND ? VAULT_OK : err;
}

bool
scrub_since(const struct op *op, uint64_t revision)
{
	return op->vault->scrubbed > revision;
}

enum vault_err
scrub_settle(struct op *op, bool *done)
{
	struct scrub_record record;
	struct row row;
	enum vault_err err = find(op, &row, &record);

	*done = err == VAULT_NOT_FOUND;
	if (*done)
		return VAULT_OK;
	TRY(err);
	*done = scrub_since(op, (uint64_t)record.revision);
	return *done ? sealed_delete(op->change, &row) : VAULT_OK;
}
