/*
 * How far a long command has got, for who looks at a terminal; nothing anywhere else.
 */
#ifndef VAULTD_RESTORE_PROGRESS_H
#define VAULTD_RESTORE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	bool shown; /* stderr is a terminal */
	const char *what;
	uint64_t total; /* bytes */
	int64_t started_ns, told_ns;
};
struct progress progress_start(const char *what, uint64_t total);
void progress_tell(struct progress *progress, uint64_t done);
/* Clears the line. */
void progress_end(struct progress *progress);

#endif
