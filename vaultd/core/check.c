#include "vaultd/core/check.h"

#include <string.h>

/* Whether the head's sum of that table is another. */
static bool
differs(const struct store_head *head, const struct store_count *count, int table)
{
	uint8_t bytes[SUM_BYTES];

	sum_write(&count->sums.of[table], bytes);
	return head->sums.len != SUMS_BYTES ||
	       memcmp(bytes, head->sums.p + (size_t)table * SUM_BYTES, SUM_BYTES) != 0;
}

enum vault_err
check_store(struct vault *vault, struct txn *txn, struct store_check *check)
{
	struct work *work = &vault->work[WORK_SLOW];
	struct store_count count = { .cancel = &vault->cancel, .looked_at = &work->done };
	uint64_t entries;
	struct store_head head;
	ROW_LOCAL(row);
	enum vault_err err = vault_find_head(vault, txn, &row, &head);

	if (err == VAULT_NOT_FOUND)
		return VAULT_INTEGRITY;
	TRY(err);
	count.skip_row = row.id;
	TRY(txn_entries(txn, &entries));
	work_tell(work, 0, entries);
	TRY(txn_count(txn, &count));
	*check = (struct store_check){ (uint64_t)head.revision, count.rows, count.entries, { 0 } };
	for (int i = 0; i < TABLE_COUNT; i++)
		check->differs[i] = differs(&head, &count, i);
	return VAULT_OK;
}
