#include "vaultd/core/method_set.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Each operation has a bit that is no other's. */
static void
test_each_alone(void **state)
{
	(void)state;
	for (int id = 0; id < OP_COUNT; id++) {
		struct method_set set = { 0 };

		method_set_add(&set, (enum op_id)id);
		for (int other = 0; other < OP_COUNT; other++)
			assert_int_equal(method_set_has(&set, (enum op_id)other), other == id);
	}
}

static void
test_join_meet_within(void **state)
{
	struct method_set a = { 0 }, b = { 0 }, none = { 0 }, all = method_set_all(), both;

	(void)state;
	method_set_add(&a, OP_token_sign);
	method_set_add(&a, (enum op_id)(OP_COUNT - 1));
	method_set_add(&b, OP_token_sign);
	method_set_add(&b, OP_sys_hello);
	assert_true(method_set_within(&none, &none));
	assert_true(method_set_within(&none, &a));
	assert_false(method_set_within(&a, &none));
	assert_true(method_set_within(&a, &a));
	assert_false(method_set_within(&a, &b));
	assert_false(method_set_within(&b, &a));
	assert_true(method_set_within(&a, &all));
	both = a;
	method_set_join(&both, &b);
	assert_true(method_set_within(&a, &both));
	assert_true(method_set_within(&b, &both));
	method_set_meet(&a, &b);
	assert_true(method_set_has(&a, OP_token_sign));
	assert_false(method_set_has(&a, OP_sys_hello));
	assert_false(method_set_has(&a, (enum op_id)(OP_COUNT - 1)));
}

static unsigned
count(const struct method_set *set)
{
	unsigned n = 0;

	for (int id = 0; id < OP_COUNT; id++)
		n += method_set_has(set, (enum op_id)id);
	return n;
}

static void
test_patterns(void **state)
{
	struct method_set set = { 0 };

	(void)state;
	assert_int_equal(method_set_add_pattern(&set, TEXT_LITERAL("token.sign")), 1);
	assert_true(method_set_has(&set, OP_token_sign));
	assert_int_equal(count(&set), 1);
	assert_int_equal(method_set_add_pattern(&set, TEXT_LITERAL("role.*")), 4);
	assert_true(method_set_has(&set, OP_role_delete));
	assert_int_equal(count(&set), 5);
	/* Twice is once, and told all the same. */
	assert_int_equal(method_set_add_pattern(&set, TEXT_LITERAL("role.p*")), 1);
	assert_int_equal(count(&set), 5);
}

static void
test_patterns_of_nothing(void **state)
{
	static const char *const patterns[] = { "",	     "token",	    "token.",
						"token.sig", "token.sign ", "Token.sign",
						"*.sign",    "t*n.sign",    "token.sign.*",
						"no.such",   "token.**",    ".*" };
	struct method_set set = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++)
		assert_int_equal(method_set_add_pattern(&set, text_of(patterns[i])), 0);
	assert_int_equal(count(&set), 0);
}

/* What can carry the store away is named literally or not at all. */
static void
test_what_exports(void **state)
{
	unsigned exporting = 0;

	(void)state;
	for (int id = 0; id < OP_COUNT; id++) {
		const char *method = op_rows[id].method;
		size_t len = strlen(method);

		if ((op_rows[id].flags & OP_EXPORTS) == 0)
			continue;
		exporting++;
		for (size_t n = 0; n <= len; n++) {
			struct method_set set = { 0 };
			char pattern[72];

			memcpy(pattern, method, n);
			pattern[n] = '*';
			method_set_add_pattern(&set, (struct vault_text){ pattern, n + 1 });
			assert_false(method_set_has(&set, (enum op_id)id));
		}
		assert_int_equal(method_set_add_pattern(&(struct method_set){ 0 }, text_of(method)),
				 1);
	}
	assert_true(exporting > 0);
	assert_int_equal(method_set_add_pattern(&(struct method_set){ 0 }, TEXT_LITERAL("*")),
			 OP_COUNT - exporting);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_alone),   cmocka_unit_test(test_join_meet_within),
		cmocka_unit_test(test_patterns),     cmocka_unit_test(test_patterns_of_nothing),
		cmocka_unit_test(test_what_exports),
	};

	return cmocka_run_group_tests_name("method_set", tests, NULL, NULL);
}
