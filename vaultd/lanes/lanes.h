/*
 * Who runs what besides the workers: the committer owns every write, the slow lane takes what would
 * hold others up, the keeper looks after the audit's files. One thread each.
 */
#ifndef LANES_LANES_H
#define LANES_LANES_H

#include "vaultd/lanes/job.h"

#define COMMIT_GROUP_MAX 256	    /* changes in one commit */
#define COMMIT_BYTES_MAX (4u << 20) /* bytes of requests in one commit */
#define COMMIT_SPACE_MIN (4u << 20) /* free bytes of disk below which nothing is written */
#define KEEPER_PERIOD_MS 50
#define SWEEP_PERIOD_MS 500  /* between looks at backups under way */
#define DUE_PERIOD_MS 1000   /* between runs of what is due, ... */
#define DUE_RUN_MAX 64	     /* ... each of which does at most so much */
#define SWEEP_BESIDE_US 1000 /* what a sweep may take of a group that others wait for, ... */
#define SWEEP_ALONE_US 10000 /* ... and of one of its own */
#define SWEEP_STEPS_MAX 16   /* steps of a group: so it writes fewer pages than a scrub's filler */
#define SWEEP_RETRY_MS 1000  /* until what could not be done is tried again */

struct lanes {
	struct vault *vault;
	struct job_queue commit;
	struct job_queue slow;
	struct runner commit_runner;
	struct runner slow_runner;
	pthread_t committer, slow_lane, keeper;
	pthread_mutex_t keeper_mutex;
	pthread_cond_t keeper_wake;
	int64_t forget_due_ns; /* the keeper: CLOCK_MONOTONIC, of the next round of forgetting */
	bool anchor_failed; /* the keeper: the last write of the anchor did, and the log says so */
	bool keeper_stop;
	int64_t used_due_ns;   /* the keeper: when last uses are to be written next */
	unsigned used_part;    /* likewise: how far it has got; APIKEY_USED_WINDOWS: done */
	int64_t due_again_ms;  /* the keeper: CLOCK_BOOTTIME before which it does not ask again */
	_Atomic bool sweeping; /* a job of it is under way */
	_Atomic int64_t sweep_again_ms; /* CLOCK_BOOTTIME before which there is to be none */
	int64_t sweep_due_ns; /* the keeper: CLOCK_MONOTONIC, of the next look at backups under way */
	bool running;
};

/* cache_limit: bytes of the arena that the cache of each of the two lanes may hold. */
MUST_USE enum vault_err lanes_start(struct lanes *lanes, struct vault *vault, size_t cache_limit);
/* Runs what is queued to its end and joins the threads. */
void lanes_stop(struct lanes *lanes);
/*
 * Waits until the slow lane, then the committer, have nothing to do. Nobody may put jobs meanwhile.
 */
void lanes_drain(struct lanes *lanes);
/* Has the committer write when API keys were last used: before the vault is sealed, or at the end. */
void lanes_write_last_used(struct lanes *lanes);
/* While drained: forgets what the lanes hold of secrets. */
void lanes_forget(struct lanes *lanes);

/* The keeper's share of that: some of it each time, once a minute. */
void lanes_tick_last_used(struct lanes *lanes);

/* The threads' bodies. */
void *committer_main(void *lanes);
void *slow_lane_main(void *lanes);
void *keeper_main(void *lanes);

/* The keeper: asks the committer where something is due. */
void due_look(struct lanes *lanes);
/* The committer: asks the slow lane for an RSA pair for what the entry leads to. */
void due_send(struct lanes *lanes, const struct due_entry *entry, unsigned bits);
/* The slow lane: makes it, and hands the job, which it takes over, to the committer. */
void due_prepare(struct lanes *lanes, struct job *job);

/* The keeper: has the committer go on with what is left to be swept. */
void sweep_look(struct lanes *lanes);
/* The committer, after the group that its job was in. */
enum sweep_next { SWEEP_NOTHING_LEFT, SWEEP_AGAIN_NOW, SWEEP_SCRUB_NOW, SWEEP_TRY_LATER };
void sweep_again(struct lanes *lanes, enum sweep_next next);
/*
 * The committer, in the place of a group: some steps of overwriting free pages, in transactions of
 * the store's own, which no caller sees; behind them the workers let go of snapshots that hold what
 * was freed. Whether it is to go on at once; *ended: it is done.
 */
bool sweep_scrub(struct lanes *lanes, bool *ended);

/* Whether so little of the disk is left that nothing is written. */
bool lanes_disk_full(struct vault *vault);

/* Says on the log what loading the vault found. */
void lanes_tell_findings(const struct vault_opening *opening);
void lanes_tell_migrated(uint8_t format);
/* ... and what a rekey ended with: whether the audit has begun a new segment. */
void lanes_tell_rekeyed(bool begun);

/* One commit: a transaction, and what the audit is to say of it. */
struct commit {
	struct txn *txn; /* taken over where VAULT_OK is answered */
	const struct audit_batch *records;
	int64_t now_ns;
	bool opened; /* the vault was opened in it */
};
/*
 * The order that makes changes durable: audit block, flush, the store with the audit's head. An
 * error means that nothing was recorded or changed; what could not be told ends the process.
 */
MUST_USE enum vault_err lanes_make_durable(struct vault *vault, struct commit *commit);

/*
 * The end of the process: something that must be durable could not be made so, and nobody may be
 * told otherwise.
 */
_Noreturn void lanes_fatal(const char *what);

#endif
