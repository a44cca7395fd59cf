/*
 * The committer: one thread owns all writes. It runs what is queued, each change in a child
 * transaction, as one group: the group's audit block is appended and flushed, then the store
 * commits with the audit's head, then replies leave.
 */
#include <inttypes.h>

#include "vaultd/base/log.h"
#include "vaultd/core/due.h"
#include "vaultd/core/rekey.h"
#include "vaultd/dispatch_watch.h"
#include "vaultd/lanes/group.h"

static void
refuse_all(struct group *group, enum vault_err err)
{
	struct clock_now now = clock_read();

	watch_trouble(group->vault, err, &now);
	for (struct job *job = group->jobs; job != NULL; job = job->next)
		job_refuse(job, err, NULL);
}

enum vault_err
group_begin_change(struct group *group, struct change *change)
{
	struct txn *child;

	TRY(txn_child(group->txn, &child));
	change_start(change, child);
	return VAULT_OK;
}

void
group_end_change(struct group *group, struct change *change, const struct call *call)
{
	bool kept = call->result == VAULT_OK || call->effects.keep;

	if (!kept || change->count == 0) {
		bool opened = call->result == VAULT_OK && call->effects.opened;

		txn_abort(change->txn);
		group->opened |= opened;
		group->wrote |= opened;
		return;
	}
	if (txn_commit(change->txn) != VAULT_OK)
		lanes_fatal("a change could not be added to its group");
	group->effects[group->changed++] = call->effects;
	group->created += call->effects.tenant_created;
	group->removed += call->effects.tenant_removed;
	group->policy_changed |= call->effects.policy_changed;
	group->opened |= call->effects.opened;
	group->wrote = true;
}

static void
run_job(struct group *group, struct job *job)
{
	struct call call = {
		.session = job->session,
		.frame = { job->frame, job->frame_len },
		.out = &job->reply,
		.stage = STAGE_COMMIT,
		.opening = &job->opening,
		.prepared = &job->prepared,
	};
	struct change change;
	enum vault_err err;

	if (group_run_own(group, job))
		return;
	err = group_begin_change(group, &change);
	if (err != VAULT_OK) {
		job_refuse(job, err, NULL);
		return;
	}
	call.change = &change;
	if (dispatch_run(&group->lanes->commit_runner, &call) != VERDICT_DONE) {
		call.result = VAULT_BUSY;
		job_refuse(job, VAULT_BUSY, NULL);
	}
	job->result = call.result;
	lanes_tell_findings(&job->opening);
	/* Done with here: by the time its worker frees the job the arena may have been wiped. */
	pkey_pair_free(&job->prepared.pair);
	vault_opening_free(&job->opening);
	group_end_change(group, &change, &call);
}

/* A vault that was opened by a group which then failed is as sealed as before. */
static void
undo_opening(struct group *group)
{
	struct audit_head head;

	if (!group->opened)
		return;
	runner_forget(&group->lanes->commit_runner);
	if (audit_stop(group->vault->audit, &head) == VAULT_INTERNAL)
		lanes_fatal("the audit could not be flushed");
	vault_forget(group->vault);
}

/*
 * Everything that may refuse comes before the audit tells of the change; from there on only the
 * disk can fail.
 */
enum vault_err
lanes_make_durable(struct vault *vault, struct commit *commit)
{
	struct audit_status status;
	struct audit_head head;
	uint64_t dropped = 0;

	audit_status(vault->audit, &status);
	/*
	 * Written once beforehand, the head's page is there to be written again whatever the disk
	 * has left.
	 */
	TRY(vault_put_head(vault, commit->txn, &status.head));
	if (commit->opened)
		TRY(sealed_log_flush(&vault->sealed_log, vault->audit, commit->now_ns, &dropped));
	if (dropped > 0)
		log_warning("%" PRIu64 " requests made while sealed are not in the audit", dropped);
	head = status.head;
	if (audit_batch_count(commit->records) > 0)
		TRY(audit_append(vault->audit, commit->records, AUDIT_CHANGES, commit->now_ns,
				 &head));
	if (audit_flush(vault->audit, &head) != VAULT_OK)
		lanes_fatal("the audit could not be flushed");
	if (vault_put_head(vault, commit->txn, &head) != VAULT_OK)
		lanes_fatal("the store's head could not be written");
	if (txn_commit(commit->txn) != VAULT_OK)
		lanes_fatal("the store could not commit");
	commit->txn = NULL;
	vault_committed(vault, &head);
	/* Where this fails the keeper tries again, and sys.status tells. */
	if (commit->opened)
		anchor_write(&vault->anchor, &head, commit->now_ns);
	return VAULT_OK;
}

static enum vault_err
make_durable(struct group *group)
{
	struct runner *runner = &group->lanes->commit_runner;
	struct commit commit = { .txn = group->txn,
				 .records = &runner->audit,
				 .now_ns = runner->now.wall_ns,
				 .opened = group->opened };
	enum vault_err err;

	atomic_fetch_add(&group->vault->tenant_count, group->created - group->removed);
	if (group->policy_changed)
		TRY(policy_load(group->txn, &group->vault->keyring.store, &group->policy));
	TRY(due_first(group->txn, &group->due_next));
	err = lanes_make_durable(group->vault, &commit);
	group->txn = commit.txn;
	return err;
}

/*
 * Commits are counted before generations, so that who sees a new generation also sees that its
 * snapshot is old.
 */
