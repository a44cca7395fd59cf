/*
 * base64url without padding (RFC 4648 section 5), strict: no other character, no padding, no stray
 * bits in the last one.
 */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include "protocol/types.h"

/* The length of n bytes encoded, and the most that n characters decode to. */
#define BASE64_LENGTH(n) (((n)*4 + 2) / 3)
#define BASE64_DECODED_MAX(n) ((n)*3 / 4)

/*
 * out: BASE64_LENGTH(n) characters, no NUL; returns their number. Not constant time: for what is
 * public.
 */
size_t base64url_encode(const uint8_t *p, size_t n, char *out);
/*
 * out: BASE64_DECODED_MAX(n) bytes; *len is what was written. False, with out undefined, where it
 * is not canonical.
 */
bool base64url_decode(const char *p, size_t n, uint8_t *out, size_t *len);

/* Standard alphabet with padding, constant time, for secrets shown once (whsec_...). */
#define BASE64_PADDED_LENGTH(n) (((n) + 2) / 3 * 4)
size_t base64_encode_secret(const uint8_t *p, size_t n, char *out);
/* With or without padding, constant time. */
bool base64_decode_secret(const char *p, size_t n, uint8_t *out, size_t *len);

#endif
