/*
 * The daemon: start-up as an ordered list, shut-down in the reverse order.
 */
#ifndef VAULTD_SERVE_H
#define VAULTD_SERVE_H

#include "vaultd/setup.h"

struct serve_options {
	struct setup_options from;
	bool check_config; /* say whether the configuration is good, and end */
};

/* Serves until a signal; the exit status. */
int serve_run(const struct serve_options *options);

#endif
