/*
 * Work in the background: the keeper begins it, and the committer asks itself again as long as there
 * is more. Its job takes its turn in the queue, so that it shares groups with what callers wait for.
 */
#include "vaultd/base/clock.h"
#include "vaultd/lanes/lanes.h"

static void
put(struct lanes *lanes, bool scrub)
{
	struct job *job = job_new(NULL, (struct vault_bytes){ (const uint8_t *)"", 0 }, 0);

	atomic_store(&lanes->sweeping, job != NULL);
	if (job == NULL)
		return;
	job->background = !scrub;
	job->scrub = job->exclusive = scrub;
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
	put(lanes, false);
}

void
sweep_again(struct lanes *lanes, enum sweep_next next)
{
	struct work *work = &lanes->vault->work[WORK_SWEEP];

	if (next != SWEEP_NOTHING_LEFT)
		atomic_store(&lanes->vault->sweep, true);
	if ((next == SWEEP_AGAIN_NOW || next == SWEEP_SCRUB_NOW) &&
	    vault_state(lanes->vault) == STATE_OPEN) {
		if (next == SWEEP_SCRUB_NOW)
			work_end(work);
		put(lanes, next == SWEEP_SCRUB_NOW);
		return;
	}
	if (next == SWEEP_TRY_LATER)
		atomic_store(&lanes->sweep_again_ms, clock_read().boot_ms + SWEEP_RETRY_MS);
	work_end(work);
	atomic_store(&lanes->sweeping, false);
}

bool
sweep_scrub(struct lanes *lanes, bool *ended)
{
	int64_t until = clock_monotonic_ns() + SWEEP_ALONE_US * INT64_C(1000);
	struct vault *vault = lanes->vault;
	enum vault_err err = VAULT_OK;

	*ended = false;
	if (vault_state(vault) != STATE_OPEN || lanes_disk_full(vault))
		return false;
	if (vault->scrub.phase == SCRUB_IDLE)
		vault->scrub_from = vault->revision;
	while (err == VAULT_OK && !*ended && clock_monotonic_ns() < until)
		err = store_scrub(vault->store, &vault->scrub, ended);
	if (err == VAULT_INTERNAL)
		lanes_fatal("the store could not commit");
	atomic_fetch_add_explicit(&vault->commits, 1, memory_order_release);
	if (*ended)
		vault->scrubbed = vault->scrub_from;
	return !*ended && err == VAULT_OK;
}
