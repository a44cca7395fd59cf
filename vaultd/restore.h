/*
 * vaultd restore: a backup becomes a state directory again.
 */
#ifndef VAULTD_RESTORE_H
#define VAULTD_RESTORE_H

#include "vaultd/command.h"

extern const struct command restore_command;

#endif
