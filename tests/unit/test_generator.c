/*
 * Generated values: their form, and that every letter is as likely as every other.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/unit/lib/keys.h"
#include "vaultd/core/generator.h"

#define LETTERS 26
#define DRAWS (LETTERS * 4000)
/* The 99.9999th percentile of chi-square with 25 degrees of freedom is 77. */
#define CHI_SQUARE_MAX 80.0

static void
every_letter_is_as_likely(void **state)
{
	struct test_keys *t = *state;
	const struct generator generator = { .length = 4000,
					     .alphabet =
						     TEXT_LITERAL("abcdefghijklmnopqrstuvwxyz") };
	size_t counts[256] = { 0 };
	double chi_square = 0, expected = (double)DRAWS / LETTERS;

	for (int i = 0; i < DRAWS / 4000; i++) {
		SECRET_LOCAL(value);

		assert_ok(generator_make(t->arena, &generator, &value));
		assert_int_equal(value.len, 4000);
		for (size_t k = 0; k < value.len; k++)
			counts[value.p[k]]++;
	}
	for (int c = 'a'; c <= 'z'; c++) {
		double off = (double)counts[c] - expected;

		chi_square += off * off / expected;
	}
	assert_true(chi_square < CHI_SQUARE_MAX);
}

static void
each_kind_has_its_length(void **state)
{
	static const struct {
		int kind;
		size_t length, made;
	} cases[] = {
		{ 0, 32, 32 },
		{ generator_kind_hex, 32, 64 },
		{ generator_kind_hex, 1, 2 },
		{ generator_kind_base64, 32, 44 },
		{ generator_kind_base64, 1, 4 },
		{ generator_kind_uuid, 32, 36 },
		{ generator_kind_password, GENERATED_MAX, GENERATED_MAX },
	};
	struct test_keys *t = *state;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct generator generator = { cases[i].kind, cases[i].length, { NULL, 0 } };
		SECRET_LOCAL(value);

		assert_ok(generator_make(t->arena, &generator, &value));
		assert_int_equal(value.len, cases[i].made);
		for (size_t k = 0; k < value.len; k++)
			assert_in_range(value.p[k], 0x21, 0x7e);
	}
}

static enum vault_err
check(const char *alphabet, int kind)
{
	struct op op = { .now = { 0 } };
	struct generator generator;
	struct secret_generator given = { .length = { 32, false } };

	if (alphabet != NULL)
		given.alphabet = text_of(alphabet);
	given.kind.v = kind;
	given.kind.set = kind != 0;
	return generator_check(&op, &given, &generator);
}

static void
alphabets_that_would_be_biased_are_refused(void **state)
{
	(void)state;
	assert_ok(check(NULL, 0));
	assert_ok(check("ab", 0));
	assert_ok(check(" ~", 0));
	assert_ok(check(NULL, generator_kind_uuid));
	assert_int_equal(check("aba", 0), VAULT_INVALID_PARAMS);
	assert_int_equal(check("a\x7f", 0), VAULT_INVALID_PARAMS);
	assert_int_equal(check("a\xc3\xa9", 0), VAULT_INVALID_PARAMS);
	assert_int_equal(check("ab", generator_kind_hex), VAULT_INVALID_PARAMS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_letter_is_as_likely, test_keys_setup,
						test_keys_teardown),
		cmocka_unit_test_setup_teardown(each_kind_has_its_length, test_keys_setup,
						test_keys_teardown),
		cmocka_unit_test(alphabets_that_would_be_biased_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
