/*
 * What the committer makes one commit of. Its thread only.
 */
#ifndef LANES_GROUP_H
#define LANES_GROUP_H

#include "vaultd/lanes/lanes.h"

struct group {
	struct lanes *lanes;
	struct vault *vault;
	struct txn *txn;
	struct job *jobs;
	struct op_effects effects[COMMIT_GROUP_MAX + 1]; /* of each job, and of the sweep's step */
	unsigned n;					 /* jobs */
	unsigned changed;				 /* entries of effects */
	bool wrote;
	bool opened;
	uint64_t created; /* tenants */
	uint64_t removed; /* likewise */
	bool policy_changed;
	struct policy *policy; /* what the group made of it */
	int64_t due_next;      /* when something is due next, with what the group changed */
	bool sweeps;	       /* a job of the sweep is in it, ... */
	bool sweep_more;       /* ... which has something left, ... */
	bool sweep_ended;      /* ... or has not */
	bool scrub;	       /* free pages are to be overwritten next */
	unsigned steps;	       /* of the sweep */
	bool failed;
};

/* Begins a change of its own in the group; group_end_change ends it. */
MUST_USE enum vault_err group_begin_change(struct group *group, struct change *change);
/* Keeps a change that went well, forgets one that did not. */
void group_end_change(struct group *group, struct change *change, const struct call *call);
/* Runs a job of the daemon's own; false where it is a request. */
bool group_run_own(struct group *group, struct job *job);

#endif
