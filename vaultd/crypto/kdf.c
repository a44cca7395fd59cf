#include "vaultd/crypto/kdf.h"

#include <sodium.h>
#include <string.h>

#include "vaultd/base/secret.h"

_Static_assert(KDF_KEY_BYTES == crypto_generichash_BYTES, "a derived key is one BLAKE2b output");
_Static_assert(KDF_KEY_BYTES == crypto_generichash_KEYBYTES, "and can key the next");
_Static_assert(KDF_SALT_BYTES == crypto_pwhash_argon2id_SALTBYTES, "salt size");
_Static_assert(KDF_SALT_BYTES >= crypto_generichash_KEYBYTES_MIN, "a salt can key BLAKE2b");

enum vault_err
kdf_passphrase(struct vault_bytes passphrase, const uint8_t salt[static KDF_SALT_BYTES],
	       uint64_t memory, uint64_t passes, uint8_t out[static KDF_KEY_BYTES])
{
	const char *p = passphrase.len == 0 ? "" : (const char *)passphrase.p;
	uint8_t key[KDF_KEY_BYTES];

	if (memory < KDF_MEMORY_MIN || memory > KDF_MEMORY_MAX || passes < KDF_PASSES_MIN ||
	    passes > KDF_PASSES_MAX)
		return VAULT_INVALID_PARAMS;
	/*
	 * Within these bounds only memory can be missing. libsodium clears its output first, hence
	 * the copy.
	 */
	if (crypto_pwhash_argon2id(key, sizeof key, p, passphrase.len, salt, passes, (size_t)memory,
				   crypto_pwhash_argon2id_ALG_ARGON2ID13) != 0)
		return VAULT_BUSY;
	memcpy(out, key, sizeof key);
	secret_wipe(key, sizeof key);
	return VAULT_OK;
}

void
kdf_derive(const uint8_t key[static KDF_KEY_BYTES], const char *label,
	   uint8_t out[static KDF_KEY_BYTES])
{
	crypto_generichash(out, KDF_KEY_BYTES, (const uint8_t *)label, strlen(label), key,
			   KDF_KEY_BYTES);
}

/* Extract then expand, as HKDF does (RFC 5869 section 2), with keyed BLAKE2b for HMAC. */
void
kdf_extract(struct vault_bytes secret, const uint8_t salt[static KDF_SALT_BYTES], const char *label,
	    uint8_t out[static KDF_KEY_BYTES])
{
	uint8_t key[KDF_KEY_BYTES];

	crypto_generichash(key, sizeof key, secret.p, secret.len, salt, KDF_SALT_BYTES);
	kdf_derive(key, label, out);
	secret_wipe(key, sizeof key);
}
