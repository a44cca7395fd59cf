/* Rate limits: what fits, what is told of when to come again, and that threads share one bucket. */
#include "vaultd/base/limit.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define SECOND INT64_C(1000000000)
#define MS INT64_C(1000000)
#define THREADS 4
#define NOW (INT64_C(12345) * SECOND)

static unsigned
take_all(_Atomic int64_t *bucket, const struct limit_rate *rate, int64_t now, unsigned tries)
{
	unsigned taken = 0;
	int64_t retry;

	for (unsigned i = 0; i < tries; i++)
		taken += limit_take(bucket, rate, now, &retry);
	return taken;
}

static void
test_unlimited(void **state)
{
	struct limit_rate rate = { 0, 0 };
	_Atomic int64_t bucket = 0;

	(void)state;
	assert_int_equal(take_all(&bucket, &rate, NOW, 100000), 100000);
	assert_int_equal(bucket, 0);
}

static void
test_a_clock_that_stands_still(void **state)
{
	struct limit_rate rates[] = {
		{ 1000, 1000 },	      { 5, 3 }, { 1, 1 }, { 10, 0 }, { LIMIT_RATE_MAX, 7 },
		{ 3, LIMIT_RATE_MAX }
	};
	unsigned bursts[] = { 1000, 3, 1, 10, 7, 200000 };

	(void)state;
	for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
		_Atomic int64_t bucket = 0;

		assert_int_equal(take_all(&bucket, &rates[i], NOW, 200000), bursts[i]);
	}
}

static void
test_the_rate_holds(void **state)
{
	struct limit_rate rate = { 1000, 50 };
	_Atomic int64_t bucket = 0;
	unsigned taken = 0;

	(void)state;
	for (int ms = 0; ms < 10000; ms++)
		taken += take_all(&bucket, &rate, NOW + ms * MS, 5);
	assert_in_range(taken, 10000 + 48, 10000 + 50);
	/* After a pause no more than the burst. */
	assert_int_equal(take_all(&bucket, &rate, NOW + 3600 * SECOND, 1000), 50);
}

/* Who comes again when told to is served, and a millisecond earlier is not. */
static void
test_retry_is_truthful(void **state)
{
	struct limit_rate rates[] = { { 1, 1 }, { 3, 2 }, { 7, 7 }, { 999, 10 }, { 250000, 3 } };

	(void)state;
	for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
		_Atomic int64_t bucket = 0;
		int64_t now = NOW, retry = 0, other;

		for (int round = 0; round < 100; round++) {
			while (limit_take(&bucket, &rates[i], now, &retry))
				continue;
			assert_true(retry >= 1);
			if (retry > 1)
				assert_false(limit_take(&bucket, &rates[i], now + (retry - 1) * MS,
							&other));
			now += retry * MS;
			assert_true(limit_take(&bucket, &rates[i], now, &retry));
		}
	}
}

/* A bucket that a slower rate emptied is soon of use again. */
static void
test_a_rate_that_changes(void **state)
{
	struct limit_rate slow = { 1, 1000 }, fast = { 1000, 10 };
	_Atomic int64_t bucket = 0;
	int64_t retry = 0;

	(void)state;
	assert_int_equal(take_all(&bucket, &slow, NOW, 2000), 1000);
	assert_false(limit_take(&bucket, &fast, NOW, &retry));
	assert_int_equal(retry, 1);
	assert_true(limit_take(&bucket, &fast, NOW + MS, &retry));
	assert_int_equal(take_all(&bucket, &fast, NOW + SECOND, 100), 10);
}

/* Threads whose turns began at other times: behind by some milliseconds is no other rate. */
static void
test_a_thread_behind(void **state)
{
	struct limit_rate rate = { 100, 10 };
	_Atomic int64_t bucket = 0;

	(void)state;
	assert_int_equal(take_all(&bucket, &rate, NOW, 100), 10);
	for (int i = 0; i < 100; i++)
		assert_int_equal(take_all(&bucket, &rate, NOW - 20 * MS, 100), 0);
	assert_int_equal(take_all(&bucket, &rate, NOW + 9 * MS, 100), 0);
	assert_int_equal(take_all(&bucket, &rate, NOW + 10 * MS, 100), 1);
}

static _Atomic int64_t shared;
static _Atomic unsigned total;

static void *
take_shared(void *arg)
{
	atomic_fetch_add(&total, take_all(&shared, arg, NOW, 100000));
	return NULL;
}

static void
test_threads(void **state)
{
	struct limit_rate rate = { 1000, 12345 };
	pthread_t threads[THREADS];

	(void)state;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, take_shared, &rate), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(total, 12345);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unlimited),
		cmocka_unit_test(test_a_clock_that_stands_still),
		cmocka_unit_test(test_the_rate_holds),
		cmocka_unit_test(test_retry_is_truthful),
		cmocka_unit_test(test_a_rate_that_changes),
		cmocka_unit_test(test_a_thread_behind),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests_name("limit", tests, NULL, NULL);
}
