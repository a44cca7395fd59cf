#include "vaultd/dispatch.h"

#define SCRATCH_KEPT 65536
#define SCRATCH_LIMIT (4u << 20) /* what one request may take beyond it */
#define WORK_KEPT 65536

enum vault_err
runner_init(struct runner *runner, struct vault *vault, size_t limit, bool reads)
{
	*runner = (struct runner){ .vault = vault };
	cache_init(&runner->cache, limit);
	for (int i = 0; i < OP_COUNT; i++)
		runner->access[i] = access_of(&op_rows[i]);
	TRY(scratch_init(&runner->scratch, SCRATCH_KEPT, SCRATCH_LIMIT));
	runner->metrics.cache = &runner->cache;
	metrics_add(&vault->metrics, &runner->metrics);
	if (reads)
		TRY(txn_read(vault->store, &runner->txn));
	/* Some wait long for their first request; a snapshot held so long would let the store only grow. */
	runner_rest(runner);
	return VAULT_OK;
}

void
runner_free(struct runner *runner)
{
	runner_forget(runner);
	if (runner->vault != NULL)
		metrics_remove(&runner->vault->metrics, &runner->metrics);
	txn_abort(runner->txn);
	scratch_free(&runner->scratch);
	buf_free(&runner->work);
	audit_batch_free(&runner->audit);
}

enum vault_err
runner_turn(struct runner *runner)
{
	runner->now = clock_read();
	buf_shrink(&runner->work, WORK_KEPT);
	if (runner->ready)
		return VAULT_OK;
	TRY(random_pool_init(&runner->random, runner->vault->arena));
	runner->ready = true;
	return VAULT_OK;
}

void
runner_rest(struct runner *runner)
{
	if (runner->txn != NULL)
		txn_rest(runner->txn);
	runner->snapshot = UINT64_MAX;
}

void
runner_forget(struct runner *runner)
{
	cache_clear(&runner->cache);
	finder_free(&runner->finder);
	policy_release(runner->policy);
	runner->policy = NULL;
	random_pool_free(&runner->random);
	runner->ready = false;
	if (runner->scratch.base != NULL)
		scratch_reset(&runner->scratch, true);
	buf_free(&runner->work);
}
