/*
 * One thread's cache of opened and prepared things (tenants, keys, profiles), so that a hot request
 * touches neither the store nor a cipher. An entry counts as long as its tenant's generation is the
 * one it was loaded under; what was used longest ago goes first when the thread's share of the
 * arena, or the arena, is full.
 */
#ifndef CORE_CACHE_H
#define CORE_CACHE_H

#include <stdatomic.h>

#include "protocol/error.h"
#include "protocol/fields.h"

#define CACHE_BUCKETS 4096

enum cache_kind { CACHE_TENANT, CACHE_KEY, CACHE_PROFILE, CACHE_TENANT_NAME, CACHE_APIKEYS };

/* The first member of everything cached. */
struct cache_entry {
	struct cache_entry *chain; /* in its bucket */
	struct cache_entry *newer, *older;
	void (*destroy)(struct cache_entry *entry);
	uint64_t generation;
	uint64_t used; /* the operation that used it last */
	uint32_t tenant;
	uint32_t bucket;
	size_t cost; /* bytes of the arena it holds */
	uint8_t kind;
	uint8_t name_len;
	char name[NAME_MAX_LEN];
};

struct cache {
	struct cache_entry *buckets[CACHE_BUCKETS];
	struct cache_entry *newest, *oldest;
	struct cache_entry
		*retired; /* stale, but used in this operation: destroyed when it has ended */
	size_t cost;
	size_t limit;
	uint64_t operation; /* entries used in the current one are not evicted */
	/* For the metrics: written by the cache's thread, read by any. */
	_Atomic uint64_t entries;
	_Atomic uint64_t evictions;
};

/* What an entry is found by; generation is the tenant's now. */
struct cache_key {
	enum cache_kind kind;
	uint32_t tenant;
	struct vault_text name; /* at most NAME_MAX_LEN */
	uint64_t generation;
};

/* limit: bytes of the arena that entries may hold together. */
void cache_init(struct cache *cache, size_t limit);
/* Destroys every entry. */
void cache_clear(struct cache *cache);
/* To be called at the start of each operation: what earlier ones used may go from here on. */
void cache_next_operation(struct cache *cache);
/* The entry, valid until the operation ends; NULL where there is none of this generation. */
struct cache_entry *cache_get(struct cache *cache, const struct cache_key *key);
/* Takes the entry over, making room for it; valid until the operation ends. */
void cache_put(struct cache *cache, const struct cache_key *key, struct cache_entry *entry);
/* Takes out an entry that turned out stale; what this operation uses stays valid until it ends. */
void cache_remove(struct cache *cache, struct cache_entry *entry);
/* Destroys the entry used longest ago; false where there is none that may go. */
bool cache_evict(struct cache *cache);

#endif
