/*
 * What the committer does by itself, in the place of a request: what is due, the steps of a sweep,
 * what expired, when API keys were last used. Each in changes of its own in the group.
 */
#include <string.h>

#include "vaultd/core/apikey_used.h"
#include "vaultd/core/due.h"
#include "vaultd/core/expiry.h"
#include "vaultd/lanes/group.h"

/* A task of the daemon's own, as a change of its own in the group; what fails is left undone. */
static void
run_task(struct group *group, enum vault_err (*task)(struct op *op, unsigned part), unsigned part)
{
	struct change change;

	if (group_begin_change(group, &change) != VAULT_OK)
		return;
	if (dispatch_own(&group->lanes->commit_runner, &change, task, part) != VAULT_OK ||
	    change.count == 0) {
		txn_abort(change.txn);
		return;
	}
	if (txn_commit(change.txn) != VAULT_OK)
		lanes_fatal("a change could not be added to its group");
	group->wrote = true;
}

/* When API keys were last used: lost rather than waited for where it cannot be written. */
static void
run_last_used(struct group *group, const struct job *job)
{
	unsigned part = job->part, end = part + 1;

	if (part >= APIKEY_USED_WINDOWS) {
		part = 0;
		end = APIKEY_USED_WINDOWS;
	}
	for (; part < end; part++)
		run_task(group, apikey_used_flush, part);
}

static void
keep_due(struct group *group, struct change *change, const struct due_call *call)
{
	struct call ended = { .result = call->result, .effects = call->effects };

	group_end_change(group, change, &ended);
}

/* One entry, in a change of its own; one that fails is looked at again later. */
static bool
run_entry(struct group *group, struct job *job, const struct due_entry *entry)
{
	struct runner *runner = &group->lanes->commit_runner;
	struct due_call call = { .entry = entry, .prepared = &job->prepared };
	struct change change;

	if (group_begin_change(group, &change) != VAULT_OK)
		return false;
	call.change = &change;
	dispatch_due(runner, &call);
	keep_due(group, &change, &call);
	if (call.result == VAULT_OK) {
		if (call.wants_bits != 0)
			due_send(group->lanes, entry, call.wants_bits);
		return true;
	}
	if (group_begin_change(group, &change) != VAULT_OK)
		return false;
	dispatch_due_failed(runner, &call);
	keep_due(group, &change, &call);
	return call.result == VAULT_OK;
}

/* In the order of time, so that what was missed longest comes first. */
static void
run_due(struct group *group, struct job *job)
{
	struct runner *runner = &group->lanes->commit_runner;
	struct due_entry entry = { .target = job->due_target };
	uint8_t after[ROW_TAG_BYTES] = { 0 };

	if (job->due_target.kind != 0) {
		(void)run_entry(group, job, &entry);
		return;
	}
	for (unsigned i = 0; i < DUE_RUN_MAX; i++) {
		enum vault_err err = dispatch_due_next(runner, group->txn, after, &entry);

		if (err != VAULT_OK && err != VAULT_INTEGRITY)
			return;
		memcpy(after, entry.place.tag, sizeof after);
		if (err == VAULT_OK && !run_entry(group, job, &entry))
			return;
	}
}

/*
 * One step, in a change of its own; false where the group is not to hold another: also behind one
 * that has effects, so that there is one at most.
 */
static bool
run_step(struct group *group)
{
	unsigned before = group->changed;
	struct sweep_call call = { 0 };
	struct call ended = { 0 };
	struct change change;

	if (group_begin_change(group, &change) != VAULT_OK)
		return false;
	call.change = &change;
	dispatch_sweep(&group->lanes->commit_runner, &call);
	ended = (struct call){ .result = call.result, .effects = call.effects };
	group_end_change(group, &change, &ended);
	group->sweep_more = call.result == VAULT_OK && call.more;
	group->scrub = call.result == VAULT_OK && call.scrub;
	group->sweep_ended = call.result == VAULT_OK && !call.more && !call.scrub;
	/* A step without effects leaves its place among them to the next. */
	if (call.effects.touched != NULL || call.effects.told != event_kind_none)
		return false;
	group->changed = before;
	return group->sweep_more && !call.rest && ++group->steps < SWEEP_STEPS_MAX;
}

static void
run_sweep(struct group *group)
{
	int64_t until = clock_monotonic_ns() +
			(group->n > 1 ? SWEEP_BESIDE_US : SWEEP_ALONE_US) * INT64_C(1000);

	if (vault_state(group->vault) != STATE_OPEN)
		return;
	/* Before it looks: what comes to be wanted while it does must not be forgotten with it. */
	atomic_store(&group->vault->sweep, false);
	while (run_step(group) && clock_monotonic_ns() < until)
		;
}

bool
group_run_own(struct group *group, struct job *job)
{
	if (job->head_only)
		group->wrote = true;
	else if (job->forget)
		run_task(group, expiry_sweep, EXPIRY_SWEEP_JOB);
	else if (job->last_used)
		run_last_used(group, job);
	else if (job->due)
		run_due(group, job);
	else if (job->background)
		run_sweep(group);
	else
		return false;
	return true;
}
