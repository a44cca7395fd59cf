#include "vaultd/core/imports.h"
#include "vaultd/lanes/lanes.h"

#define SLOW_BATCH 1 /* one at a time: a passphrase costs 64 MiB and a second */

/* The record of what ran here, before its reply. */
static void
append_record(struct runner *runner, struct job *job)
{
	enum vault_err err = sealed_log_record(&runner->vault->sealed_log, runner->vault->audit,
					       &runner->audit, runner->now.wall_ns, NULL);

	audit_batch_reset(&runner->audit);
	if (err != VAULT_OK)
		job_refuse(job, VAULT_AUDIT_UNAVAILABLE, NULL);
}

static void
run_slow(struct lanes *lanes, struct job *job)
{
	struct runner *runner = &lanes->slow_runner;
	enum verdict verdict;
	struct call call = {
		.session = job->session,
		.frame = { job->frame, job->frame_len },
		.out = &job->reply,
		.stage = STAGE_SLOW,
		.opening = &job->opening,
		.prepared = &job->prepared,
	};

	/* Whoever asks for much and leaves shall not keep those who stay waiting. */
	if (job->session != NULL && atomic_load(&job->session->gone)) {
		job->done(job);
		return;
	}
	if (runner_turn(runner) != VAULT_OK) {
		job_refuse(job, VAULT_BUSY, NULL);
		job->done(job);
		return;
	}
	verdict = dispatch_run(runner, &call);
	work_end(&lanes->vault->work[WORK_SLOW]);
	if (verdict == VERDICT_COMMIT || verdict == VERDICT_ALONE) {
		job->exclusive = verdict == VERDICT_ALONE;
		if (job_queue_put(&lanes->commit, job))
			return;
		job_refuse(job, VAULT_BUSY, NULL);
	}
	pkey_pair_free(&job->prepared.pair);
	append_record(runner, job);
	job->done(job);
}

/*
 * Being sealed, all of them end with the vault, on the main thread: it waits for what began before,
 * and the keeper may ask for another one behind that.
 */
static void
sweep_backups(struct lanes *lanes, struct job *job)
{
	struct clock_now now = clock_read();

	if (vault_state(lanes->vault) == STATE_OPEN) {
		backups_sweep(&lanes->vault->backups, &now);
		imports_sweep(lanes->vault, &now);
	}
	job->done(job);
}

void *
slow_lane_main(void *arg)
{
	struct lanes *lanes = arg;
	struct job *job;

	while ((job = job_queue_take(&lanes->slow, SLOW_BATCH, 0)) != NULL) {
		if (job->due)
			due_prepare(lanes, job);
		else if (job->sweep)
			sweep_backups(lanes, job);
		else
			run_slow(lanes, job);
		runner_rest(&lanes->slow_runner);
		job_queue_ended(&lanes->slow, 1);
	}
	return NULL;
}
