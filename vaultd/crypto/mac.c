/*
 * The low-level functions: they use the processor's SHA instructions, allocate nothing, and their
 * state is plain bytes.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "vaultd/crypto/mac.h"

#include <openssl/sha.h>
#include <sodium.h>
#include <string.h>

#define BLOCK_MAX SHA512_CBLOCK /* the longer of the two hashes' blocks, bytes */
#define INNER_PAD 0x36		/* RFC 2104 section 2 */
#define OUTER_PAD 0x5c

_Static_assert(sizeof(SHA256_CTX) <= sizeof(struct mac_state),
	       "struct mac_state holds either state");
_Static_assert(sizeof(SHA512_CTX) <= sizeof(struct mac_state),
	       "struct mac_state holds either state");
_Static_assert(_Alignof(SHA512_CTX) <= _Alignof(struct mac_state), "and is aligned for it");
_Static_assert(MAC_BYTES_MAX == SHA512_DIGEST_LENGTH, "the longest tag");

static SHA256_CTX *
context256(struct mac_state *state)
{
	return (SHA256_CTX *)(void *)state;
}

static SHA512_CTX *
context512(struct mac_state *state)
{
	return (SHA512_CTX *)(void *)state;
}

/* The part of a state that its hash uses: no more is copied and wiped for each tag. */
static size_t
state_bytes(enum mac_hash hash)
{
	return hash == MAC_SHA256 ? sizeof(SHA256_CTX) : sizeof(SHA512_CTX);
}

static size_t
block_bytes(enum mac_hash hash)
{
	return hash == MAC_SHA256 ? SHA256_CBLOCK : SHA512_CBLOCK;
}

static void
state_start(enum mac_hash hash, struct mac_state *state)
{
	if (hash == MAC_SHA256)
		SHA256_Init(context256(state));
	else
		SHA512_Init(context512(state));
}

static void
state_add(enum mac_hash hash, struct mac_state *state, const void *p, size_t n)
{
	if (hash == MAC_SHA256)
		SHA256_Update(context256(state), p, n);
	else
		SHA512_Update(context512(state), p, n);
}

static void
state_end(enum mac_hash hash, struct mac_state *state, uint8_t *out)
{
	if (hash == MAC_SHA256)
		SHA256_Final(out, context256(state));
	else
		SHA512_Final(out, context512(state));
}

/* pads[0] after the inner pad, pads[1] after the outer one. */
static struct mac_state *
pads(const struct mac_key *key)
{
	return (struct mac_state *)(void *)key->pads.p;
}

static void
absorb_pad(enum mac_hash hash, struct mac_state *state, const uint8_t block[static BLOCK_MAX],
	   uint8_t pad)
{
	uint8_t padded[BLOCK_MAX];

	for (size_t i = 0; i < sizeof padded; i++)
		padded[i] = block[i] ^ pad;
	state_start(hash, state);
	state_add(hash, state, padded, block_bytes(hash));
	secret_wipe(padded, sizeof padded);
}

/* The key as one block: zero-padded, or its hash where it is longer. */
static void
key_block(enum mac_hash hash, struct vault_bytes secret, uint8_t block[static BLOCK_MAX])
{
	struct mac_state state;

	memset(block, 0, BLOCK_MAX);
	if (secret.len > block_bytes(hash)) {
		state_start(hash, &state);
		state_add(hash, &state, secret.p, secret.len);
		state_end(hash, &state, block);
		secret_wipe(&state, sizeof state);
	} else if (secret.len > 0) {
		memcpy(block, secret.p, secret.len);
	}
}

enum vault_err
mac_key_init(struct mac_key *key, struct arena *arena, enum mac_hash hash,
	     struct vault_bytes secret)
{
	struct mac_key made = { .hash = hash };
	uint8_t block[BLOCK_MAX];

	TRY(secret_new(arena, 2 * sizeof(struct mac_state), &made.pads));
	key_block(hash, secret, block);
	absorb_pad(hash, &pads(&made)[0], block, INNER_PAD);
	absorb_pad(hash, &pads(&made)[1], block, OUTER_PAD);
	secret_wipe(block, sizeof block);
	*key = made;
	return VAULT_OK;
}

void
mac_key_free(struct mac_key *key)
{
	secret_free(&key->pads);
}

size_t
mac_bytes(enum mac_hash hash)
{
	return hash == MAC_SHA256 ? SHA256_DIGEST_LENGTH : SHA512_DIGEST_LENGTH;
}

void
mac_start(const struct mac_key *key, struct mac_state *state)
{
	memcpy(state, &pads(key)[0], state_bytes(key->hash));
}

void
mac_add(const struct mac_key *key, struct mac_state *state, const void *p, size_t n)
{
	state_add(key->hash, state, p, n);
}

void
mac_end(const struct mac_key *key, struct mac_state *state, uint8_t *tag)
{
	uint8_t inner[MAC_BYTES_MAX];

	state_end(key->hash, state, inner);
	memcpy(state, &pads(key)[1], state_bytes(key->hash)); /* over all of the inner one */
	state_add(key->hash, state, inner, mac_bytes(key->hash));
	state_end(key->hash, state, tag);
	secret_wipe(state, state_bytes(key->hash));
	secret_wipe(inner, mac_bytes(key->hash));
}

void
mac_once(const struct mac_key *key, struct vault_bytes message, uint8_t *tag)
{
	struct mac_state state;

	mac_start(key, &state);
	mac_add(key, &state, message.p, message.len);
	mac_end(key, &state, tag);
}

bool
mac_equal(const uint8_t *a, const uint8_t *b, size_t n)
{
	return sodium_memcmp(a, b, n) == 0;
}

bool
mac_check(const struct mac_key *key, struct vault_bytes message, struct vault_bytes tag)
{
	uint8_t expected[MAC_BYTES_MAX];
	bool equal;

	if (tag.len != mac_bytes(key->hash))
		return false;
	mac_once(key, message, expected);
	equal = mac_equal(expected, tag.p, tag.len);
	secret_wipe(expected, sizeof expected);
	return equal;
}
