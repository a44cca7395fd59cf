/*
 * Public keys as others write and read them: JWK and JWKS (RFC 7517, RFC 7518 section 6, RFC 8037),
 * PEM SubjectPublicKeyInfo (RFC 5280, RFC 8410). Their bytes are as records hold them: an Ed25519
 * key's 32, and what pkey.h says.
 */
#ifndef CRYPTO_PUBLIC_KEY_H
#define CRYPTO_PUBLIC_KEY_H

#include "protocol/buf.h"
#include "vaultd/crypto/signature.h"

#define PUBLIC_KEYS_MAX 32 /* keys taken from one JWKS */
#define KID_MAX 256

struct public_key {
	uint8_t bytes[PKEY_PUBLIC_MAX];
	size_t len;
	char kid[KID_MAX + 1]; /* "" where it had none */
};

/* What keys are to be read, and how well they are to be tested. */
struct public_wanted {
	enum signature_algorithm algorithm; /* an asymmetric one */
	enum pkey_effort effort;
};

/*
 * Reads the keys of that algorithm from a JWK, a JWKS or a PEM. In a JWKS keys of other types, and
 * those that say that they are for something else, are passed over. VAULT_INVALID_PARAMS where the
 * text is none of the three, holds no such key, more than PUBLIC_KEYS_MAX, a private key, a
 * duplicate kid or member, or a key that is malformed or weak; of a single JWK also where its use
 * or alg contradicts verifying with the algorithm. *why (a string constant) then says which.
 */
MUST_USE enum vault_err public_keys_read(const struct public_wanted *wanted, struct vault_text text,
					 struct public_key keys[static PUBLIC_KEYS_MAX], size_t *n,
					 const char **why);

/* A JWKS under construction: start, add each key, end. */
MUST_USE enum vault_err jwks_start(struct buf *out);
MUST_USE enum vault_err jwks_add(struct buf *out, enum signature_algorithm algorithm,
				 struct vault_text kid, struct vault_bytes public_key);
MUST_USE enum vault_err jwks_end(struct buf *out);

MUST_USE enum vault_err pem_add(struct buf *out, enum signature_algorithm algorithm,
				struct vault_bytes public_key);

#define PEM_BEGIN "-----BEGIN PUBLIC KEY-----"
#define PEM_END "-----END PUBLIC KEY-----"
/*
 * What stands before the 32 bytes in a SubjectPublicKeyInfo of an Ed25519 key (RFC 8410 section 4,
 * DER).
 */
#define SPKI_ED25519_PREFIX 12
extern const uint8_t spki_ed25519[SPKI_ED25519_PREFIX];

#endif
