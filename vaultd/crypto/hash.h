/*
 * SHA-256 and keyed name tags.
 */
#ifndef CRYPTO_HASH_H
#define CRYPTO_HASH_H

#include <string.h>

#include "protocol/error.h"

#define SHA256_BYTES 32

/* A running SHA-256; may be copied. */
struct sha256 {
	_Alignas(8) uint8_t state[112];
};
void sha256_start(struct sha256 *h);
void sha256_add(struct sha256 *h, const void *p, size_t n);
void sha256_end(struct sha256 *h, uint8_t out[static SHA256_BYTES]);
void sha256_once(struct vault_bytes bytes, uint8_t out[static SHA256_BYTES]);

/*
 * A name's tag: BLAKE2b keyed with a name key, over a kind and the name, cut to 12 bytes. Without
 * the key it tells nothing of the name; two names share one with negligible probability.
 */
#define NAME_TAG_BYTES 12
#define NAME_KEY_BYTES 32
void name_tag(const uint8_t key[static NAME_KEY_BYTES], uint8_t kind, struct vault_bytes name,
	      uint8_t tag[static NAME_TAG_BYTES]);

/*
 * The tag of an id that is random itself: SipHash-2-4, a tenth of a name tag's time, because every
 * API key that is verified needs one. Two ids share one once in 2^64.
 */
#define ID_TAG_BYTES 8
#define ID_KEY_BYTES 16
void id_tag(const uint8_t key[static ID_KEY_BYTES], struct vault_bytes id,
	    uint8_t tag[static ID_TAG_BYTES]);
/* In one comparison. */
static inline bool
id_tag_equal(const uint8_t a[static ID_TAG_BYTES], const uint8_t b[static ID_TAG_BYTES])
{
	uint64_t x, y;

	memcpy(&x, a, sizeof x);
	memcpy(&y, b, sizeof y);
	return x == y;
}

#endif
