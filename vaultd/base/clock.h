/*
 * Time, read once a turn and handed down: wall seconds for what the world sees, a clock that never
 * goes back (and runs through suspend) for what elapses.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

struct clock_now {
	int64_t wall;	 /* seconds since 1970 */
	int64_t wall_ns; /* nanoseconds since 1970 */
	int64_t boot_ms; /* CLOCK_BOOTTIME, milliseconds */
};

struct clock_now clock_read(void);
/* Nanoseconds of CLOCK_MONOTONIC, for short waits. */
int64_t clock_monotonic_ns(void);

#endif
