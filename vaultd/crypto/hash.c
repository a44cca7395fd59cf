/*
 * The low-level functions: they use the processor's SHA instructions, allocate nothing, and their
 * state is plain bytes.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "vaultd/crypto/hash.h"

#include <openssl/sha.h>
#include <sodium.h>
#include <string.h>

#include "vaultd/base/secret.h"

_Static_assert(sizeof(SHA256_CTX) <= sizeof(struct sha256),
	       "struct sha256 holds libcrypto's state");
_Static_assert(_Alignof(SHA256_CTX) <= _Alignof(struct sha256), "and is aligned for it");
_Static_assert(NAME_KEY_BYTES == crypto_generichash_KEYBYTES, "a name key is a BLAKE2b key");

static SHA256_CTX *
context(struct sha256 *h)
{
	return (SHA256_CTX *)(void *)h;
}

void
sha256_start(struct sha256 *h)
{
	SHA256_Init(context(h));
}

void
sha256_add(struct sha256 *h, const void *p, size_t n)
{
	SHA256_Update(context(h), p, n);
}

void
sha256_end(struct sha256 *h, uint8_t out[static SHA256_BYTES])
{
	SHA256_Final(out, context(h));
}

void
sha256_once(struct vault_bytes bytes, uint8_t out[static SHA256_BYTES])
{
	struct sha256 h;

	sha256_start(&h);
	sha256_add(&h, bytes.p, bytes.len);
	sha256_end(&h, out);
}

void
name_tag(const uint8_t key[static NAME_KEY_BYTES], uint8_t kind, struct vault_bytes name,
	 uint8_t tag[static NAME_TAG_BYTES])
{
	uint8_t whole[crypto_generichash_BYTES];
	crypto_generichash_state state;

	crypto_generichash_init(&state, key, NAME_KEY_BYTES, sizeof whole);
	crypto_generichash_update(&state, &kind, 1);
	crypto_generichash_update(&state, name.p, name.len);
	crypto_generichash_final(&state, whole, sizeof whole);
	memcpy(tag, whole, NAME_TAG_BYTES);
	secret_wipe(&state, sizeof state);
}

_Static_assert(ID_TAG_BYTES == crypto_shorthash_BYTES, "an id's tag is SipHash-2-4");
_Static_assert(ID_KEY_BYTES == crypto_shorthash_KEYBYTES, "and its key is SipHash's");

void
id_tag(const uint8_t key[static ID_KEY_BYTES], struct vault_bytes id,
       uint8_t tag[static ID_TAG_BYTES])
{
	crypto_shorthash(tag, id.p, id.len, key);
}
