/*
 * What tenant.erase hands out: a signed text (core/signed_text.h) that says which tenant of which
 * store was erased and when. A restore drops the tenants that such a certificate names.
 *
 *   vaultd-erasure-1
 *   store: 32 HEXADECIMAL DIGITS
 *   tenant: NAME
 *   number: N
 *   erased_at: 2006-01-02T15:04:05Z
 *   further lines "WORD: VALUE": backups that still hold its key, what is not promised
 *   signature: BASE64
 */
#ifndef CORE_CERTIFICATE_H
#define CORE_CERTIFICATE_H

#include "vaultd/core/signed_text.h"

#define CERTIFICATE_STORE_BYTES 16

struct certificate {
	uint8_t store_id[CERTIFICATE_STORE_BYTES];
	struct vault_text tenant;
	uint32_t number;
	int64_t erased_at;
	struct vault_text more; /* whole further lines, each with its newline; len 0: none */
};

/* Appends the text, with its signature, to out, which must be empty. */
MUST_USE enum vault_err certificate_write(const struct ed25519_key *identity,
					  const struct certificate *certificate, struct buf *out);
/* Checks and reads; views point into text. VAULT_INTEGRITY where it is not one by that key. */
MUST_USE enum vault_err certificate_read(struct vault_text text,
					 const uint8_t public_key[static ED25519_PUBLIC_BYTES],
					 struct certificate *certificate);

#endif
