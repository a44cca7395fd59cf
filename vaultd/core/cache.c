#include "vaultd/core/cache.h"

#include <string.h>

#include "protocol/text.h"

void
cache_init(struct cache *cache, size_t limit)
{
	memset(cache, 0, sizeof *cache);
	cache->limit = limit;
	cache->operation = 1;
}

/* The only writer: an ordinary addition to the processor. */
static void
count(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

static uint32_t
bucket_of(const struct cache_key *key)
{
	return (uint32_t)text_hash(key->name, (uint64_t)key->tenant << 8 | (uint64_t)key->kind) %
	       CACHE_BUCKETS;
}

static void
list_remove(struct cache *cache, struct cache_entry *entry)
{
	if (entry->newer != NULL)
		entry->newer->older = entry->older;
	else
		cache->newest = entry->older;
	if (entry->older != NULL)
		entry->older->newer = entry->newer;
	else
		cache->oldest = entry->newer;
}

static void
list_add(struct cache *cache, struct cache_entry *entry)
{
	entry->newer = NULL;
	entry->older = cache->newest;
	if (cache->newest != NULL)
		cache->newest->newer = entry;
	else
		cache->oldest = entry;
	cache->newest = entry;
}

void
cache_remove(struct cache *cache, struct cache_entry *entry)
{
	struct cache_entry **at = &cache->buckets[entry->bucket];

	while (*at != entry)
		at = &(*at)->chain;
	*at = entry->chain;
	list_remove(cache, entry);
	cache->cost -= entry->cost;
	count(&cache->entries, UINT64_MAX);
	if (entry->used != cache->operation) {
		entry->destroy(entry);
		return;
	}
	entry->chain = cache->retired;
	cache->retired = entry;
}

static void
destroy_retired(struct cache *cache)
{
	while (cache->retired != NULL) {
		struct cache_entry *entry = cache->retired;

		cache->retired = entry->chain;
		entry->destroy(entry);
	}
}

void
cache_clear(struct cache *cache)
{
	while (cache->oldest != NULL)
		cache_remove(cache, cache->oldest);
	destroy_retired(cache);
}

void
cache_next_operation(struct cache *cache)
{
	cache->operation++;
	if (cache->retired != NULL)
		destroy_retired(cache);
}

bool
cache_evict(struct cache *cache)
{
	if (cache->oldest == NULL || cache->oldest->used == cache->operation)
		return false;
	cache_remove(cache, cache->oldest);
	count(&cache->evictions, 1);
	return true;
}

struct cache_entry *
cache_get(struct cache *cache, const struct cache_key *key)
{
	struct cache_entry *entry = cache->buckets[bucket_of(key)];

	while (entry != NULL && (entry->kind != key->kind || entry->tenant != key->tenant ||
				 entry->name_len != key->name.len ||
				 !text_same(entry->name, key->name.p, key->name.len)))
		entry = entry->chain;
	if (entry == NULL)
		return NULL;
	if (entry->generation != key->generation) {
		cache_remove(cache, entry);
		return NULL;
	}
	if (entry->used != cache->operation) {
		entry->used = cache->operation;
		if (cache->newest != entry) {
			list_remove(cache, entry);
			list_add(cache, entry);
		}
	}
	return entry;
}

void
cache_put(struct cache *cache, const struct cache_key *key, struct cache_entry *entry)
{
	while (cache->cost + entry->cost > cache->limit && cache_evict(cache))
		;
	entry->kind = (uint8_t)key->kind;
	entry->tenant = key->tenant;
	entry->generation = key->generation;
	entry->name_len = (uint8_t)key->name.len;
	memcpy(entry->name, key->name.p, key->name.len);
	entry->bucket = bucket_of(key);
	entry->chain = cache->buckets[entry->bucket];
	cache->buckets[entry->bucket] = entry;
	entry->used = cache->operation;
	cache->cost += entry->cost;
	count(&cache->entries, 1);
	list_add(cache, entry);
}
