#include "protocol/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define T(literal) ((struct vault_text){ literal, sizeof(literal) - 1 })

static void
test_utf8(void **state)
{
	static const struct {
		const char *p;
		bool good;
	} rows[] = {
		{ "", true },
		{ "plain", true },
		{ "\x7f", true },
		{ "\xc2\x80", true },
		{ "\xdf\xbf", true },
		{ "\xe0\xa0\x80", true },
		{ "\xed\x9f\xbf", true },
		{ "\xee\x80\x80", true },
		{ "\xef\xbf\xbf", true },
		{ "\xf0\x90\x80\x80", true },
		{ "\xf4\x8f\xbf\xbf", true },
		{ "\x80", false },
		{ "\xbf", false },
		{ "\xc0\x80", false },
		{ "\xc1\xbf", false },
		{ "\xe0\x9f\xbf", false },
		{ "\xed\xa0\x80", false },
		{ "\xed\xbf\xbf", false },
		{ "\xf0\x8f\xbf\xbf", false },
		{ "\xf4\x90\x80\x80", false },
		{ "\xf5\x80\x80\x80", false },
		{ "\xff", false },
		{ "\xc2", false },
		{ "\xc2\x41", false },
		{ "\xe1\x80", false },
		{ "\xe1\x80\x41", false },
		{ "\xf1\x80\x80", false },
		{ "\xf1\x80\x80\x41", false },
		{ "\xf1\x80\x80\xc0", false },
	};

	(void)state;
	/* At every place of a longer text too: the reader goes by eights. */
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		for (size_t before = 0; before < 18; before++) {
			for (size_t behind = 0; behind < 10; behind++) {
				size_t n = strlen(rows[i].p), len = before + n + behind;
				char *text = malloc(len + 1);

				assert_non_null(text);
				memset(text, 'x', len);
				memcpy(text + before, rows[i].p, n);
				assert_int_equal(text_utf8(text, len), rows[i].good);
				free(text);
			}
		}
	}
	assert_true(text_utf8("a\0b", 3));
}

static void
test_tenant_names(void **state)
{
	char longest[64];

	(void)state;
	memset(longest, 'a', sizeof longest);
	assert_true(text_tenant_name((struct vault_text){ longest, 63 }));
	assert_false(text_tenant_name((struct vault_text){ longest, 64 }));
	assert_false(text_tenant_name(T("")));
	for (unsigned c = 0; c < 256; c++) {
		char first = (char)c, second[2] = { 'a', (char)c };
		bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');

		assert_int_equal(text_tenant_name((struct vault_text){ &first, 1 }), letter);
		assert_int_equal(text_tenant_name((struct vault_text){ second, 2 }),
				 letter || c == '-' || c == '_');
	}
}

static void
test_names(void **state)
{
	static const char *const good[] = { "a",    "Z9",   "a.b",  "a..b",  "a/b",   "a/b/c",
					    "a/.b", "a/b.", "a...", "a/...", "a-_./x" };
	static const char *const bad[] = { "",	   "/",	  "/a", "a/", "a//b", "a/./b", "a/../b",
					   "a/..", "a/.", ".",	"..", "...",  ".a" };
	char longest[129];

	(void)state;
	memset(longest, 'a', sizeof longest);
	assert_true(text_name((struct vault_text){ longest, 128 }));
	assert_false(text_name((struct vault_text){ longest, 129 }));
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		assert_true(text_name(text_of(good[i])));
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(text_name(text_of(bad[i])));
	for (unsigned c = 0; c < 256; c++) {
		char first = (char)c, middle[3] = { 'a', (char)c, 'b' };
		bool letter =
			(c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

		assert_int_equal(text_name((struct vault_text){ &first, 1 }), letter);
		assert_int_equal(text_name((struct vault_text){ middle, 3 }),
				 letter || c == '.' || c == '_' || c == '/' || c == '-');
	}
}

static void
test_patterns(void **state)
{
	(void)state;
	assert_true(text_matches(T("*"), T("")));
	assert_true(text_matches(T("*"), T("anything")));
	assert_true(text_matches(T("acme"), T("acme")));
	assert_false(text_matches(T("acme"), T("acme2")));
	assert_false(text_matches(T("acme"), T("acm")));
	assert_false(text_matches(T("acme"), T("Acme")));
	assert_true(text_matches(T("acme*"), T("acme")));
	assert_true(text_matches(T("acme*"), T("acme-2")));
	assert_false(text_matches(T("acme*"), T("acm")));
	assert_false(text_matches(T("acme*"), T("xacme")));
	/* Only the last star is one. */
	assert_false(text_matches(T("a*e"), T("acme")));
	assert_true(text_matches(T("a*e"), T("a*e")));
	assert_false(text_matches(T("**"), T("acme")));
	assert_false(text_matches(T(""), T("acme")));
	assert_true(text_matches(T(""), T("")));
}

static void
test_scopes(void **state)
{
	(void)state;
	for (unsigned c = 0; c < 256; c++) {
		char scope[3] = { 'a', (char)c, 'b' };

		assert_int_equal(text_scope((struct vault_text){ scope, 3 }),
				 c > 0x20 && c < 0x7f && c != '"' && c != '\\');
	}
	assert_false(text_scope(T("")));
}

static void
test_equal(void **state)
{
	(void)state;
	assert_true(text_is(T("abc"), "abc"));
	assert_false(text_is(T("abc"), "abd"));
	assert_false(text_is(T("abc"), "ab"));
	assert_true(text_equal((struct vault_text){ NULL, 0 }, T("")));
}

#define WORDS_MAX 40 /* bytes: past several words, with every rest */

/* Each byte counts, whatever the length and wherever the words that are compared begin. */
static void
test_words(void **state)
{
	char a[WORDS_MAX], b[WORDS_MAX];

	(void)state;
	for (size_t len = 0; len <= WORDS_MAX; len++) {
		memset(a, 'x', sizeof a);
		memset(b, 'x', sizeof b);
		assert_true(text_same(a, b, len));
		assert_true(text_utf8(a, len));
		for (size_t i = 0; i < len; i++) {
			struct vault_text one = { a, len }, other = { b, len };

			b[i] = (char)0x80;
			assert_false(text_same(a, b, len));
			assert_false(text_equal(one, other));
			assert_true(text_hash(one, 1) != text_hash(other, 1));
			assert_false(text_utf8(b, len));
			b[i] = 'x';
		}
	}
	assert_true(text_equal((struct vault_text){ 0 }, (struct vault_text){ "", 0 }));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_utf8),   cmocka_unit_test(test_tenant_names),
		cmocka_unit_test(test_names),  cmocka_unit_test(test_patterns),
		cmocka_unit_test(test_scopes), cmocka_unit_test(test_equal),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
