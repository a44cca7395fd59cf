/* The histogram of vault-bench: quantiles to three digits, from nanoseconds to minutes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tools/vault-bench/histogram.h"

static int
setup(void **state)
{
	*state = calloc(1, sizeof(struct histogram));
	return *state == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	free(*state);
	return 0;
}

static void
empty_has_no_quantile(void **state)
{
	assert_int_equal(histogram_quantile(*state, 0.5), 0);
	assert_int_equal(histogram_quantile(*state, 1), 0);
}

static void
quantiles_of_known_values(void **state)
{
	struct histogram *h = *state;

	for (uint64_t ns = 1; ns <= 1000; ns++)
		histogram_add(h, ns);
	assert_int_equal(h->total, 1000);
	assert_int_equal(h->max, 1000);
	assert_int_equal(histogram_quantile(h, 0), 1);
	assert_int_equal(histogram_quantile(h, 0.5), 500);
	assert_int_equal(histogram_quantile(h, 0.99), 990);
	assert_int_equal(histogram_quantile(h, 0.999), 999);
	assert_int_equal(histogram_quantile(h, 1), 1000);
}

/* One value below the maximum, told with at most 1/1024 too much and never too little. */
static void
one_value_is_told_to_three_digits(void **state)
{
	struct histogram *h = *state;

	for (uint64_t ns = 1; ns < UINT64_C(1) << HISTOGRAM_TOP_BITS; ns += 1 + ns / 7) {
		uint64_t told;

		*h = (struct histogram){ 0 };
		histogram_add(h, ns);
		h->max = UINT64_MAX;
		told = histogram_quantile(h, 0.5);
		assert_true(told >= ns && told - ns <= ns / 1024);
	}
}

static void
rare_slow_ones_show_only_at_the_end(void **state)
{
	struct histogram *h = *state;

	for (int i = 0; i < 9995; i++)
		histogram_add(h, 1500);
	for (int i = 0; i < 5; i++)
		histogram_add(h, 40000000);
	assert_int_equal(histogram_quantile(h, 0.999), 1500);
	assert_int_equal(histogram_quantile(h, 0.9999), 40000000);
}

static void
longer_than_the_top_counts_as_the_top(void **state)
{
	struct histogram *h = *state;

	histogram_add(h, UINT64_MAX);
	assert_int_equal(h->max, UINT64_MAX);
	assert_true(histogram_quantile(h, 0.5) >= (UINT64_C(1) << HISTOGRAM_TOP_BITS) - 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(empty_has_no_quantile, setup, teardown),
		cmocka_unit_test_setup_teardown(quantiles_of_known_values, setup, teardown),
		cmocka_unit_test_setup_teardown(one_value_is_told_to_three_digits, setup, teardown),
		cmocka_unit_test_setup_teardown(rare_slow_ones_show_only_at_the_end, setup,
						teardown),
		cmocka_unit_test_setup_teardown(longer_than_the_top_counts_as_the_top, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
