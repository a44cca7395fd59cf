/*
 * The pipeline, once: frame, decode, seal check, policy, suspended, the tenant's limit, handler,
 * audit record, reply.
 * Every lane runs it; what differs is which handlers may run there.
 */
#ifndef VAULTD_DISPATCH_H
#define VAULTD_DISPATCH_H

#include "vaultd/core/due.h"
#include "vaultd/core/finder.h"
#include "vaultd/core/op.h"
#include "vaultd/core/prepared.h"
#include "vaultd/core/session.h"
#include "vaultd/dispatch_record.h"

/* One thread's means of running operations. */
struct runner {
	struct vault *vault;
	struct txn *txn;       /* a read transaction; NULL on the committer */
	uint64_t snapshot;     /* the commit counter before txn took its snapshot */
	struct policy *policy; /* the snapshot followed last; NULL while sealed */
	struct cache cache;
	struct finder finder;
	struct random_pool random;
	struct scratch scratch;
	struct buf work;
	struct audit_batch audit; /* records not yet appended */
	struct clock_now now;	  /* of this turn */
	struct access access[OP_COUNT];
	struct metrics_thread metrics; /* written by the runner's thread */
	enum op_id last_op;	       /* where looking for the next one begins */
	bool ready; /* random has its bytes: not between a seal and the first turn after it */
};

/* limit: bytes of the arena that the runner's cache may hold; reads: with a read transaction. */
MUST_USE enum vault_err runner_init(struct runner *runner, struct vault *vault, size_t limit,
				    bool reads);
void runner_free(struct runner *runner);
/* Reads the clocks; to be called at the start of each turn. VAULT_BUSY where the arena is full. */
MUST_USE enum vault_err runner_turn(struct runner *runner);
/*
 * Lets go of the snapshot, so that it keeps no page from being used again while the thread sleeps.
 */
void runner_rest(struct runner *runner);
/* Forgets everything secret, before the arena is wiped. */
void runner_forget(struct runner *runner);

/* Where a request is being run, and what may run there. */
enum stage { STAGE_WORKER, STAGE_COMMIT, STAGE_SLOW, STAGE_MAIN };

/* What is to become of a request. */
enum verdict {
	VERDICT_DONE,	/* its reply stands in out (none for a notification) */
	VERDICT_CLOSE,	/* likewise, and the connection ends with it */
	VERDICT_COMMIT, /* the committer is to run it, ... */
	VERDICT_ALONE,	/* ... in a commit of its own */
	VERDICT_SLOW,	/* the slow lane is to run it, or its first part */
	VERDICT_MAIN,	/* the main thread is to */
	VERDICT_HOLD,	/* it is to be run again once nothing else of its connection is under way */
};

/* A request on its way. */
struct call {
	struct session *session;
	struct vault_bytes frame; /* one whole message */
	struct buf *out;	  /* the reply is appended here */
	enum stage stage;
	bool alone;		       /* nothing else of its connection is under way */
	struct change *change;	       /* on the committer */
	struct vault_opening *opening; /* from the slow lane on: sys.init and sys.unseal */
	struct prepared *prepared;     /* likewise, of others; NULL on a worker */
	/* Set by dispatch. */
	uint32_t msgid;
	struct op_effects effects;
	enum vault_err result;
	bool secret;			   /* frame or reply hold what must be wiped */
	bool audited;			   /* a record of it was added to the runner's batch */
	bool barrier;			   /* nothing else of its connection may run meanwhile */
	struct subscription *subscription; /* what the connection is to be told from now on; the
					      caller's to free. NULL: as before */
};

/* Something that is due, on its way. */
struct due_call {
	const struct due_entry *entry;
	struct change *change;
	struct prepared *prepared;
	/* Set by dispatch. */
	struct op_effects effects;
	enum vault_err result;
	unsigned wants_bits; /* of an RSA pair, which is to be prepared first; 0: none */
};
/*
 * On the committer: does what the entry leads to and records it as the daemon's own. Where it
 * fails its change is to be forgotten, and dispatch_due_failed to be called in another.
 */
void dispatch_due(struct runner *runner, struct due_call *call);
void dispatch_due_failed(struct runner *runner, struct due_call *call);
/* The first that is due behind the tag; as due_next. */
MUST_USE enum vault_err dispatch_due_next(struct runner *runner, struct txn *txn,
					  const uint8_t *after, struct due_entry *entry);

/* A step of the work that is left in the background, on its way. */
struct sweep_call {
	struct change *change;
	/* Set by dispatch. */
	struct op_effects effects;
	enum vault_err result;
	bool more;  /* there is something left to be done ... */
	bool rest;  /* ... but not in this group */
	bool scrub; /* free pages are to be overwritten next */
};
/* On the committer: does it, and records what came to its end as the daemon's own. */
void dispatch_sweep(struct runner *runner, struct sweep_call *call);

enum verdict dispatch_run(struct runner *runner, struct call *call);

/*
 * A reply "limited" to a frame that is not looked at further: its msgid is read, and nothing else
 * of it. Without memory for it the request stays unanswered.
 */
void dispatch_limited(struct buf *out, uint32_t msgid, int64_t retry_ms);

/*
 * On the committer: runs a task of the daemon's own with what an operation has. Nobody asked for it,
 * so it is neither audited nor answered.
 */
MUST_USE enum vault_err dispatch_own(struct runner *runner, struct change *change,
				     enum vault_err (*task)(struct op *op, unsigned part),
				     unsigned part);

/*
 * A reply that says why, for what never came to run: the queue was full, or the audit could not be
 * written. Without memory for it the request stays unanswered, and out as it was.
 */
void dispatch_refuse(struct buf *out, uint32_t msgid, enum vault_err err, const char *message);

#endif
