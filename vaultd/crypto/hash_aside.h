/*
 * SHA-256 of a long stream, on a thread of its own beside whoever makes the stream: what is added is
 * copied, and hashed while the next piece is made. One caller at a time.
 */
#ifndef CRYPTO_HASH_ASIDE_H
#define CRYPTO_HASH_ASIDE_H

#include "protocol/error.h"
#include "vaultd/crypto/hash.h"

struct hash_aside;

/* VAULT_BUSY where there is no memory for it. Without a thread to be had the caller hashes itself. */
MUST_USE enum vault_err hash_aside_new(struct hash_aside **hash);
void hash_aside_add(struct hash_aside *hash, const uint8_t *p, size_t len);
/* The digest of all that was added; nothing may be added any more. */
void hash_aside_end(struct hash_aside *hash, uint8_t digest[static SHA256_BYTES]);
/* NULL is fine. */
void hash_aside_free(struct hash_aside *hash);

#endif
