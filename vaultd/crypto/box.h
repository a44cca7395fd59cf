/*
 * Sealing to a public key (X25519, libsodium's sealed box): anyone can seal to a slot, only its
 * secret opens.
 */
#ifndef CRYPTO_BOX_H
#define CRYPTO_BOX_H

#include "vaultd/base/secret.h"

#define BOX_PUBLIC_BYTES 32
#define BOX_SECRET_BYTES 32
#define BOX_OVERHEAD 48

/* secret gets BOX_SECRET_BYTES. */
MUST_USE enum vault_err box_keypair(struct arena *arena,
				    uint8_t public_key[static BOX_PUBLIC_BYTES],
				    struct secret *secret);
/* out: plain.len + BOX_OVERHEAD bytes. VAULT_INVALID_PARAMS for a public key that is no good. */
MUST_USE enum vault_err box_seal(const uint8_t public_key[static BOX_PUBLIC_BYTES],
				 struct vault_bytes plain, uint8_t *out);
/* out: sealed.len - BOX_OVERHEAD bytes; VAULT_INTEGRITY where it does not open. */
MUST_USE enum vault_err box_open(const uint8_t public_key[static BOX_PUBLIC_BYTES],
				 const struct secret *secret, struct vault_bytes sealed,
				 uint8_t *out);

#endif
