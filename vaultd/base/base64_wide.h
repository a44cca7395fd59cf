/*
 * base64url with the processor's vector instructions, where it has them: a fifth of the table's
 * time, and it is done twice for every token.
 */
#ifndef BASE_BASE64_WIDE_H
#define BASE_BASE64_WIDE_H

#include "protocol/types.h"

/*
 * Encodes as many of the first bytes as it can, four characters for three; returns how many bytes
 * those were: a multiple of three, or 0.
 */
size_t base64url_encode_wide(const uint8_t *p, size_t n, char *out);

#endif
