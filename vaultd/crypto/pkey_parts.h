/*
 * Shared by the files of pkey.h: between records and libcrypto's keys.
 */
#ifndef CRYPTO_PKEY_PARTS_H
#define CRYPTO_PKEY_PARTS_H

#include <openssl/evp.h>

#include "vaultd/crypto/pkey.h"

#define RSA_NUMBERS 8	     /* n e d p q dp dq qi */
#define RSA_PUBLIC_NUMBERS 2 /* n e */
extern const char *const pkey_rsa_names[RSA_NUMBERS];

/* An owned local. */
static inline void
pkey_evp_cleanup(EVP_PKEY **key)
{
	EVP_PKEY_free(*key);
}
#define EVP_PKEY_LOCAL(name) __attribute__((cleanup(pkey_evp_cleanup))) EVP_PKEY *name = NULL

/* The public half of a libcrypto key. VAULT_INVALID_PARAMS where it is too large to be kept. */
MUST_USE enum vault_err pkey_read_public(enum pkey_type type, const EVP_PKEY *key,
					 struct pkey_pair *pair);
MUST_USE enum vault_err pkey_read_secret(enum pkey_type type, const EVP_PKEY *key,
					 struct arena *arena, struct pkey_pair *pair);
/* A libcrypto key; secret.p NULL: of the public half. NULL where the bytes are none. */
EVP_PKEY *pkey_make(enum pkey_type type, struct vault_bytes secret, struct vault_bytes public_key);

/* The next number of a list of them; false at its end, or where it is cut off. */
bool pkey_next_number(struct vault_bytes *list, struct vault_bytes *number);

#endif
