/*
 * A keyed sum over a set of entries, which can be kept up as the set changes: each entry's hash
 * (SipHash-2-4 of 128 bits, once over its bytes and once over where it stands and that) is added or
 * taken away, modulo 2^128. Who does not know the key cannot make another set of the same sum, and
 * the sum must be kept from him too (an Add-MAC: Clarke and others, Asiacrypt 2003).
 */
#ifndef BASE_SUM_H
#define BASE_SUM_H

#include "protocol/types.h"

#define SUM_BYTES 16
#define SUM_KEY_BYTES 32
#define SUM_PLACE_MAX 64 /* bytes of what tells where an entry stands */

struct sum {
	uint64_t low, high;
};

void sum_put(struct sum *sum, const uint8_t key[static SUM_KEY_BYTES], struct vault_bytes place,
	     struct vault_bytes value);
void sum_take(struct sum *sum, const uint8_t key[static SUM_KEY_BYTES], struct vault_bytes place,
	      struct vault_bytes value);
void sum_add(struct sum *sum, const struct sum *other);
void sum_subtract(struct sum *sum, const struct sum *other);
/* Little-endian. */
void sum_write(const struct sum *sum, uint8_t bytes[static SUM_BYTES]);
void sum_read(struct sum *sum, const uint8_t bytes[static SUM_BYTES]);

#endif
