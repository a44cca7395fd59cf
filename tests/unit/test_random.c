#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/lib/arena.h"
#include "vaultd/base/random.h"

#define TAKINGS 4096
#define ID_BYTES 12

static void
test_bytes(void **state)
{
	uint8_t a[1000] = { 0 }, b[1000] = { 0 };
	unsigned ones = 0;

	(void)state;
	random_bytes(a, 0);
	random_bytes(a, sizeof a);
	random_bytes(b, sizeof b);
	assert_memory_not_equal(a, b, sizeof a);
	for (size_t i = 0; i < sizeof a; i++)
		ones += (unsigned)__builtin_popcount(a[i]);
	/* 4,000 expected; 450 is more than ten standard deviations. */
	assert_in_range(ones, 3550, 4450);
}

static void
test_below(void **state)
{
	unsigned count[7] = { 0 };

	(void)state;
	assert_int_equal(random_below(0), 0);
	assert_int_equal(random_below(1), 0);
	for (int i = 0; i < 7000; i++) {
		uint32_t v = random_below(7);

		assert_in_range(v, 0, 6);
		count[v]++;
	}
	for (int i = 0; i < 7; i++)
		assert_in_range(count[i], 700, 1300);
	for (int i = 0; i < 100; i++)
		assert_true(random_below(UINT32_MAX) < UINT32_MAX);
}

static int
compare(const void *a, const void *b)
{
	return memcmp(a, b, ID_BYTES);
}

static void
test_pool_no_repeats(void **state)
{
	uint8_t(*ids)[ID_BYTES] = calloc(TAKINGS, ID_BYTES);
	struct random_pool pool[2];

	assert_int_equal(random_pool_init(&pool[0], *state), VAULT_OK);
	assert_int_equal(random_pool_init(&pool[1], *state), VAULT_OK);
	for (size_t i = 0; i < TAKINGS; i++)
		random_pool_take(&pool[i % 2], ids[i], ID_BYTES);
	qsort(ids, TAKINGS, ID_BYTES, compare);
	for (size_t i = 1; i < TAKINGS; i++)
		assert_memory_not_equal(ids[i - 1], ids[i], ID_BYTES);
	random_pool_free(&pool[0]);
	random_pool_free(&pool[1]);
	random_pool_free(&pool[1]);
	assert_int_equal(arena_used(*state), 0);
	free(ids);
}

/* What was handed out is no longer in the pool, and the key that made it is gone. */
static void
test_pool_erases(void **state)
{
	uint8_t key[32], out[256], zero[256] = { 0 };
	struct random_pool pool;
	size_t before;

	assert_int_equal(random_pool_init(&pool, *state), VAULT_OK);
	memcpy(key, pool.block.p, sizeof key);
	for (int i = 0; i < 20; i++) {
		random_pool_take(&pool, out, sizeof out);
		assert_memory_not_equal(out, zero, sizeof out);
		assert_memory_not_equal(pool.block.p, key, sizeof key);
		before = pool.used - sizeof out;
		assert_true(before >= sizeof key);
		assert_memory_equal(pool.block.p + before, zero, sizeof out);
	}
	random_pool_take(&pool, out, 0);
	random_pool_free(&pool);
}

static void
test_pool_without_room(void **state)
{
	struct random_pool pool = { .used = 7 };
	struct secret all = { 0 };

	assert_int_equal(secret_new(*state, arena_size(*state), &all), VAULT_OK);
	assert_int_equal(random_pool_init(&pool, *state), VAULT_BUSY);
	assert_int_equal(pool.used, 7);
	secret_free(&all);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_below),
		cmocka_unit_test(test_pool_no_repeats),
		cmocka_unit_test(test_pool_erases),
		cmocka_unit_test(test_pool_without_room),
	};

	return cmocka_run_group_tests_name("random", tests, arena_setup, arena_teardown);
}
