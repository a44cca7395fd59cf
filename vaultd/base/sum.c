#include "vaultd/base/sum.h"

#include <sodium.h>
#include <string.h>

#include "vaultd/base/bytes.h"

_Static_assert(SUM_BYTES == crypto_shorthash_siphashx24_BYTES, "an entry's hash has 128 bits");
_Static_assert(SUM_KEY_BYTES == 2 * crypto_shorthash_siphashx24_KEYBYTES, "two keys of SipHash");

static struct sum
entry_hash(const uint8_t *key, struct vault_bytes place, struct vault_bytes value)
{
	uint8_t joined[SUM_PLACE_MAX + SUM_BYTES], bytes[SUM_BYTES];
	size_t len = place.len < SUM_PLACE_MAX ? place.len : SUM_PLACE_MAX;
	struct sum hash;

	memcpy(joined, place.p, len);
	crypto_shorthash_siphashx24(joined + len, value.p, value.len, key);
	crypto_shorthash_siphashx24(bytes, joined, len + SUM_BYTES,
				    key + crypto_shorthash_siphashx24_KEYBYTES);
	sum_read(&hash, bytes);
	return hash;
}

void
sum_add(struct sum *sum, const struct sum *other)
{
	sum->low += other->low;
	sum->high += other->high + (sum->low < other->low);
}

void
sum_subtract(struct sum *sum, const struct sum *other)
{
	bool borrow = sum->low < other->low;

	sum->low -= other->low;
	sum->high -= other->high + borrow;
}

void
sum_put(struct sum *sum, const uint8_t key[static SUM_KEY_BYTES], struct vault_bytes place,
	struct vault_bytes value)
{
	struct sum hash = entry_hash(key, place, value);

	sum_add(sum, &hash);
}

void
sum_take(struct sum *sum, const uint8_t key[static SUM_KEY_BYTES], struct vault_bytes place,
	 struct vault_bytes value)
{
	struct sum hash = entry_hash(key, place, value);

	sum_subtract(sum, &hash);
}

void
sum_write(const struct sum *sum, uint8_t bytes[static SUM_BYTES])
{
	put_le64(put_le64(bytes, sum->low), sum->high);
}

void
sum_read(struct sum *sum, const uint8_t bytes[static SUM_BYTES])
{
	*sum = (struct sum){ .low = get_le64(bytes), .high = get_le64(bytes + 8) };
}
