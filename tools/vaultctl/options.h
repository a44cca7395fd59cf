/*
 * The options that every command takes, and the environment they fall back to.
 */
#ifndef VAULTCTL_OPTIONS_H
#define VAULTCTL_OPTIONS_H

#include <getopt.h>

#include "tools/vaultctl/ctl.h"

#define OPTIONS_GLOBAL_COUNT 15
extern const struct option options_global[OPTIONS_GLOBAL_COUNT];

/* The settings of the environment; false: told already. */
bool options_start(struct ctl *ctl);
/* One option's value; false: told already. */
bool options_take(struct ctl *ctl, int option, const char *value);
/* What follows from all of them together. */
void options_finish(struct ctl *ctl);

#endif
