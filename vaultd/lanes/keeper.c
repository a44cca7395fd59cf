#include <errno.h>
#include <time.h>

#include "vaultd/base/clock.h"
#include "vaultd/base/log.h"
#include "vaultd/core/expiry.h"
#include "vaultd/lanes/lanes.h"

static void
wait_period(struct lanes *lanes)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += KEEPER_PERIOD_MS * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000L;
	}
	pthread_cond_timedwait(&lanes->keeper_wake, &lanes->keeper_mutex, &until);
}

static void
own_job_done(struct job *job)
{
	job_free(job);
}

/* A job of the daemon's own, for a commit of its own; NULL when memory is short. */
static struct job *
own_job(void)
{
	struct job *job = job_new(NULL, (struct vault_bytes){ (const uint8_t *)"", 0 }, 0);

	if (job == NULL)
		return NULL;
	job->exclusive = true;
	job->done = own_job_done;
	return job;
}

/* There is an anchor, and the committed head does not say so. */
static bool
anchor_unsaid(struct vault *vault)
{
	struct anchor_status status;

	anchor_status(&vault->anchor, &status);
	return status.there && !atomic_load(&vault->anchored);
}

/*
 * Recovery reads all that lies behind the committed head: let it not fall back by whole segments.
 */
static void
follow_head(struct lanes *lanes)
{
	struct vault *vault = lanes->vault;
	bool unsaid = anchor_unsaid(vault);
	struct audit_status status;
	struct job *job;

	audit_status(vault->audit, &status);
	if (vault_state(vault) != STATE_OPEN || !status.running ||
	    (status.head.segment == atomic_load(&vault->head_segment) && !unsaid))
		return;
	job = own_job();
	if (job == NULL)
		return;
	job->head_only = true;
	atomic_store(&vault->head_segment, status.head.segment);
	if (unsaid)
		atomic_store(&vault->anchored, true);
	if (!job_queue_put(&lanes->commit, job))
		job_free(job);
}

/* So that an older store or audit is noticed, though nobody may look before the next unseal. */
static void
move_anchor(struct lanes *lanes)
{
	struct anchor *anchor = &lanes->vault->anchor;
	int64_t now_ns = clock_read().wall_ns;
	struct audit_status audit;
	bool ok;

	audit_status(lanes->vault->audit, &audit);
	if (!audit.running || !anchor_due(anchor, &audit.flushed, now_ns))
		return;
	ok = anchor_write(anchor, &audit.flushed, now_ns);
	if (!ok && !lanes->anchor_failed)
		log_error("the anchor cannot be written: an older store will not be noticed");
	lanes->anchor_failed = !ok;
}

/* What is due is forgotten also where nobody writes. */
static void
forget_due(struct lanes *lanes)
{
	int64_t now = clock_monotonic_ns();
	struct job *job;

	if (now < lanes->forget_due_ns || vault_state(lanes->vault) != STATE_OPEN)
		return;
	lanes->forget_due_ns = now + EXPIRY_PERIOD_SECONDS * INT64_C(1000000000);
	job = own_job();
	if (job == NULL)
		return;
	job->forget = true;
	if (!job_queue_put(&lanes->commit, job))
		job_free(job);
}

/* Backups whose connection is gone, or idle, hold a snapshot: the slow lane ends them. */
static void
sweep_backups(struct lanes *lanes)
{
	int64_t now = clock_monotonic_ns();
	struct job *job;

	if ((atomic_load(&lanes->vault->backups.count) == 0 &&
	     atomic_load(&lanes->vault->imports.count) == 0) ||
	    now < lanes->sweep_due_ns)
		return;
	lanes->sweep_due_ns = now + SWEEP_PERIOD_MS * INT64_C(1000000);
	job = own_job();
	if (job == NULL)
		return;
	job->sweep = true;
	if (!job_queue_put(&lanes->slow, job))
		job_free(job);
}

void *
keeper_main(void *arg)
{
	struct lanes *lanes = arg;

	struct clock_now now;

	pthread_mutex_lock(&lanes->keeper_mutex);
	while (!lanes->keeper_stop) {
		wait_period(lanes);
		pthread_mutex_unlock(&lanes->keeper_mutex);
		now = clock_read();
		/*
		 * What could not be written is tried again, and who asks is told by then; a failed
		 * flush is the end.
		 */
		if (audit_tick(lanes->vault->audit, now.wall_ns) == VAULT_INTERNAL)
			lanes_fatal("the audit could not be flushed");
		move_anchor(lanes);
		unseal_shares_expire(&lanes->vault->shares, &now);
		follow_head(lanes);
		forget_due(lanes);
		lanes_tick_last_used(lanes);
		due_look(lanes);
		sweep_look(lanes);
		sweep_backups(lanes);
		pthread_mutex_lock(&lanes->keeper_mutex);
	}
	pthread_mutex_unlock(&lanes->keeper_mutex);
	return NULL;
}
