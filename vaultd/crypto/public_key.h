/*
 * Public keys as others write and read them: JWK and JWKS (RFC 7517, RFC 8037), PEM
 * SubjectPublicKeyInfo (RFC 8410).
 */
#ifndef CRYPTO_PUBLIC_KEY_H
#define CRYPTO_PUBLIC_KEY_H

#include "protocol/buf.h"
#include "vaultd/crypto/ed25519.h"

#define PUBLIC_KEYS_MAX 32 /* keys taken from one JWKS */
#define KID_MAX 256

struct public_key {
	uint8_t ed25519[ED25519_PUBLIC_BYTES];
	char kid[KID_MAX + 1]; /* "" where it had none */
};

/*
 * Reads the Ed25519 keys of a JWK, a JWKS or a PEM. In a JWKS keys of other types are passed over.
 * VAULT_INVALID_PARAMS where the text is none of the three, holds no such key, more than
 * PUBLIC_KEYS_MAX, a private key, a duplicate kid or member, a use or alg that contradicts signing
 * with EdDSA, or a point that is not on the curve or of small order;
 * *why (a string constant) then says which.
 */
MUST_USE enum vault_err public_keys_read(struct vault_text text,
					 struct public_key keys[static PUBLIC_KEYS_MAX], size_t *n,
					 const char **why);

/* A JWKS under construction: start, add each key, end. */
MUST_USE enum vault_err jwks_start(struct buf *out);
MUST_USE enum vault_err jwks_add_ed25519(struct buf *out, struct vault_text kid,
					 const uint8_t key[static ED25519_PUBLIC_BYTES]);
MUST_USE enum vault_err jwks_end(struct buf *out);

MUST_USE enum vault_err pem_ed25519(struct buf *out,
				    const uint8_t key[static ED25519_PUBLIC_BYTES]);

#endif
