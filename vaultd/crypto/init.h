/*
 * What must happen once in a process, before its first thread, its first use of crypto/ and its
 * sandbox.
 */
#ifndef CRYPTO_INIT_H
#define CRYPTO_INIT_H

#include "protocol/error.h"

/* Calling it again does nothing. VAULT_INTERNAL where a library refuses. */
MUST_USE enum vault_err crypto_init(void);

#endif
