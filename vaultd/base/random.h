/*
 * Random bytes. random_bytes asks the kernel each time; a pool hands out bytes of a ChaCha20 stream
 * whose key it replaces with every block (fast key erasure), for ids that are needed by the
 * million.
 */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include "vaultd/base/secret.h"

void random_bytes(void *p, size_t n);
/* Uniform in [0, bound). */
uint32_t random_below(uint32_t bound);

#define RANDOM_POOL_BYTES 1024

/* Belongs to one thread. */
struct random_pool {
	struct secret block; /* key, then bytes not yet handed out */
	size_t used;
};

MUST_USE enum vault_err random_pool_init(struct random_pool *pool, struct arena *arena);
/* n at most 256. */
void random_pool_take(struct random_pool *pool, void *p, size_t n);
void random_pool_free(struct random_pool *pool);

#endif
