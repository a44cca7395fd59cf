#include "vaultd/core/tombstone.h"

#include "vaultd/core/tenant.h"

static struct row_key
grave_of(const struct row_key *place)
{
	struct row_key grave = *place;

	grave.kind = ROW_TOMBSTONE;
	return grave;
}

enum vault_err
tombstone_put(struct op *op, const struct row_key *place, struct vault_text name, uint32_t last)
{
	const struct row_keys *keys = &op->tenant->keys;
	struct tombstone_record record = { .name = name,
					   .deleted_at = op->now.wall,
					   .last_version = { last, last != 0 } };
	struct row_key grave = grave_of(place);
	enum vault_err err;
	ROW_LOCAL(row);

	err = sealed_find(op->txn, keys, &grave, &row);
	if (err != VAULT_OK && err != VAULT_NOT_FOUND)
		return err;
	row.key = grave;
	return sealed_put(op->change, keys, &row, tombstone_record_type(), &record);
}

enum vault_err
tombstone_last(struct op *op, const struct row_key *place, uint32_t *last)
{
	struct row_key grave = grave_of(place);
	struct tombstone_record record;
	enum vault_err err;
	ROW_LOCAL(row);

	*last = 0;
	err = sealed_find(op->txn, &op->tenant->keys, &grave, &row);
	if (err == VAULT_NOT_FOUND)
		return VAULT_OK;
	TRY(err);
	TRY(record_decode(tombstone_record_type(), row_plain(&row), NULL, &record));
	*last = record.last_version.set ? (uint32_t)record.last_version.v : 0;
	return VAULT_OK;
}
