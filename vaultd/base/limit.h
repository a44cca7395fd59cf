/*
 * Rate limits by GCRA (the leaky bucket as a meter, ITU-T I.371): all that is remembered is one
 * 64-bit number, the theoretical arrival time of the next request, in nanoseconds of
 * CLOCK_BOOTTIME. Usable from any thread.
 */
#ifndef BASE_LIMIT_H
#define BASE_LIMIT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define LIMIT_RATE_MAX 10000000 /* a second: beyond it nanoseconds say too little */

struct limit_rate {
	uint32_t rate;	/* per second; 0: unlimited */
	uint32_t burst; /* at once, after a pause; 0: as many as rate */
};

/*
 * Takes one from the bucket, which is full when it is zero. False where none is left: then
 * *retry_ms (at least 1) is when there will be one, if nobody else takes it.
 */
bool limit_take(_Atomic int64_t *bucket, const struct limit_rate *rate, int64_t now_ns,
		int64_t *retry_ms);

/* The classes of operation that have a limit of their own, in the order of enum op_class. */
#define LIMIT_CLASSES 4

/* A named set of limits; what it does not give is as the defaults are. */
struct limit_plan {
	char name[65];
	bool given[LIMIT_CLASSES];
	struct limit_rate rates[LIMIT_CLASSES];
};

/* Where nothing else is said: hot and read unlimited, write 100,000/s, admin 1,000/s. */
extern const struct limit_rate limit_defaults[LIMIT_CLASSES];

#endif
