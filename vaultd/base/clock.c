#include "vaultd/base/clock.h"

#include <time.h>

#define NS_PER_S INT64_C(1000000000)
#define NS_PER_MS 1000000
#define MS_PER_S 1000

struct clock_now
clock_read(void)
{
	struct timespec wall, boot;

	/* Both clocks are always there on Linux, so neither call can fail. */
	clock_gettime(CLOCK_REALTIME, &wall);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	return (struct clock_now){
		.wall = wall.tv_sec,
		.wall_ns = wall.tv_sec * NS_PER_S + wall.tv_nsec,
		.boot_ms = (int64_t)boot.tv_sec * MS_PER_S + boot.tv_nsec / NS_PER_MS,
	};
}

int64_t
clock_monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}
