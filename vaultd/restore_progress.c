#include "vaultd/restore_progress.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vaultd/base/clock.h"

#define TELL_NS INT64_C(200000000)
#define NS_PER_S INT64_C(1000000000)
#define MIB (1024.0 * 1024)
#define CLEAR "\r\033[K" /* the line */
#define LINE_MAX_BYTES 160

struct progress
progress_start(const char *what, uint64_t total)
{
	return (struct progress){ isatty(STDERR_FILENO) == 1, what, total, clock_monotonic_ns(),
				  0 };
}

static void
put(const char *line)
{
	size_t len = strlen(line);

	/* A terminal that is gone is no reason to end. */
	if (write(STDERR_FILENO, line, len) != (ssize_t)len)
		errno = 0;
}

void
progress_tell(struct progress *progress, uint64_t done)
{
	int64_t now = clock_monotonic_ns();
	double seconds = (double)(now - progress->started_ns) / (double)NS_PER_S;
	double rate = seconds > 0 ? (double)done / seconds : 0;
	double left = (double)(progress->total > done ? progress->total - done : 0);
	char line[LINE_MAX_BYTES];

	if (!progress->shown || now - progress->told_ns < TELL_NS || progress->total == 0)
		return;
	progress->told_ns = now;
	snprintf(line, sizeof line, CLEAR "%s: %3.0f %% of %.1f MiB, %.1f MiB/s, %.0f s left",
		 progress->what, 100.0 * (double)done / (double)progress->total,
		 (double)progress->total / MIB, rate / MIB, rate > 0 ? left / rate : 0);
	put(line);
}

void
progress_end(struct progress *progress)
{
	if (progress->shown && progress->told_ns != 0)
		put(CLEAR);
}
