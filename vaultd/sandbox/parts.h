/* The parts of sandbox_enter. Each tells whether its mechanism is enforced; the kernel not having
 * it is no error. */
#ifndef SANDBOX_PARTS_H
#define SANDBOX_PARTS_H

#include "vaultd/sandbox/sandbox.h"

MUST_USE enum vault_err sandbox_landlock(const struct sandbox_paths *paths, int *version);
MUST_USE enum vault_err sandbox_seccomp(bool *enforced);

#endif
