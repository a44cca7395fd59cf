#include "vaultd/restore_progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "vaultd/base/clock.h"

#define TELL_NS INT64_C(200000000)
#define NS_PER_S INT64_C(1000000000)
#define MIB (1024.0 * 1024)

struct progress
progress_start(const char *what, uint64_t total)
{
	return (struct progress){ isatty(STDERR_FILENO) == 1, what, total, clock_monotonic_ns(),
				  0 };
}

void
progress_tell(struct progress *progress, uint64_t done)
{
	int64_t now = clock_monotonic_ns();
	double seconds = (double)(now - progress->started_ns) / (double)NS_PER_S;
	double rate = seconds > 0 ? (double)done / seconds : 0;

	if (!progress->shown || now - progress->told_ns < TELL_NS || progress->total == 0)
		return;
	progress->told_ns = now;
	dprintf(STDERR_FILENO, "\r\033[K%s: %3.0f %% of %.1f MiB, %.1f MiB/s", progress->what,
		100.0 * (double)done / (double)progress->total, (double)progress->total / MIB,
		rate / MIB);
	if (rate > 0 && progress->total > done)
		dprintf(STDERR_FILENO, ", %.0f s left", (double)(progress->total - done) / rate);
}

void
progress_end(struct progress *progress)
{
	if (progress->shown && progress->told_ns != 0)
		dprintf(STDERR_FILENO, "\r\033[K");
}
