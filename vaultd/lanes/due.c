/*
 * The schedule's way through the lanes: the keeper sees that something is due and asks the
 * committer, which does it, or asks the slow lane first for a key that takes long to make.
 */
#include "vaultd/base/clock.h"
#include "vaultd/lanes/lanes.h"

static struct job *
due_job(void)
{
	struct job *job = job_new(NULL, (struct vault_bytes){ (const uint8_t *)"", 0 }, 0);

	if (job == NULL)
		return NULL;
	job->due = job->exclusive = true;
	job->done = job_free;
	return job;
}

static void
put(struct job_queue *queue, struct job *job)
{
	if (job != NULL && !job_queue_put(queue, job))
		job_free(job);
}

void
due_look(struct lanes *lanes)
{
	struct vault *vault = lanes->vault;
	struct clock_now now = clock_read();

	if (now.wall < atomic_load(&vault->due_next) || now.boot_ms < lanes->due_again_ms ||
	    vault_state(vault) != STATE_OPEN)
		return;
	lanes->due_again_ms = now.boot_ms + DUE_PERIOD_MS;
	put(&lanes->commit, due_job());
}

void
due_send(struct lanes *lanes, const struct due_entry *entry, unsigned bits)
{
	struct job *job = due_job();

	if (job == NULL)
		return;
	job->due_target = entry->target;
	job->due_bits = bits;
	put(&lanes->slow, job);
}

void
due_prepare(struct lanes *lanes, struct job *job)
{
	const struct pkey_wanted wanted = { PKEY_RSA, job->due_bits, &lanes->vault->cancel };

	/* Sealed meanwhile, or no memory: its entry stands, to be tried again. */
	if (vault_state(lanes->vault) == STATE_OPEN &&
	    pkey_generate(&wanted, lanes->vault->arena, &job->prepared.pair) == VAULT_OK)
		put(&lanes->commit, job);
	else
		job_free(job);
}
