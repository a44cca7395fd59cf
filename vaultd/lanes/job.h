/*
 * A request that left its connection's thread, and the queues that such requests wait in.
 */
#ifndef LANES_JOB_H
#define LANES_JOB_H

#include <pthread.h>

#include "vaultd/dispatch.h"

struct job {
	struct job *next;
	/* Called once, by the lane that ends it; takes the job over. */
	void (*done)(struct job *job);
	void *owner;		 /* the worker it came from; NULL for the daemon's own */
	uint64_t conn;		 /* the connection's id there */
	struct session *session; /* held; NULL for the daemon's own */
	uint8_t *frame;		 /* a copy, wiped when freed */
	size_t frame_len;
	struct buf reply;
	uint32_t msgid;
	struct vault_opening opening;
	struct prepared prepared;
	bool exclusive;		   /* a commit of its own */
	bool head_only;		   /* the daemon's own: commit where the audit has got to */
	bool forget;		   /* likewise: remove rows whose time has come */
	bool last_used;		   /* the daemon's own: write when API keys were last used ... */
	unsigned part;		   /* ... this part of it, or all from APIKEY_USED_WINDOWS on */
	bool background;	   /* the daemon's own: a turn of what is left to be swept */
	bool scrub;		   /* likewise: overwrite free pages */
	bool due;		   /* the daemon's own: do what is due */
	struct row_key due_target; /* of it, only this record's; kind 0: all */
	unsigned due_bits;	   /* on the slow lane: prepare an RSA pair of that size for it */
	bool sweep; /* the daemon's own, on the slow lane: end backups that nobody reads */
	enum vault_err result;
};

/* A copy of the frame, and a reference to the session (which may be NULL); NULL when memory is short. */
struct job *job_new(struct session *session, struct vault_bytes frame, uint32_t msgid);
void job_free(struct job *job);
/* Replaces the job's reply by an error. */
void job_refuse(struct job *job, enum vault_err err, const char *message);

/* Bytes of frames that one queue holds; beyond it requests are refused as busy. */
#define QUEUE_BYTES_MAX (64u << 20)

struct job_queue {
	pthread_mutex_t mutex;
	pthread_cond_t filled;	/* there is a job, or the queue was closed */
	pthread_cond_t drained; /* nothing waits and nothing runs */
	struct job *head, *tail;
	size_t bytes;
	unsigned running; /* jobs taken and not yet ended */
	bool closed;
};
void job_queue_init(struct job_queue *queue);
/* False, with the job still the caller's, when the queue is full or closed. */
bool job_queue_put(struct job_queue *queue, struct job *job);
/*
 * Waits for jobs and takes a list of them: at most max, at most bytes of frames (one job always),
 * an exclusive one alone. NULL once the queue is closed and empty.
 */
struct job *job_queue_take(struct job_queue *queue, unsigned max, size_t bytes);
/* Tells that n jobs that were taken have ended. */
void job_queue_ended(struct job_queue *queue, unsigned n);
/* Waits until nothing waits and nothing runs. */
void job_queue_drain(struct job_queue *queue);
void job_queue_close(struct job_queue *queue);

#endif
