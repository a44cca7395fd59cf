#include "vaultd/core/migrate.h"

#include "vaultd/base/log.h"

struct step {
	enum vault_err (*run)(struct vault *vault, struct txn *txn);
	const char *what;
};

/* From format i + 1 to the next. */
static const struct step steps[STORE_FORMAT - 1] = {
	{ migrate_begin_sums, "sums over its tables" },
};

enum vault_err
migrate_begin_sums(struct vault *vault, struct txn *txn)
{
	struct store_count count = { .skip_row = vault->head_row.id };
	struct store_sums changed = txn_sums(txn);

	TRY(txn_count(txn, &count));
	/* The head's are those of the store as it was committed; a transaction adds its own. */
	for (int i = 0; i < TABLE_COUNT; i++) {
		vault->sums.of[i] = count.sums.of[i];
		sum_subtract(&vault->sums.of[i], &changed.of[i]);
	}
	return VAULT_OK;
}

enum vault_err
migrate_store(struct vault *vault, struct txn *txn, bool *migrated)
{
	uint8_t format;

	TRY(keyring_format(txn, &format));
	*migrated = format < STORE_FORMAT;
	for (; format < STORE_FORMAT; format++) {
		TRY(steps[format - 1].run(vault, txn));
		log_info("the store goes from format %d to %d: %s", format, format + 1,
			 steps[format - 1].what);
	}
	return *migrated ? keyring_put_format(txn) : VAULT_OK;
}
