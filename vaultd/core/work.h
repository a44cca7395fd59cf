/*
 * The long work that goes on: what it is and how far it has got. Each place has one thread that
 * writes; any thread reads, and what it reads belongs together but for an amount that is old.
 */
#ifndef CORE_WORK_H
#define CORE_WORK_H

#include <stdatomic.h>

#include "protocol/ops.h"

enum work_place {
	WORK_SLOW,   /* the slow lane: what one request asked for */
	WORK_COMMIT, /* the committer, within a group */
	WORK_SWEEP,  /* likewise, from group to group */
	WORK_PLACES
};

/* All zero: nothing. */
struct work {
	_Atomic uint32_t turn; /* odd: there is some */
	_Atomic int op;	       /* enum op_id */
	_Atomic(const char *) unit;
	_Atomic uint64_t done, total;
	_Atomic int64_t since; /* wall seconds */
};

struct work_seen {
	enum op_id op;
	const char *unit;
	uint64_t done, total; /* of unit; total 0: not known */
	int64_t since;
};

/* By the place's thread. unit: a constant, the plural of what is counted. Ends what was there. */
void work_begin(struct work *work, enum op_id op, const char *unit, int64_t since);
/* These do no harm where nothing has begun, and but for work_end cost little enough for each row. */
void work_end(struct work *work);
static inline void
work_reach(struct work *work, uint64_t done)
{
	atomic_store_explicit(&work->done, done, memory_order_relaxed);
}
static inline void
work_tell(struct work *work, uint64_t done, uint64_t total)
{
	atomic_store_explicit(&work->total, total, memory_order_relaxed);
	work_reach(work, done);
}
static inline void
work_more(struct work *work, uint64_t n)
{
	uint64_t done = atomic_load_explicit(&work->done, memory_order_relaxed);

	work_reach(work, done + n);
}

/* false: nothing is under way there. */
bool work_read(struct work *work, struct work_seen *seen);

#endif
