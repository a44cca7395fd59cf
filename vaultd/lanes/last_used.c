#include "vaultd/core/apikey_used.h"
#include "vaultd/lanes/lanes.h"

#define NS_PER_MS 1000000

static void
written(struct job *job)
{
	job_free(job);
}

/* The committer does it between requests, each part in a commit of its own. */
static void
put_part(struct lanes *lanes, unsigned part)
{
	struct job *job;

	if (vault_state(lanes->vault) != STATE_OPEN)
		return;
	job = job_new(NULL, (struct vault_bytes){ (const uint8_t *)"", 0 }, 0);
	if (job == NULL)
		return;
	job->last_used = job->exclusive = true;
	job->part = part;
	job->done = written;
	if (!job_queue_put(&lanes->commit, job))
		job_free(job);
}

void
lanes_write_last_used(struct lanes *lanes)
{
	/* Asked or not: the keeper, in the middle of its round, took the mark that there is something. */
	put_part(lanes, APIKEY_USED_WINDOWS);
}

void
lanes_tick_last_used(struct lanes *lanes)
{
	int64_t now = clock_monotonic_ns();

	if (lanes->used_part < APIKEY_USED_WINDOWS) {
		put_part(lanes, lanes->used_part++);
		return;
	}
	if (now < lanes->used_due_ns)
		return;
	lanes->used_due_ns = now + APIKEY_USED_FLUSH_MS * (int64_t)NS_PER_MS;
	if (apikey_used_pending(lanes->vault))
		lanes->used_part = 0;
}
