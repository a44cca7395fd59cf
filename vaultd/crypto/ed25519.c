#include "vaultd/crypto/ed25519.h"

#include <sodium.h>

_Static_assert(ED25519_SEED_BYTES == crypto_sign_ed25519_SEEDBYTES, "seed size");
_Static_assert(ED25519_PUBLIC_BYTES == crypto_sign_ed25519_PUBLICKEYBYTES, "public key size");
_Static_assert(ED25519_SIGNATURE_BYTES == crypto_sign_ed25519_BYTES, "signature size");

enum vault_err
ed25519_from_seed(struct ed25519_key *key, struct arena *arena,
		  const uint8_t seed[static ED25519_SEED_BYTES])
{
	struct ed25519_key made = { 0 };

	TRY(secret_new(arena, crypto_sign_ed25519_SECRETKEYBYTES, &made.secret));
	crypto_sign_ed25519_seed_keypair(made.public_key, made.secret.p, seed);
	*key = made;
	return VAULT_OK;
}

void
ed25519_free(struct ed25519_key *key)
{
	secret_free(&key->secret);
}

void
ed25519_sign(const struct ed25519_key *key, struct vault_bytes message,
	     uint8_t signature[static ED25519_SIGNATURE_BYTES])
{
	crypto_sign_ed25519_detached(signature, NULL, message.p, message.len, key->secret.p);
}

/* libsodium refuses S out of range, and R or a key that is of small order or not canonical. */
bool
ed25519_verify(const uint8_t public_key[static ED25519_PUBLIC_BYTES], struct vault_bytes message,
	       struct vault_bytes signature)
{
	return signature.len == ED25519_SIGNATURE_BYTES &&
	       crypto_sign_ed25519_verify_detached(signature.p, message.p, message.len,
						   public_key) == 0;
}
