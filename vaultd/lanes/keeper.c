#include <errno.h>
#include <time.h>

#include "vaultd/base/clock.h"
#include "vaultd/lanes/lanes.h"

static void
wait_period(struct lanes *lanes)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += KEEPER_PERIOD_MS * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000L;
	}
	pthread_cond_timedwait(&lanes->keeper_wake, &lanes->keeper_mutex, &until);
}

void *
keeper_main(void *arg)
{
	struct lanes *lanes = arg;

	pthread_mutex_lock(&lanes->keeper_mutex);
	while (!lanes->keeper_stop) {
		wait_period(lanes);
		pthread_mutex_unlock(&lanes->keeper_mutex);
		/* What could not be written is tried again, and who asks is told by then; a failed flush is the end. */
		if (audit_tick(lanes->vault->audit, clock_read().wall_ns) == VAULT_INTERNAL)
			lanes_fatal("the audit could not be flushed");
		pthread_mutex_lock(&lanes->keeper_mutex);
	}
	pthread_mutex_unlock(&lanes->keeper_mutex);
	return NULL;
}
