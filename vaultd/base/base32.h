/*
 * base32 without padding (RFC 4648 section 6), as authenticator apps read a secret.
 */
#ifndef BASE_BASE32_H
#define BASE_BASE32_H

#include "protocol/types.h"

/* The length of n bytes encoded. */
#define BASE32_LENGTH(n) (((n)*8 + 4) / 5)

/* out: BASE32_LENGTH(n) characters, no NUL; returns their number. Constant time. */
size_t base32_encode_secret(const uint8_t *p, size_t n, char *out);

#endif
