#include "vaultd/core/cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/text.h"

struct thing {
	struct cache_entry entry;
	unsigned *destroyed;
};

struct fixture {
	struct cache cache;
	unsigned destroyed;
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	assert_non_null(f);
	cache_init(&f->cache, 1000);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	cache_clear(&f->cache);
	assert_int_equal(f->cache.cost, 0);
	assert_null(f->cache.newest);
	assert_null(f->cache.oldest);
	free(f);
	return 0;
}

static void
thing_destroy(struct cache_entry *entry)
{
	struct thing *thing = (struct thing *)(void *)entry;

	++*thing->destroyed;
	free(thing);
}

static struct cache_key
key(const char *name, uint64_t generation)
{
	return (struct cache_key){ CACHE_KEY, 7, text_of(name), generation };
}

static struct cache_entry *
put(struct fixture *f, const struct cache_key *k, size_t cost)
{
	struct thing *thing = calloc(1, sizeof *thing);

	assert_non_null(thing);
	thing->entry.destroy = thing_destroy;
	thing->entry.cost = cost;
	thing->destroyed = &f->destroyed;
	cache_put(&f->cache, k, &thing->entry);
	return &thing->entry;
}

static struct cache_entry *
put_name(struct fixture *f, const char *name, size_t cost)
{
	struct cache_key k = key(name, 1);

	return put(f, &k, cost);
}

static bool
has(struct fixture *f, const char *name)
{
	struct cache_key k = key(name, 1);

	return cache_get(&f->cache, &k) != NULL;
}

static void
test_found_by_all_of_its_key(void **state)
{
	struct fixture *f = *state;
	struct cache_key k = key("name", 1), other;
	struct cache_entry *entry = put(f, &k, 10);

	assert_ptr_equal(cache_get(&f->cache, &k), entry);
	other = k;
	other.kind = CACHE_PROFILE;
	assert_null(cache_get(&f->cache, &other));
	other = k;
	other.tenant = 8;
	assert_null(cache_get(&f->cache, &other));
	other = key("nam", 1);
	assert_null(cache_get(&f->cache, &other));
	other = key("name2", 1);
	assert_null(cache_get(&f->cache, &other));
	assert_ptr_equal(cache_get(&f->cache, &k), entry);
	assert_int_equal(f->destroyed, 0);
}

/* Also where another's key lies in the same bucket: among so many, some do. */
static void
test_same_bucket(void **state)
{
	struct fixture *f = *state;
	struct cache_key k = key("name", 1);
	struct cache_entry *entry = put(f, &k, 10);
	char name[16];

	for (uint32_t tenant = 8; tenant < 20 * CACHE_BUCKETS; tenant++) {
		struct cache_key other = k;

		other.tenant = tenant;
		assert_null(cache_get(&f->cache, &other));
		snprintf(name, sizeof name, "%04x", tenant % 0x10000);
		other = key(name, 1);
		assert_null(cache_get(&f->cache, &other));
	}
	assert_ptr_equal(cache_get(&f->cache, &k), entry);
}

/* More names than buckets: chains are followed, and taken apart in any order. */
static void
test_many(void **state)
{
	struct fixture *f = *state;
	char name[16];
	unsigned n = 3 * CACHE_BUCKETS;

	f->cache.limit = SIZE_MAX;
	for (unsigned i = 0; i < n; i++) {
		snprintf(name, sizeof name, "name-%u", i);
		put_name(f, name, 1);
	}
	for (unsigned i = 0; i < n; i++) {
		struct cache_key k;

		snprintf(name, sizeof name, "name-%u", i * 7 % n);
		k = key(name, 1);
		if (i % 2 == 0)
			cache_remove(&f->cache, cache_get(&f->cache, &k));
	}
	cache_next_operation(&f->cache);
	assert_int_equal(f->destroyed, n / 2);
	assert_int_equal(f->cache.cost, n / 2);
	for (unsigned i = 0; i < n; i++) {
		snprintf(name, sizeof name, "name-%u", i * 7 % n);
		assert_int_equal(has(f, name), i % 2 == 1);
	}
}

