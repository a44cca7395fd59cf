#include "vaultd/core/apikey_uses.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct apikey_record
key_of(int64_t uses, int64_t left, int64_t amount, int64_t period)
{
	return (struct apikey_record){ .uses = { uses, true },
				       .uses_left = { left, true },
				       .refill_amount = { amount, true },
				       .refill_period = { period, true },
				       .refilled_at = { 1000, true } };
}

static void
test_refill(void **state)
{
	struct apikey_record rec = key_of(10, 2, 3, 60);

	(void)state;
	assert_int_equal(apikey_uses_left(&rec, 1000), 2);
	assert_int_equal(apikey_uses_left(&rec, 1059), 2);
	assert_int_equal(apikey_uses_left(&rec, 1060), 5);
	assert_int_equal(apikey_uses_left(&rec, 1179), 8);
	/* Never beyond what it began with, however long it waited. */
	assert_int_equal(apikey_uses_left(&rec, 1180), 10);
	assert_int_equal(apikey_uses_left(&rec, TIME_MAX), 10);
	/* A clock that was set back takes nothing away. */
	assert_int_equal(apikey_uses_left(&rec, 0), 2);
}

static void
test_nothing_overflows(void **state)
{
	struct apikey_record rec = key_of(UINT32_MAX, 0, UINT32_MAX, 1);

	(void)state;
	assert_int_equal(apikey_uses_left(&rec, TIME_MAX), UINT32_MAX);
	rec = key_of(UINT32_MAX, 1, 1, 1);
	assert_int_equal(apikey_uses_left(&rec, 1001), 2);
}

static void
test_no_refill(void **state)
{
	struct apikey_record rec = { .uses = { 5, true }, .uses_left = { 0, true } };

	(void)state;
	assert_int_equal(apikey_uses_left(&rec, TIME_MAX), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refill),
		cmocka_unit_test(test_nothing_overflows),
		cmocka_unit_test(test_no_refill),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
