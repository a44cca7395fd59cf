#include "vaultd/crypto/aead.h"

#include <sodium.h>

#include "vaultd/base/bytes.h"
#include "vaultd/base/random.h"

/*
 * RFC 8439 section 2.8: block 0 of the stream makes the Poly1305 key, the text starts with block 1.
 */
#define FIRST_BLOCK 1

_Static_assert(AEAD_KEY_BYTES == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "key size");
_Static_assert(AEAD_NONCE_BYTES == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "nonce size");
_Static_assert(AEAD_TAG_BYTES == crypto_aead_xchacha20poly1305_ietf_ABYTES, "tag size");
_Static_assert(AEAD_KEY_BYTES == crypto_aead_chacha20poly1305_ietf_KEYBYTES, "key size");
_Static_assert(AEAD_TAG_BYTES == crypto_aead_chacha20poly1305_ietf_ABYTES, "tag size");

void
aead_seal(const uint8_t key[static AEAD_KEY_BYTES], uint8_t nonce[static AEAD_NONCE_BYTES],
	  struct vault_bytes ad, struct vault_bytes plain, uint8_t *out)
{
	random_bytes(nonce, AEAD_NONCE_BYTES);
	crypto_aead_xchacha20poly1305_ietf_encrypt(out, NULL, plain.p, plain.len, ad.p, ad.len,
						   NULL, nonce, key);
}

/*
 * Both openings first authenticate (libsodium checks without decrypting where it is given no
 * output) and then decrypt: its own decryption zeroes the output on failure, and here outputs are
 * untouched on failure.
 */
enum vault_err
aead_open(const uint8_t key[static AEAD_KEY_BYTES], const uint8_t nonce[static AEAD_NONCE_BYTES],
	  struct vault_bytes ad, struct vault_bytes sealed, uint8_t *out)
{
	size_t len;

	if (sealed.len < AEAD_TAG_BYTES)
		return VAULT_INTEGRITY;
	len = sealed.len - AEAD_TAG_BYTES;
	if (crypto_aead_xchacha20poly1305_ietf_decrypt_detached(
		    NULL, NULL, sealed.p, len, sealed.p + len, ad.p, ad.len, nonce, key) != 0)
		return VAULT_INTEGRITY;
	if (len > 0)
		crypto_stream_xchacha20_xor_ic(out, sealed.p, len, nonce, FIRST_BLOCK, key);
	return VAULT_OK;
}

enum vault_err
aead_open_fresh(const uint8_t key[static AEAD_KEY_BYTES],
		const uint8_t nonce[static AEAD_NONCE_BYTES], struct vault_bytes ad,
		struct vault_bytes sealed, uint8_t *out)
{
	size_t len;

	if (sealed.len < AEAD_TAG_BYTES)
		return VAULT_INTEGRITY;
	len = sealed.len - AEAD_TAG_BYTES;
	return crypto_aead_xchacha20poly1305_ietf_decrypt_detached(
		       out, NULL, sealed.p, len, sealed.p + len, ad.p, ad.len, nonce, key) == 0
		       ? VAULT_OK
		       : VAULT_INTEGRITY;
}

/* The 96-bit nonce: four zero bytes, then the counter, little-endian. */
static void
counter_nonce(uint64_t counter, uint8_t nonce[static crypto_aead_chacha20poly1305_ietf_NPUBBYTES])
{
	put_le64(put_le32(nonce, 0), counter);
}

void
aead_seal_counter(const uint8_t key[static AEAD_KEY_BYTES], uint64_t counter, struct vault_bytes ad,
		  struct vault_bytes plain, uint8_t *out)
{
	uint8_t nonce[crypto_aead_chacha20poly1305_ietf_NPUBBYTES];

	counter_nonce(counter, nonce);
	crypto_aead_chacha20poly1305_ietf_encrypt(out, NULL, plain.p, plain.len, ad.p, ad.len, NULL,
						  nonce, key);
}

enum vault_err
aead_open_counter(const uint8_t key[static AEAD_KEY_BYTES], uint64_t counter, struct vault_bytes ad,
		  struct vault_bytes sealed, uint8_t *out)
{
	uint8_t nonce[crypto_aead_chacha20poly1305_ietf_NPUBBYTES];
	size_t len;

	if (sealed.len < AEAD_TAG_BYTES)
		return VAULT_INTEGRITY;
	len = sealed.len - AEAD_TAG_BYTES;
	counter_nonce(counter, nonce);
	if (crypto_aead_chacha20poly1305_ietf_decrypt_detached(
		    NULL, NULL, sealed.p, len, sealed.p + len, ad.p, ad.len, nonce, key) != 0)
		return VAULT_INTEGRITY;
	if (len > 0)
		crypto_stream_chacha20_ietf_xor_ic(out, sealed.p, len, nonce, FIRST_BLOCK, key);
	return VAULT_OK;
}
