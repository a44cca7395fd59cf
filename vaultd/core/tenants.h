/*
 * What all threads share of each tenant, by number: the generation that caches are checked against,
 * and the issuance counter of token ids. Slots are never moved or freed while the table lives, so a
 * pointer to one stays good.
 */
#ifndef CORE_TENANTS_H
#define CORE_TENANTS_H

#include <stdatomic.h>

#include "protocol/error.h"
#include "vaultd/base/limit.h"
#include "vaultd/core/revoked_filter.h"

#define TENANTS_PER_CHUNK 1024
#define TENANTS_MAX (4096 * TENANTS_PER_CHUNK)

struct tenant_slot {
	_Atomic uint64_t generation; /* counts commits that changed the tenant */
	_Atomic uint64_t next_id;    /* the next token's issuance number */
	_Atomic uint64_t
		reserved; /* numbers below this are durably reserved; 0: none yet since start */
	_Atomic int64_t buckets[LIMIT_CLASSES];	  /* of the tenant's limits, by enum op_class */
	_Atomic(struct revoked_filter *) revoked; /* NULL: not made yet, the store knows */
};

struct tenant_chunk;
struct tenants {
	_Atomic(struct tenant_chunk *) chunks[TENANTS_MAX / TENANTS_PER_CHUNK];
};

void tenants_init(struct tenants *tenants);
void tenants_free(struct tenants *tenants);
/* Forgets every reservation; only while nobody uses the table (the vault is sealed). */
void tenants_reset(struct tenants *tenants);
/* NULL when memory is short or the number is beyond TENANTS_MAX. */
struct tenant_slot *tenants_slot(struct tenants *tenants, uint32_t number);

#endif
