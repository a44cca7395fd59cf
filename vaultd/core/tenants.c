#include "vaultd/core/tenants.h"

#include <stdlib.h>

struct tenant_chunk {
	struct tenant_slot slots[TENANTS_PER_CHUNK];
};

#define CHUNKS (TENANTS_MAX / TENANTS_PER_CHUNK)

void
tenants_init(struct tenants *tenants)
{
	for (size_t i = 0; i < CHUNKS; i++)
		atomic_init(&tenants->chunks[i], NULL);
}

void
tenants_free(struct tenants *tenants)
{
	for (size_t i = 0; i < CHUNKS; i++) {
		struct tenant_chunk *chunk = atomic_exchange(&tenants->chunks[i], NULL);

		for (size_t j = 0; chunk != NULL && j < TENANTS_PER_CHUNK; j++)
			revoked_filter_free(atomic_load(&chunk->slots[j].revoked));
		free(chunk);
	}
}

void
tenants_reset(struct tenants *tenants)
{
	for (size_t i = 0; i < CHUNKS; i++) {
		struct tenant_chunk *chunk = atomic_load(&tenants->chunks[i]);

		for (size_t j = 0; chunk != NULL && j < TENANTS_PER_CHUNK; j++) {
			atomic_store(&chunk->slots[j].next_id, 0);
			atomic_store(&chunk->slots[j].reserved, 0);
		}
	}
}

struct tenant_slot *
tenants_slot(struct tenants *tenants, uint32_t number)
{
	_Atomic(struct tenant_chunk *) *place;
	struct tenant_chunk *chunk, *fresh;

	if (number >= TENANTS_MAX)
		return NULL;
	place = &tenants->chunks[number / TENANTS_PER_CHUNK];
	chunk = atomic_load_explicit(place, memory_order_acquire);
	if (chunk == NULL) {
		fresh = calloc(1, sizeof *fresh);
		if (fresh == NULL)
			return NULL;
		/* Another thread may have been first: then its chunk counts. */
		if (atomic_compare_exchange_strong(place, &chunk, fresh))
			chunk = fresh;
		else
			free(fresh);
	}
	return &chunk->slots[number % TENANTS_PER_CHUNK];
}