static void
test_the_longest_unused_goes_first(void **state)
{
	struct fixture *f = *state;

	put_name(f, "a", 300);
	put_name(f, "b", 300);
	put_name(f, "c", 300);
	cache_next_operation(&f->cache);
	assert_true(has(f, "a"));
	cache_next_operation(&f->cache);
	put_name(f, "d", 300);
	assert_int_equal(f->destroyed, 1);
	assert_false(has(f, "b"));
	assert_true(has(f, "a") && has(f, "c") && has(f, "d"));
	assert_int_equal(f->cache.cost, 900);
}

static void
test_limit(void **state)
{
	struct fixture *f = *state;

	put_name(f, "a", 500);
	put_name(f, "b", 500);
	assert_int_equal(f->destroyed, 0);
	cache_next_operation(&f->cache);
	put_name(f, "c", 1);
	assert_int_equal(f->destroyed, 1);
	cache_next_operation(&f->cache);
	put_name(f, "d", 1000);
	assert_int_equal(f->destroyed, 3);
	assert_int_equal(f->cache.cost, 1000);
	assert_true(has(f, "d"));
}

/* What the operation uses stays, also above the limit. */
static void
test_used_now_is_not_evicted(void **state)
{
	struct fixture *f = *state;

	put_name(f, "a", 600);
	cache_next_operation(&f->cache);
	assert_true(has(f, "a"));
	put_name(f, "b", 600);
	put_name(f, "c", 600);
	assert_int_equal(f->destroyed, 0);
	assert_false(cache_evict(&f->cache));
	assert_true(has(f, "a") && has(f, "b") && has(f, "c"));
	cache_next_operation(&f->cache);
	assert_true(cache_evict(&f->cache));
	assert_int_equal(f->destroyed, 1);
	put_name(f, "d", 600);
	assert_int_equal(f->destroyed, 3);
	assert_int_equal(f->cache.cost, 600);
}

static void
test_generation(void **state)
{
	struct fixture *f = *state;
	struct cache_key old = key("name", 1), new = key("name", 2);

	put(f, &old, 10);
	cache_next_operation(&f->cache);
	assert_null(cache_get(&f->cache, &new));
	assert_int_equal(f->destroyed, 1);
	assert_null(cache_get(&f->cache, &old));
	put(f, &new, 10);
	assert_non_null(cache_get(&f->cache, &new));
}

/* A stale entry that this operation was given stays valid until it ends, but is not given again. */
static void
test_stale_within_an_operation(void **state)
{
	struct fixture *f = *state;
	struct cache_key old = key("name", 1), new = key("name", 2);
	struct cache_entry *entry = put(f, &old, 10);

	assert_null(cache_get(&f->cache, &new));
	assert_int_equal(f->destroyed, 0);
	assert_memory_equal(entry->name, "name", 4);
	assert_int_equal(f->cache.cost, 0);
	put(f, &new, 10);
	assert_ptr_not_equal(cache_get(&f->cache, &new), entry);
	cache_next_operation(&f->cache);
	assert_int_equal(f->destroyed, 1);
	assert_non_null(cache_get(&f->cache, &new));
}

static void
test_clear(void **state)
{
	struct fixture *f = *state;
	struct cache_key k = key("b", 1);

	put_name(f, "a", 1);
	cache_remove(&f->cache, put(f, &k, 1));
	cache_clear(&f->cache);
	assert_int_equal(f->destroyed, 2);
	assert_false(has(f, "a"));
	assert_false(cache_evict(&f->cache));
	put_name(f, "a", 1);
	assert_true(has(f, "a"));
}

/* The longest name there can be. */
static void
test_long_names(void **state)
{
	struct fixture *f = *state;
	char name[NAME_MAX_LEN + 1];

	memset(name, 'x', NAME_MAX_LEN);
	name[NAME_MAX_LEN] = '\0';
	put_name(f, name, 1);
	assert_true(has(f, name));
	name[NAME_MAX_LEN - 1] = 'y';
	assert_false(has(f, name));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_found_by_all_of_its_key),
		TEST(test_same_bucket),
		TEST(test_many),
		TEST(test_the_longest_unused_goes_first),
		TEST(test_limit),
		TEST(test_used_now_is_not_evicted),
		TEST(test_generation),
		TEST(test_stale_within_an_operation),
		TEST(test_clear),
		TEST(test_long_names),
	};

	return cmocka_run_group_tests_name("cache", tests, NULL, NULL);
}
