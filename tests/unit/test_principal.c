#include "vaultd/core/principal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "protocol/text.h"

static void
test_numbers(void **state)
{
	static const struct {
		const char *text;
		enum principal_kind kind;
		uint32_t number;
	} rows[] = {
		{ "uid:0", PRINCIPAL_UID, 0 },
		{ "uid:1000", PRINCIPAL_UID, 1000 },
		{ "uid:2147483648", PRINCIPAL_UID, 2147483648u },
		{ "uid:4294967295", PRINCIPAL_UID, 4294967295u },
		{ "gid:0", PRINCIPAL_GID, 0 },
		{ "gid:65534", PRINCIPAL_GID, 65534 },
	};
	struct principal principal;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_true(principal_parse(text_of(rows[i].text), &principal));
		assert_int_equal(principal.kind, rows[i].kind);
		assert_int_equal(principal.number, rows[i].number);
		assert_true(text_is(principal.text, rows[i].text));
	}
}

static void
test_keys(void **state)
{
	struct principal principal;

	(void)state;
	assert_true(principal_parse(TEXT_LITERAL("key:acme/0aZ"), &principal));
	assert_int_equal(principal.kind, PRINCIPAL_KEY);
	assert_true(text_is(principal.tenant, "acme"));
	assert_true(text_is(principal.text, "key:acme/0aZ"));
}

/* One spelling each: what compares by bytes must have no second one. */
static void
test_what_is_none(void **state)
{
	static const char *const texts[] = {
		"",
		"u",
		"uid",
		"uid:",
		"uid:x",
		"uid:-1",
		"uid:+1",
		"uid:01",
		"uid:00",
		"uid: 1",
		"uid:1 ",
		" uid:1",
		"UID:1",
		"Uid:1",
		"uid:0x1",
		"uid:1.0",
		"uid:1e3",
		"uid:4294967296",
		"uid:99999999999",
		"gid:",
		"gid:a",
		"gid:007",
		"user:root",
		"1000",
		"*",
		"uid:*",
		"key:",
		"key:acme",
		"key:acme/",
		"key:/id",
		"key:ACME/id",
		"key:acme/a/b",
		"key:acme//",
		"key:acme/..",
		"key:acme/a b",
		"key:acme*",
		"key:acme/id\n",
	};
	struct principal principal;

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		if (principal_parse(text_of(texts[i]), &principal))
			fail_msg("\"%s\" is no principal", texts[i]);
	/* Lengths are looked at, not NULs. */
	assert_false(principal_parse((struct vault_text){ "uid:1\0", 6 }, &principal));
	assert_false(principal_parse((struct vault_text){ "uid:1", 4 }, &principal));
	assert_false(principal_parse((struct vault_text){ "key:acme/i\0", 11 }, &principal));
}

static bool
equal(const char *a, const char *b)
{
	struct principal x, y;

	assert_true(principal_parse(text_of(a), &x));
	assert_true(principal_parse(text_of(b), &y));
	return principal_equal(&x, &y);
}

static void
test_equal(void **state)
{
	(void)state;
	assert_true(equal("uid:7", "uid:7"));
	assert_false(equal("uid:7", "gid:7"));
	assert_false(equal("uid:7", "uid:70"));
	assert_true(equal("key:acme/a", "key:acme/a"));
	assert_false(equal("key:acme/a", "key:acme/A"));
	assert_false(equal("key:t1/a", "key:t10/a"));
	/* A key has no number, and a user of number 0 is none. */
	assert_false(equal("key:acme/a", "uid:0"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_what_is_none),
		cmocka_unit_test(test_equal),
	};

	return cmocka_run_group_tests_name("principal", tests, NULL, NULL);
}
