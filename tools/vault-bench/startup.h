/*
 * How long a daemon takes from exec to its first good answer.
 */
#ifndef VAULT_BENCH_STARTUP_H
#define VAULT_BENCH_STARTUP_H

#include "tools/vault-bench/methods.h"

struct startup {
	char **command;	    /* starts the daemon; NULL-terminated */
	const char *socket; /* where it will answer */
	const struct method *method;
	const struct bench_names *names;
};

/*
 * Starts the command, asks until the method is answered without error, ends the daemon with SIGTERM
 * and waits for it. False where there was no good answer: said on stderr.
 */
bool startup_measure(const struct startup *startup, double *milliseconds);

#endif
