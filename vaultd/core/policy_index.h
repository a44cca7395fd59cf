/*
 * How a policy's tables are hashed: shared by who builds them and who looks up.
 */
#ifndef CORE_POLICY_INDEX_H
#define CORE_POLICY_INDEX_H

#include "vaultd/core/policy.h"

/* Where a grant's tenant patterns stand that are no literal. */
#define LINK_PATTERNS ((struct vault_text){ "*", 1 })

#define HASH_MULTIPLIER UINT64_C(0x9e3779b97f4a7c15)

static inline uint64_t
hash_mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * HASH_MULTIPLIER;
	return h ^ h >> 32;
}

/* Eight bytes at a time. Only spreads: who is found is compared in full. */
static inline uint64_t
hash_text(uint64_t h, struct vault_text text)
{
	size_t i = 0;
	uint64_t word;

	for (; i + sizeof word <= text.len; i += sizeof word) {
		memcpy(&word, text.p + i, sizeof word);
		h = hash_mix(h, word);
	}
	word = text.len - i;
	for (; i < text.len; i++)
		word = word << 8 | (uint8_t)text.p[i];
	return hash_mix(h, word);
}

static inline uint64_t
principal_hash(const struct principal *principal)
{
	if (principal->kind == PRINCIPAL_KEY)
		return hash_text((uint64_t)principal->kind, principal->text);
	return hash_mix((uint64_t)principal->kind, principal->number);
}

static inline uint64_t
link_hash(const struct holder *holder, struct vault_text tenant)
{
	return hash_text((uint64_t)(uintptr_t)holder, tenant);
}

#endif
