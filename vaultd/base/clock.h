/*
 * Time, read once a turn and handed down: wall seconds for what the world sees, a clock that never
 * goes back (and runs through suspend) for what elapses.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

#define BOOT_ID_BYTES 16

struct clock_now {
	int64_t wall;	 /* seconds since 1970 */
	int64_t wall_ns; /* nanoseconds since 1970 */
	int64_t boot_ms; /* CLOCK_BOOTTIME, milliseconds */
};

struct clock_now clock_read(void);
/* Nanoseconds of CLOCK_MONOTONIC, for short waits. */
int64_t clock_monotonic_ns(void);

/*
 * The kernel's random id of this boot: boot_ms of two processes can be compared where it is the
 * same. Zeros where it cannot be read.
 */
void clock_boot_id(uint8_t id[static BOOT_ID_BYTES]);

#endif
