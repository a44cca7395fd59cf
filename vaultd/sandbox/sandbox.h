/*
 * What the daemon can still do once it has started: Landlock bounds the files, a seccomp allow list
 * the system calls. Entered once, before the first thread, after everything that reads files of the
 * system (libcrypto's configuration, names of users and groups, the notification socket's connect).
 * Children and threads inherit it; it cannot be left.
 */
#ifndef SANDBOX_SANDBOX_H
#define SANDBOX_SANDBOX_H

#include "protocol/error.h"

#define SANDBOX_PATHS_MAX 8

/*
 * Directories (with all beneath them) or files, each list ended by NULL. One that is missing is
 * skipped in read, an error in write.
 */
struct sandbox_paths {
	const char *read[SANDBOX_PATHS_MAX + 1];  /* besides /proc, which is always readable */
	const char *write[SANDBOX_PATHS_MAX + 1]; /* files, directories and sockets in them */
};

struct sandbox_config {
	struct sandbox_paths paths;
	bool landlock;
	bool seccomp;
};

/* What is enforced. */
struct sandbox_level {
	int landlock; /* the kernel's Landlock version as far as it is used here; 0: not enforced */
	bool seccomp;
};

/*
 * Never undone, whatever the configuration says: no new privileges, no core, not dumpable or
 * traceable by its own uid, umask 077. Called first thing in main. VAULT_INTERNAL when the kernel
 * refuses.
 */
MUST_USE enum vault_err sandbox_harden(void);

/*
 * Enters what the configuration asks for. A kernel without Landlock or seccomp is no error: *level
 * tells, and the caller warns. VAULT_INTERNAL when something that the kernel has could not be
 * entered; the process may then be half confined and must end.
 */
MUST_USE enum vault_err sandbox_enter(const struct sandbox_config *config,
				      struct sandbox_level *level);

/* "landlock 7, seccomp", "seccomp", "off"; a string constant or out. */
#define SANDBOX_TEXT_MAX 32
const char *sandbox_level_text(const struct sandbox_level *level, char out[SANDBOX_TEXT_MAX]);

#endif
