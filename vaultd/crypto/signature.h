/*
 * Signature algorithms behind one interface: what keys of usage token, webhook and raw sign with.
 * A key is decoded once and prepared; using it is for one thread at a time.
 */
#ifndef CRYPTO_SIGNATURE_H
#define CRYPTO_SIGNATURE_H

#include "vaultd/crypto/ed25519.h"
#include "vaultd/crypto/mac.h"
#include "vaultd/crypto/pkey.h"

enum signature_algorithm {
	SIGNATURE_HS256,
	SIGNATURE_HS512,
	SIGNATURE_EDDSA,
	SIGNATURE_ES256,
	SIGNATURE_RS256
};

#define SIGNATURE_MAX RSA_BYTES_MAX

/* All zero is empty. What it does not use is empty. */
struct signature_key {
	enum signature_algorithm algorithm;
	struct mac_key mac;	    /* HS256, HS512 */
	struct ed25519_key ed25519; /* EdDSA */
	struct pkey pkey;	    /* ES256, RS256 */
};

static inline bool
signature_symmetric(enum signature_algorithm algorithm)
{
	return algorithm == SIGNATURE_HS256 || algorithm == SIGNATURE_HS512;
}
static inline enum pkey_type
signature_pkey_type(enum signature_algorithm algorithm)
{
	return algorithm == SIGNATURE_RS256 ? PKEY_RSA : PKEY_P256;
}

/* From what a record holds; secret.p NULL: only to verify. VAULT_INTEGRITY, VAULT_BUSY. */
MUST_USE enum vault_err signature_key_init(struct signature_key *key, struct arena *arena,
					   enum signature_algorithm algorithm,
					   struct vault_bytes secret,
					   struct vault_bytes public_key);
void signature_key_free(struct signature_key *key);

/* signature: SIGNATURE_MAX bytes; *len gets its length. */
MUST_USE enum vault_err signature_sign(const struct signature_key *key, struct vault_bytes message,
				       uint8_t signature[static SIGNATURE_MAX], size_t *len);
bool signature_verify(const struct signature_key *key, struct vault_bytes message,
		      struct vault_bytes signature);

/* New random material. bits and cancel: of RSA (struct pkey_wanted). */
struct signature_wanted {
	enum signature_algorithm algorithm;
	unsigned bits;
	const atomic_bool *cancel;
};
MUST_USE enum vault_err signature_generate(const struct signature_wanted *wanted,
					   struct arena *arena, struct pkey_pair *pair);
/* Whether making or testing a key takes longer than what waits behind it should have to. */
static inline bool
signature_slow(enum signature_algorithm algorithm)
{
	return algorithm == SIGNATURE_RS256;
}

#endif
