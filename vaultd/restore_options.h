/*
 * The command line of vaultd restore.
 */
#ifndef VAULTD_RESTORE_OPTIONS_H
#define VAULTD_RESTORE_OPTIONS_H

#include "vaultd/restore_secret.h"
#include "vaultd/setup.h"

#define RESTORE_ERASED_MAX 64 /* certificates */

/* What was not given is NULL; the texts are those of argv. */
struct restore_options {
	struct setup_options from;
	const char *file, *into, *audit, *keys, *signed_by;
	const char *erased[RESTORE_ERASED_MAX];
	size_t erased_count;
	bool accept_gap;
	struct restore_source source;
};

extern const char restore_usage[];

/* -1: go on; else the exit status, and why was told. */
int restore_options_parse(const struct command *self, int argc, char **argv,
			  struct restore_options *options);

#endif
