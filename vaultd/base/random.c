#include "vaultd/base/random.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define POOL_KEY_BYTES crypto_stream_chacha20_KEYBYTES

_Static_assert(RANDOM_POOL_BYTES - POOL_KEY_BYTES >= 256, "a block holds the largest taking");

/*
 * There is no key without the kernel's random numbers, and no way to go on: the only failure that
 * ends the process.
 */
void
random_bytes(void *p, size_t n)
{
	uint8_t *at = p;

	while (n > 0) {
		ssize_t got = getrandom(at, n, 0);

		if (got < 0 && errno != EINTR)
			abort();
		if (got > 0) {
			at += got;
			n -= (size_t)got;
		}
	}
}

uint32_t
random_below(uint32_t bound)
{
	/* Values below 2^32 mod bound would favour the first remainders. */
	uint32_t least = bound < 2 ? 0 : -bound % bound;
	uint32_t v;

	if (bound < 2)
		return 0;
	do
		random_bytes(&v, sizeof v);
	while (v < least);
	return v % bound;
}

enum vault_err
random_pool_init(struct random_pool *pool, struct arena *arena)
{
	struct secret block = { 0 };

	TRY(secret_new(arena, RANDOM_POOL_BYTES, &block));
	random_bytes(block.p, POOL_KEY_BYTES);
	*pool = (struct random_pool){ .block = block, .used = RANDOM_POOL_BYTES };
	return VAULT_OK;
}

/*
 * The old key makes the whole new block, its own successor included, and is gone. A key is used
 * once: nonce 0.
 */
static void
refill(struct random_pool *pool)
{
	static const uint8_t nonce[crypto_stream_chacha20_NONCEBYTES];
	uint8_t key[POOL_KEY_BYTES];

	memcpy(key, pool->block.p, sizeof key);
	crypto_stream_chacha20(pool->block.p, RANDOM_POOL_BYTES, nonce, key);
	secret_wipe(key, sizeof key);
	pool->used = POOL_KEY_BYTES;
}

void
random_pool_take(struct random_pool *pool, void *p, size_t n)
{
	if (RANDOM_POOL_BYTES - pool->used < n)
		refill(pool);
	memcpy(p, pool->block.p + pool->used, n);
	secret_wipe(pool->block.p + pool->used, n);
	pool->used += n;
}

void
random_pool_free(struct random_pool *pool)
{
	secret_free(&pool->block);
	pool->used = 0;
}
