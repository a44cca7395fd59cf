/*
 * The daemon's numbers. Each thread that runs requests counts in memory of its own, which only it
 * writes; whoever asks adds them up. A relaxed load and store are an ordinary increment to the
 * processor: no line is shared, nothing is locked.
 */
#ifndef CORE_METRICS_H
#define CORE_METRICS_H

#include <pthread.h>
#include <stdatomic.h>

#include "protocol/buf.h"
#include "protocol/ops.h"

struct cache;
struct vault;

#define METRICS_OTHER OP_COUNT /* where requests for no known method are counted */

struct metrics_thread {
	struct metrics_thread *next, **link; /* link NULL: not in any list */
	const struct cache *cache;	     /* may be NULL */
	_Atomic uint64_t requests[OP_COUNT + 1][VAULT_ERR_COUNT];
};

/* Groups of the committer of at most 1 << i changes; the last: larger ones. */
#define METRICS_GROUPS 10

struct metrics {
	pthread_mutex_t mutex; /* covers the list */
	struct metrics_thread *threads;
	uint64_t gone[OP_COUNT + 1][VAULT_ERR_COUNT]; /* counted by threads that have ended */
	_Atomic int64_t connections;		      /* open now */
	_Atomic uint64_t accepted, moved;	      /* since start */
	/* The committer's. */
	_Atomic uint64_t groups[METRICS_GROUPS];
	_Atomic uint64_t grouped; /* requests in all groups */
};
void metrics_init(struct metrics *metrics);

void metrics_add(struct metrics *metrics, struct metrics_thread *thread);
/* Its counts stay. A thread that was never added is fine. */
void metrics_remove(struct metrics *metrics, struct metrics_thread *thread);

/* For counters that one thread writes. */
static inline void
metrics_count(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
			      memory_order_relaxed);
}
/* A group of n requests was run by the committer. */
void metrics_group(struct metrics *metrics, unsigned n);

/*
 * Appends the Prometheus exposition, text format 0.0.4. uptime_ms: since the daemon started.
 * VAULT_BUSY when memory is short.
 */
MUST_USE enum vault_err metrics_write(struct vault *vault, int64_t uptime_ms, struct buf *out);

#endif
