#include "vaultd/core/migrate.h"

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

const char *
migrate_step(uint8_t format)
{
	return steps[format - 1].what;
}

enum vault_err
migrate_store(struct vault *vault, struct txn *txn, uint8_t *from)
{
	uint8_t format;

	TRY(keyring_format(txn, &format));
	*from = format;
	for (; format < STORE_FORMAT; format++)
		TRY(steps[format - 1].run(vault, txn));
	return *from < STORE_FORMAT ? keyring_put_format(txn) : VAULT_OK;
}