static void
publish(struct group *group)
{
	atomic_fetch_add_explicit(&group->vault->commits, 1, memory_order_release);
	lanes_tell_rekeyed(vault_rekeyed(group->vault, group->lanes->commit_runner.now.wall_ns));
	atomic_store(&group->vault->due_next, group->due_next);
	if (group->policy != NULL)
		policy_publish(&group->vault->policy, group->policy);
	group->policy = NULL;
	for (unsigned i = 0; i < group->changed; i++) {
		const struct op_effects *effects = &group->effects[i];

		if (effects->touched != NULL)
			atomic_fetch_add_explicit(&effects->touched->generation, 1,
						  memory_order_release);
		if (effects->reserved_slot != NULL &&
		    effects->reserved > atomic_load(&effects->reserved_slot->reserved))
			atomic_store_explicit(&effects->reserved_slot->reserved, effects->reserved,
					      memory_order_release);
		if (effects->drilled_at > atomic_load(&group->vault->last_drill))
			atomic_store(&group->vault->last_drill, effects->drilled_at);
		if (effects->backup_at > atomic_load(&group->vault->last_backup))
			atomic_store(&group->vault->last_backup, effects->backup_at);
		/* Its connection waits for the reply, and nobody else looks at it. */
		if (effects->mfa_session != NULL)
			effects->mfa_session->mfa_until_ms = effects->mfa_until_ms;
		if (effects->secret.event != secret_event_none)
			watch_secret(group->vault, &effects->secret,
				     &group->lanes->commit_runner.now);
		if (effects->told != event_kind_none)
			watch_tenant(group->vault, effects->told, effects->told_tenant,
				     &group->lanes->commit_runner.now);
		if (effects->sweep)
			atomic_store(&group->vault->sweep, true);
	}
	if (group->opened)
		atomic_store_explicit(&group->vault->state, STATE_OPEN, memory_order_release);
	/* It went alone, so the group's only request is the one that opened it. */
	if (group->opened && group->jobs != NULL)
		watch_state(group->vault, event_kind_unsealed, group->jobs->session,
			    &group->lanes->commit_runner.now);
}

static void
commit_group(struct group *group)
{
	enum vault_err err = make_durable(group);

	if (err == VAULT_OK) {
		publish(group);
		return;
	}
	group->failed = true;
	atomic_fetch_sub(&group->vault->tenant_count, group->created - group->removed);
	policy_release(group->policy);
	/* It may hold what the transaction made, and nobody will ever find. */
	cache_clear(&group->lanes->commit_runner.cache);
	undo_opening(group);
	refuse_all(group, err == VAULT_INTERNAL ? VAULT_AUDIT_UNAVAILABLE : err);
}

/* Nothing was changed, but what was asked is recorded before it is answered. */
static void
record_group(struct group *group)
{
	struct runner *runner = &group->lanes->commit_runner;

	if (sealed_log_record(&group->vault->sealed_log, group->vault->audit, &runner->audit,
			      runner->now.wall_ns, NULL) != VAULT_OK)
		refuse_all(group, VAULT_AUDIT_UNAVAILABLE);
}

bool
lanes_disk_full(struct vault *vault)
{
	uint64_t free_bytes = 0;

	return store_free_space(vault->store, &free_bytes) != VAULT_OK ||
	       free_bytes < COMMIT_SPACE_MIN;
}

static void
run_group(struct group *group)
{
	struct runner *runner = &group->lanes->commit_runner;
	enum vault_err err;

	if (group->jobs->scrub) {
		group->scrub = sweep_scrub(group->lanes, &group->sweep_more);
		return;
	}
	/*
	 * The keeper may ask while the vault is being sealed: then nothing here may be touched any
	 * more.
	 */
	if ((group->jobs->head_only || group->jobs->last_used || group->jobs->forget ||
	     group->jobs->due) &&
	    vault_state(group->vault) != STATE_OPEN)
		return;
	err = lanes_disk_full(group->vault) ? VAULT_STORAGE_FULL : runner_turn(runner);
	if (err == VAULT_OK)
		watch_clock(group->vault, &runner->now);

	if (err == VAULT_OK)
		err = txn_write(group->vault->store, &group->txn);
	if (err != VAULT_OK) {
		refuse_all(group, err);
		return;
	}
	for (struct job *job = group->jobs; job != NULL; job = job->next)
		run_job(group, job);
	if (group->wrote)
		commit_group(group);
	else
		record_group(group);
	txn_abort(group->txn);
	atomic_store(&group->vault->backups.held, false);
	vault_rekey_drop(group->vault);
	audit_batch_reset(&runner->audit);
}

static enum sweep_next
next_sweep(const struct group *group)
{
	if (group->failed || (!group->sweep_more && !group->sweep_ended && !group->scrub))
		return SWEEP_TRY_LATER;
	if (group->scrub)
		return SWEEP_SCRUB_NOW;
	return group->sweep_more ? SWEEP_AGAIN_NOW : SWEEP_NOTHING_LEFT;
}

void *
committer_main(void *arg)
{
	struct lanes *lanes = arg;
	struct job *jobs;

	while ((jobs = job_queue_take(&lanes->commit, COMMIT_GROUP_MAX, COMMIT_BYTES_MAX)) !=
	       NULL) {
		struct group group = { .lanes = lanes, .vault = lanes->vault, .jobs = jobs };

		for (struct job *job = jobs; job != NULL; job = job->next) {
			group.n++;
			group.sweeps |= job->background || job->scrub;
		}
		metrics_group(&lanes->vault->metrics, group.n);
		run_group(&group);
		if (group.sweeps)
			sweep_again(lanes, next_sweep(&group));
		while (jobs != NULL) {
			struct job *job = jobs;

			jobs = job->next;
			job->done(job);
		}
		job_queue_ended(&lanes->commit, group.n);
	}
	return NULL;
}
