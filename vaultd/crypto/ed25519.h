/*
 * Ed25519 (RFC 8032).
 */
#ifndef CRYPTO_ED25519_H
#define CRYPTO_ED25519_H

#include "vaultd/base/secret.h"

#define ED25519_SEED_BYTES 32
#define ED25519_PUBLIC_BYTES 32
#define ED25519_SIGNATURE_BYTES 64

struct ed25519_key {
	struct secret
		secret; /* seed and public key, 64 bytes; empty where only verifying is possible */
	uint8_t public_key[ED25519_PUBLIC_BYTES];
};

MUST_USE enum vault_err ed25519_from_seed(struct ed25519_key *key, struct arena *arena,
					  const uint8_t seed[static ED25519_SEED_BYTES]);
void ed25519_free(struct ed25519_key *key);
void ed25519_sign(const struct ed25519_key *key, struct vault_bytes message,
		  uint8_t signature[static ED25519_SIGNATURE_BYTES]);
bool ed25519_verify(const uint8_t public_key[static ED25519_PUBLIC_BYTES],
		    struct vault_bytes message, struct vault_bytes signature);

#endif
