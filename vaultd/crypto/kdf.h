/*
 * Keys from other keys, and keys from what a person remembers.
 */
#ifndef CRYPTO_KDF_H
#define CRYPTO_KDF_H

#include "protocol/error.h"

#define KDF_KEY_BYTES 32
#define KDF_SALT_BYTES 16

/*
 * The least a passphrase slot may cost, and the most that one read from disk may (RFC 9106 section
 * 4).
 */
#define KDF_MEMORY_MIN (UINT64_C(64) << 20)
#define KDF_MEMORY_MAX (UINT64_C(1) << 30)
#define KDF_PASSES_MIN 3
#define KDF_PASSES_MAX 16

/*
 * Argon2id; memory in bytes. VAULT_INVALID_PARAMS for costs out of bounds, VAULT_BUSY when the
 * memory cannot be had.
 */
MUST_USE enum vault_err kdf_passphrase(struct vault_bytes passphrase,
				       const uint8_t salt[static KDF_SALT_BYTES], uint64_t memory,
				       uint64_t passes, uint8_t out[static KDF_KEY_BYTES]);

/* A key for one purpose out of a random key: BLAKE2b keyed with it, over the label. */
void kdf_derive(const uint8_t key[static KDF_KEY_BYTES], const char *label,
		uint8_t out[static KDF_KEY_BYTES]);

/* The same out of a long random secret (a key file of 32 to 4096 bytes) and a salt. */
void kdf_extract(struct vault_bytes secret, const uint8_t salt[static KDF_SALT_BYTES],
		 const char *label, uint8_t out[static KDF_KEY_BYTES]);

#endif
