/*
 * The private half of an X25519 pair that somebody's secret wraps: what an unseal slot is, and who
 * opens a backup.
 */
#ifndef CRYPTO_HALF_H
#define CRYPTO_HALF_H

#include "vaultd/crypto/box.h"
#include "vaultd/crypto/kdf.h"

/* By what; part of the formats. */
enum half_by { HALF_BY_PASSPHRASE = 1, HALF_BY_KEYFILE = 2, HALF_BY_SHARES = 3 };

struct half_wrap {
	enum half_by by;
	const uint8_t *salt;	 /* KDF_SALT_BYTES */
	uint64_t memory, passes; /* of a passphrase: Argon2id's cost */
};
/* The key that wraps it; slow for a passphrase. Errors as kdf_passphrase. */
MUST_USE enum vault_err half_key(const struct half_wrap *wrap, struct vault_bytes secret,
				 uint8_t key[static KDF_KEY_BYTES]);

/* What it is bound to: store, public half, name (at most HALF_NAME_MAX bytes). The length of ad. */
#define HALF_STORE_BYTES 16
#define HALF_NAME_MAX 128
#define HALF_AD_MAX (HALF_STORE_BYTES + BOX_PUBLIC_BYTES + HALF_NAME_MAX)
size_t half_ad(const uint8_t store_id[static HALF_STORE_BYTES],
	       const uint8_t public_key[static BOX_PUBLIC_BYTES], struct vault_text name,
	       uint8_t ad[static HALF_AD_MAX]);

#endif
