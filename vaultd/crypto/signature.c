#include "vaultd/crypto/signature.h"

#include <string.h>

#define HS512_KEY_BYTES 64
#define HS256_KEY_BYTES 32

static enum vault_err
init_ed25519(struct ed25519_key *key, struct arena *arena, struct vault_bytes secret,
	     struct vault_bytes public_key)
{
	if (secret.p != NULL)
		return secret.len == ED25519_SEED_BYTES ? ed25519_from_seed(key, arena, secret.p)
							: VAULT_INTEGRITY;
	if (public_key.len != ED25519_PUBLIC_BYTES)
		return VAULT_INTEGRITY;
	memcpy(key->public_key, public_key.p, ED25519_PUBLIC_BYTES);
	return VAULT_OK;
}

enum vault_err
signature_key_init(struct signature_key *key, struct arena *arena,
		   enum signature_algorithm algorithm, struct vault_bytes secret,
		   struct vault_bytes public_key)
{
	*key = (struct signature_key){ .algorithm = algorithm };
	switch (algorithm) {
	case SIGNATURE_HS256:
		return mac_key_init(&key->mac, arena, MAC_SHA256, secret);
	case SIGNATURE_HS512:
		return mac_key_init(&key->mac, arena, MAC_SHA512, secret);
	case SIGNATURE_EDDSA:
		return init_ed25519(&key->ed25519, arena, secret, public_key);
	case SIGNATURE_ES256:
	case SIGNATURE_RS256:
		return pkey_init(&key->pkey, signature_pkey_type(algorithm), secret, public_key);
	}
	return VAULT_INTEGRITY;
}

void
signature_key_free(struct signature_key *key)
{
	mac_key_free(&key->mac);
	ed25519_free(&key->ed25519);
	pkey_free(&key->pkey);
}

enum vault_err
signature_sign(const struct signature_key *key, struct vault_bytes message,
	       uint8_t signature[static SIGNATURE_MAX], size_t *len)
{
	switch (key->algorithm) {
	case SIGNATURE_HS256:
	case SIGNATURE_HS512:
		mac_once(&key->mac, message, signature);
		*len = mac_bytes(key->mac.hash);
		return VAULT_OK;
	case SIGNATURE_EDDSA:
		ed25519_sign(&key->ed25519, message, signature);
		*len = ED25519_SIGNATURE_BYTES;
		return VAULT_OK;
	case SIGNATURE_ES256:
	case SIGNATURE_RS256:
		return pkey_sign(&key->pkey, message, signature, len);
	}
	return VAULT_INTERNAL;
}

bool
signature_verify(const struct signature_key *key, struct vault_bytes message,
		 struct vault_bytes signature)
{
	switch (key->algorithm) {
	case SIGNATURE_HS256:
	case SIGNATURE_HS512:
		return mac_check(&key->mac, message, signature);
	case SIGNATURE_EDDSA:
		return ed25519_verify(key->ed25519.public_key, message, signature);
	case SIGNATURE_ES256:
	case SIGNATURE_RS256:
		return pkey_verify(&key->pkey, message, signature);
	}
	return false;
}

static enum vault_err
generate_ed25519(struct arena *arena, struct pkey_pair *pair)
{
	struct ed25519_key key = { 0 };
	enum vault_err err;

	TRY(secret_random(arena, ED25519_SEED_BYTES, &pair->secret));
	err = ed25519_from_seed(&key, arena, pair->secret.p);
	memcpy(pair->public_key, key.public_key, ED25519_PUBLIC_BYTES);
	pair->public_len = ED25519_PUBLIC_BYTES;
	ed25519_free(&key);
	return err;
}

enum vault_err
signature_generate(const struct signature_wanted *wanted, struct arena *arena,
		   struct pkey_pair *pair)
{
	const struct pkey_wanted asymmetric = { signature_pkey_type(wanted->algorithm),
						wanted->bits, wanted->cancel };

	switch (wanted->algorithm) {
	case SIGNATURE_HS256:
		return secret_random(arena, HS256_KEY_BYTES, &pair->secret);
	case SIGNATURE_HS512:
		return secret_random(arena, HS512_KEY_BYTES, &pair->secret);
	case SIGNATURE_EDDSA:
		return generate_ed25519(arena, pair);
	case SIGNATURE_ES256:
	case SIGNATURE_RS256:
		return pkey_generate(&asymmetric, arena, pair);
	}
	return VAULT_INTERNAL;
}
