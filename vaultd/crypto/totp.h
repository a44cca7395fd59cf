/*
 * One-time codes out of the time: RFC 6238 with SHA-1 and steps of 30 seconds, which is what
 * authenticator apps do.
 */
#ifndef CRYPTO_TOTP_H
#define CRYPTO_TOTP_H

#include "protocol/error.h"

#define TOTP_SECRET_BYTES 20 /* RFC 4226 section 4: 160 bits are recommended */
#define TOTP_STEP_SECONDS 30
#define TOTP_DIGITS 6
#define TOTP_DIGITS_MAX 8

/* The code of a step (seconds since 1970 by TOTP_STEP_SECONDS): digits characters, no NUL. */
MUST_USE enum vault_err totp_code(struct vault_bytes secret, uint64_t step, unsigned digits,
				  char code[static TOTP_DIGITS_MAX]);
/* Whether code is that of the step, with TOTP_DIGITS digits; constant time. */
MUST_USE enum vault_err totp_check(struct vault_bytes secret, uint64_t step, struct vault_text code,
				   bool *right);

#endif
