#include "vaultd/crypto/box.h"

#include <sodium.h>

_Static_assert(BOX_PUBLIC_BYTES == crypto_box_PUBLICKEYBYTES, "public key size");
_Static_assert(BOX_SECRET_BYTES == crypto_box_SECRETKEYBYTES, "secret key size");
_Static_assert(BOX_OVERHEAD == crypto_box_SEALBYTES, "overhead");

enum vault_err
box_keypair(struct arena *arena, uint8_t public_key[static BOX_PUBLIC_BYTES], struct secret *secret)
{
	TRY(secret_random(arena, BOX_SECRET_BYTES, secret));
	crypto_scalarmult_curve25519_base(public_key, secret->p);
	return VAULT_OK;
}

/*
 * A point of small order gives zero with every scalar (RFC 7748 section 6.1), so any scalar finds
 * it. Asked beforehand because libsodium has written part of its output when it notices.
 */
static bool
public_key_good(const uint8_t public_key[static BOX_PUBLIC_BYTES])
{
	static const uint8_t any[BOX_SECRET_BYTES] = { 1 };
	uint8_t shared[crypto_scalarmult_curve25519_BYTES];

	return crypto_scalarmult_curve25519(shared, any, public_key) == 0;
}

enum vault_err
box_seal(const uint8_t public_key[static BOX_PUBLIC_BYTES], struct vault_bytes plain, uint8_t *out)
{
	if (!public_key_good(public_key) ||
	    crypto_box_seal(out, plain.p, plain.len, public_key) != 0)
		return VAULT_INVALID_PARAMS;
	return VAULT_OK;
}

/* libsodium authenticates before it writes. */
enum vault_err
box_open(const uint8_t public_key[static BOX_PUBLIC_BYTES], const struct secret *secret,
	 struct vault_bytes sealed, uint8_t *out)
{
	if (secret->len != BOX_SECRET_BYTES || sealed.len < BOX_OVERHEAD ||
	    crypto_box_seal_open(out, sealed.p, sealed.len, public_key, secret->p) != 0)
		return VAULT_INTEGRITY;
	return VAULT_OK;
}
