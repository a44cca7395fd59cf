/*
 * Authenticated encryption. XChaCha20-Poly1305 with a random nonce for records and wrapped keys;
 * ChaCha20-Poly1305 (RFC 8439) with a counter as nonce for the audit's blocks, whose keys seal one
 * segment each.
 */
#ifndef CRYPTO_AEAD_H
#define CRYPTO_AEAD_H

#include "protocol/error.h"

#define AEAD_KEY_BYTES 32
#define AEAD_NONCE_BYTES 24
#define AEAD_TAG_BYTES 16

/* out: len + AEAD_TAG_BYTES bytes; it may be the same memory as plain. nonce is made here. */
void aead_seal(const uint8_t key[static AEAD_KEY_BYTES], uint8_t nonce[static AEAD_NONCE_BYTES],
	       struct vault_bytes ad, struct vault_bytes plain, uint8_t *out);
/*
 * out: sealed.len - AEAD_TAG_BYTES bytes, untouched unless VAULT_OK; VAULT_INTEGRITY where it does
 * not authenticate.
 */
MUST_USE enum vault_err aead_open(const uint8_t key[static AEAD_KEY_BYTES],
				  const uint8_t nonce[static AEAD_NONCE_BYTES],
				  struct vault_bytes ad, struct vault_bytes sealed, uint8_t *out);
/*
 * The same in one pass, for memory that holds nothing yet: a failure may overwrite it. A short row
 * opens in two thirds of the time.
 */
MUST_USE enum vault_err aead_open_fresh(const uint8_t key[static AEAD_KEY_BYTES],
					const uint8_t nonce[static AEAD_NONCE_BYTES],
					struct vault_bytes ad, struct vault_bytes sealed,
					uint8_t *out);

/* The same with a counter that must never repeat under a key. */
void aead_seal_counter(const uint8_t key[static AEAD_KEY_BYTES], uint64_t counter,
		       struct vault_bytes ad, struct vault_bytes plain, uint8_t *out);
MUST_USE enum vault_err aead_open_counter(const uint8_t key[static AEAD_KEY_BYTES],
					  uint64_t counter, struct vault_bytes ad,
					  struct vault_bytes sealed, uint8_t *out);

#endif
