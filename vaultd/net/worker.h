/*
 * A worker: one thread, one event base, its connections. A turn reads what is ready, runs it to
 * completion, appends one audit block, then writes to each connection once.
 */
#ifndef NET_WORKER_H
#define NET_WORKER_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <pthread.h>

#include "vaultd/lanes/lanes.h"
#include "vaultd/net/balance.h"
#include "vaultd/net/conn.h"
#include "vaultd/net/uids.h"

/* Requests that one turn runs before it writes; what is left runs in the next. */
#define TURN_REPLIES_MAX 16384
#define TURN_LATE_NS 2000000 /* from then on each connection has few requests run in the turn */

/* Where a reply of this turn stands, to be taken back if the turn cannot be audited. */
struct turn_reply {
	struct conn *conn;
	size_t offset; /* in the connection's out, from its first byte held */
	size_t len;
	uint32_t msgid;
	bool audited;
};

struct worker_config {
	size_t cache_limit;
	struct limit_rate uid_rate; /* of each caller's requests, before anything is parsed */
	struct worker *all;	    /* of the server, this one among them */
	unsigned count, regular;    /* how many; and how many of them new connections go to */
};

struct worker {
	struct server *server;
	struct lanes *lanes;
	struct runner runner;
	pthread_t thread;
	struct event_base *base;
	struct event wake;  /* the eventfd below */
	struct event sweep; /* deadlines */
	struct event rest;  /* set while a connection rests */
	int wake_fd;
	struct conn *conns;		/* all */
	struct conn *dirty;		/* got a reply this turn */
	struct conn *watchers;		/* have a subscription */
	struct event_listener listener; /* while there are any */
	bool watch_asked;		/* some of dirty ask for one */
	struct conn *waiting;		/* have whole requests that the turn had no room for */
	struct conn *resting;		/* were refused as limited a moment ago */
	struct conn **table;		/* by the low half of a connection's id; NULL: free */
	size_t table_size;
	uint32_t next_conn;	    /* the high half, so that an id is never used again */
	struct turn_reply *replies; /* TURN_REPLIES_MAX */
	size_t reply_count;
	size_t reply_room; /* how many there may be by now: some are kept for who has waited */
	/* What other threads bring, under the mutex. */
	pthread_mutex_t mutex;
	pthread_cond_t parked_cond;
	struct conn *arrived;
	struct job *done, **done_tail;
	bool park, parked, stop;
	/* The worker's own. */
	bool in_turn;
	uint64_t turn; /* counts them */
	struct limit_rate uid_rate;
	struct balance balance;
	int64_t spin_ns;
	bool stopping;	 /* answers what is in flight, then ends */
	int64_t stop_by; /* milliseconds; whoever does not read its answers by then loses them */
};

MUST_USE enum vault_err worker_start(struct worker *worker, struct server *server,
				     struct lanes *lanes, const struct worker_config *config);
/*
 * From main: waits until the worker has ended its turn, dropped its secrets and stands still; and
 * lets it go on.
 */
void worker_park(struct worker *worker);
void worker_resume(struct worker *worker);
/*
 * From main: tells the worker to answer what is in flight and close every connection; and waits for
 * it.
 */
void worker_stop(struct worker *worker);
void worker_join(struct worker *worker);
void worker_free(struct worker *worker);

/* From any thread: there is something to do. */
void worker_wake(struct worker *worker);
/* Counts a connection that came (1) or went (-1). */
void worker_count(struct worker *worker, int n);
/* For conn.c: begins a turn unless one is under way. */
void worker_turn(struct worker *worker);
/* For conn.c: whether the turn has lasted long. */
bool worker_late(const struct worker *worker);
/* For conn.c: hands a request to another lane; false where it was refused (and answered). */
bool worker_queue(struct worker *worker, struct conn *conn, struct vault_bytes frame,
		  uint32_t msgid, enum verdict verdict);

#endif
