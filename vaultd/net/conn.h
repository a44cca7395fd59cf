/*
 * A connection, owned by one worker. Its requests are read, run and answered here; what other lanes
 * run comes back by its id, so that a reply to a connection that is gone finds nobody.
 */
#ifndef NET_CONN_H
#define NET_CONN_H

#include <event2/event_struct.h>

#include "protocol/fields.h"
#include "protocol/frame.h"
#include "protocol/scan.h"
#include "vaultd/lanes/job.h"

#define CONN_UNSENT_MAX                                                                            \
	(1u << 20) /* bytes of unsent replies at which a connection is neither read nor run */
#define CONN_IN_FLIGHT_BYTES_MAX (4u << 20) /* bytes of requests in other lanes */
#define CONN_READ_BYTES 65536		    /* read at a time */
#define CONN_UNRUN_MAX                                                                             \
	(256u << 10)	      /* bytes of whole requests that wait, beyond which none is read */
#define CONN_KEEP_BYTES 65536 /* of an emptied buffer */
#define CONN_DRAIN_BYTES_MAX                                                                       \
	(8u << 20) /* thrown away behind an error, so that the peer gets to read it */
#define CONN_DRAIN_MS 1000
#define CONN_QUANTUM 64	    /* requests of one connection in a turn, before others get theirs */
#define CONN_QUANTUM_LATE 4 /* the same once the turn is late */

struct worker;
struct uid_place;

struct conn {
	struct conn *next, *prev;
	struct conn *next_dirty, *next_waiting, *next_resting;
	struct worker *worker;
	uint64_t id;
	int fd;
	struct session *session;
	struct subscription *watch;	  /* what it is told of; NULL: nothing */
	struct subscription *watch_asked; /* asked for in this turn */
	struct conn *next_watcher, *prev_watcher;
	struct uid_place *uid; /* the caller's, shared with its other connections */
	struct event readable, writable;
	struct buf in, out;
	struct buf rebuilt; /* out again, while a turn that cannot be audited is taken back */
	struct scan scan;   /* of the message at the front of in */
	int64_t partial_since; /* milliseconds; when the message at the front began to arrive; 0: none is partial */
	int64_t drain_until; /* milliseconds; 0: not draining */
	size_t drained;
	uint64_t turn;	    /* of the worker, in which ... */
	unsigned ran;	    /* ... so many requests were run */
	unsigned in_flight; /* requests in other lanes */
	size_t in_flight_bytes;
	bool held;		     /* the request at the front waits until nothing is in flight */
	bool alone;		     /* what is in flight lets nothing else run */
	bool held_once;		     /* it was, and was counted then */
	bool dirty, queued, resting; /* in the worker's lists */
	bool reading;		     /* the read event is set */
	bool eof;		     /* the peer sends no more */
	bool ending;		     /* no more requests; closed once its replies are sent */
	bool dead;		     /* to be closed at the turn's end */
	bool secret;		     /* out holds what must be wiped once it is sent */
};

/* Starts reading; the worker's thread. */
void conn_start(struct conn *conn);
/*
 * Runs the whole requests that have arrived, as far as limits allow: a quantum each turn, and none
 * behind one that was refused as limited until the connection has rested, so that what a limit
 * refuses costs others next to nothing.
 */
void conn_run(struct conn *conn);
/* A lane ended a request. */
void conn_answer(struct conn *conn, struct job *job);
/* Appends a notification (NULL: it could not be made); closes who does not read them. */
void conn_notify(struct conn *conn, const struct buf *notification);
/* Sends what it can. */
void conn_flush(struct conn *conn);
/* Whether it can go to another worker now, between two turns. */
bool conn_may_leave(const struct conn *conn);
/* Takes it out of all that its worker has; what has arrived of it stays with it. */
void conn_leave(struct conn *conn);
/* Closes and frees; and one that no worker has yet, or has any more. */
void conn_close(struct conn *conn);
void conn_free(struct conn *conn);
/* The rest is over: what waits is run again. */
void conn_wake(struct conn *conn);
/* Ends the connection if a deadline has passed. */
void conn_check_deadlines(struct conn *conn, int64_t now_ms);
/* Whether nothing of it is under way. */
bool conn_idle(const struct conn *conn);

#endif
