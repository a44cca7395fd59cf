/*
 * Work in the background: the keeper begins it, and the committer asks itself again as long as there
 * is more. Its job takes its turn in the queue, so that it shares groups with what callers wait for.
 */
#include "vaultd/base/clock.h"
#include "vaultd/lanes/lanes.h"

static void
put(struct lanes *lanes)
{
	struct job *job = job_new(NULL, (struct vault_bytes){ (const uint8_t *)"", 0 }, 0);

	atomic_store(&lanes->sweeping, job != NULL);
	if (job == NULL)
		return;
	job->background = true;
	job->done = job_free;
	if (job_queue_put(&lanes->commit, job))
		return;
	job_free(job);
	atomic_store(&lanes->sweeping, false);
}

void
sweep_look(struct lanes *lanes)
{
	if (!atomic_load(&lanes->vault->sweep) || atomic_load(&lanes->sweeping) ||
	    vault_state(lanes->vault) != STATE_OPEN ||
	    clock_read().boot_ms < atomic_load(&lanes->sweep_again_ms))
		return;
	put(lanes);
}

void
sweep_again(struct lanes *lanes, enum sweep_next next)
{
	if (next == SWEEP_AGAIN_NOW && vault_state(lanes->vault) == STATE_OPEN) {
		put(lanes);
		return;
	}
	if (next == SWEEP_TRY_LATER)
		atomic_store(&lanes->sweep_again_ms, clock_read().boot_ms + SWEEP_RETRY_MS);
	atomic_store(&lanes->sweeping, false);
}
