/*
 * The memory of lockouts: who failed how often, and who is locked until when. Shared by all threads
 * under one mutex, which only failures take, and checks of what can lock once anything has failed.
 * Knows nothing of operations or rows: lockout.h is what handlers use.
 */
#ifndef CORE_LOCKOUT_TABLE_H
#define CORE_LOCKOUT_TABLE_H

#include <pthread.h>
#include <stdatomic.h>

#include "protocol/error.h"

#define LOCKOUT_ENTRIES 65536	   /* ids remembered; the oldest unlocked one goes first */
#define LOCKOUT_FAILURES_MAX 10000 /* a rule may ask for no more */
#define LOCKOUT_ID_BYTES 16

struct lockout_id {
	uint8_t bytes[LOCKOUT_ID_BYTES];
};

/* So many failures within the window lock for block_ms; attempts while locked change nothing. */
struct lockout_rule {
	unsigned failures; /* 1 to LOCKOUT_FAILURES_MAX */
	int64_t window_ms;
	int64_t block_ms;
};

struct lockout_entries;
struct lockouts {
	pthread_mutex_t mutex;
	struct lockout_entries *entries; /* NULL until the first failure */
	atomic_bool any;		 /* entries holds something: what a check looks at first */
	uint8_t swept[12]; /* the committer: the row behind which expired ones are looked for */
};

void lockouts_init(struct lockouts *lockouts);
void lockouts_free(struct lockouts *lockouts);

/* Milliseconds for which the id is still locked; 0: it is not. Times are of CLOCK_BOOTTIME. */
int64_t lockouts_left(struct lockouts *lockouts, const struct lockout_id *id, int64_t now_ms);

enum lockout_step {
	LOCKOUT_COUNTED, /* also where it is locked already: then nothing was changed */
	LOCKOUT_LOCKS,	 /* this failure locks */
	LOCKOUT_FULL,	 /* there is no memory to count with */
};
/*
 * Counts a failure. Up to 8 failures are counted exactly; of more, those that are remembered
 * together with a younger one (an eighth of the rule's number) go when that one does. Without
 * may_lock the failure that would lock is not counted, and the answer is LOCKOUT_LOCKS all the same; so it is where
 * the id was locked meanwhile.
 */
enum lockout_step lockouts_count(struct lockouts *lockouts, const struct lockout_id *id,
				 const struct lockout_rule *rule, int64_t now_ms, bool may_lock);
/* Locks the id, whatever was counted. false: there is no memory. */
bool lockouts_lock(struct lockouts *lockouts, const struct lockout_id *id, int64_t until_ms);
/* Forgets what was counted, but no lock that holds. */
void lockouts_clear(struct lockouts *lockouts, const struct lockout_id *id, int64_t now_ms);

#endif
