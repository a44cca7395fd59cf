/*
 * vaultd recover-owner: the way back for who holds a slot's secret and no grant.
 */
#ifndef VAULTD_RECOVER_H
#define VAULTD_RECOVER_H

#include "vaultd/command.h"

extern const struct command recover_owner_command;

#endif
