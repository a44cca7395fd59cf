#include "vaultd/lanes/lanes.h"

#include <unistd.h>

#include "vaultd/base/log.h"
#include "vaultd/core/apikey_used.h"

#define EXIT_FATAL 2

void
lanes_fatal(const char *what)
{
	log_error("%s; ending, so that nothing is acknowledged that may not last", what);
	_exit(EXIT_FATAL);
}

enum vault_err
lanes_start(struct lanes *lanes, struct vault *vault, size_t cache_limit)
{
	pthread_condattr_t monotonic;

	*lanes = (struct lanes){ .vault = vault, .used_part = APIKEY_USED_WINDOWS };
	job_queue_init(&lanes->commit);
	job_queue_init(&lanes->slow);
	pthread_mutex_init(&lanes->keeper_mutex, NULL);
	/* The wall clock may be set back, which must not stop the flushing. */
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&lanes->keeper_wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	TRY(runner_init(&lanes->commit_runner, vault, cache_limit, false));
	TRY(runner_init(&lanes->slow_runner, vault, cache_limit, true));
	if (pthread_create(&lanes->committer, NULL, committer_main, lanes) != 0 ||
	    pthread_create(&lanes->slow_lane, NULL, slow_lane_main, lanes) != 0 ||
	    pthread_create(&lanes->keeper, NULL, keeper_main, lanes) != 0)
		return VAULT_BUSY;
	lanes->running = true;
	return VAULT_OK;
}

void
lanes_stop(struct lanes *lanes)
{
	if (!lanes->running)
		return;
	job_queue_close(&lanes->slow);
	pthread_join(lanes->slow_lane, NULL);
	job_queue_close(&lanes->commit);
	pthread_join(lanes->committer, NULL);
	pthread_mutex_lock(&lanes->keeper_mutex);
	lanes->keeper_stop = true;
	pthread_cond_signal(&lanes->keeper_wake);
	pthread_mutex_unlock(&lanes->keeper_mutex);
	pthread_join(lanes->keeper, NULL);
	runner_free(&lanes->slow_runner);
	runner_free(&lanes->commit_runner);
	lanes->running = false;
}

void
lanes_drain(struct lanes *lanes)
{
	/* What the slow lane ends may go on to the committer, so in this order. */
	job_queue_drain(&lanes->slow);
	job_queue_drain(&lanes->commit);
}

void
lanes_forget(struct lanes *lanes)
{
	runner_forget(&lanes->slow_runner);
	runner_forget(&lanes->commit_runner);
}
