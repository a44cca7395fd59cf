/* Host names and the patterns of a profile's domains. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/text.h"
#include "vaultd/core/domain.h"

static const char long_label[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

static void
names_that_are(void **state)
{
	static const char *const good[] = { "example.org",
					    "a.b.c.d.e",
					    "localhost",
					    "EXAMPLE.Org",
					    "xn--mnchen-3ya.example",
					    "3com.com",
					    "1.2.3.4.example",
					    "a-b.c--d.org",
					    "r3---sn-a.example",
					    "0x.example",
					    "1e100.net",
					    "0xzz" };

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		if (!domain_name(text_of(good[i])))
			fail_msg("%s is a host name", good[i]);
		assert_true(domain_pattern(text_of(good[i])));
	}
}

static void
names_that_are_not(void **state)
{
	static const char *const bad[] = {
		"",
		".",
		"..",
		".org",
		"example.org.",
		"a..b",
		"-a.org",
		"a-.org",
		"a_b.org",
		"exa mple.org",
		"a.org:443",
		"https://a.org",
		"a.org/",
		"user@a.org",
		"[::1]",
		"::1",
		"127.0.0.1",
		"1.2.3",
		"2130706433",
		"0x7f.0x1",
		"0x7f000001",
		"a.0x",
		"m\xc3\xbcnchen.de",
		"\xef\xbd\x81.org",
		"a\xe3\x80\x82org",
		"a.org\n",
		"*",
		"*.org.*",
		"a.*.org",
		"**.org",
		"*a.org",
		"%61.org",
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		if (domain_name(text_of(bad[i])) || domain_pattern(text_of(bad[i])))
			fail_msg("\"%s\" is no host name", bad[i]);
	}
	assert_false(domain_name((struct vault_text){ "a\0b.org", 7 }));
}

static void
the_longest(void **state)
{
	char name[300];
	size_t len;

	(void)state;
	assert_int_equal(strlen(long_label), DOMAIN_LABEL_MAX);
	assert_true(domain_name(text_of(long_label)));
	memset(name, 'a', sizeof name);
	assert_false(domain_name((struct vault_text){ name, DOMAIN_LABEL_MAX + 1 }));
	for (size_t i = DOMAIN_LABEL_MAX; i < sizeof name; i += DOMAIN_LABEL_MAX + 1)
		name[i] = '.';
	for (len = 200; len <= DOMAIN_NAME_MAX + 5; len++)
		if (name[len - 1] != '.')
			assert_int_equal(domain_name((struct vault_text){ name, len }),
					 len <= DOMAIN_NAME_MAX);
}

static void
wildcards(void **state)
{
	struct vault_text below = TEXT_LITERAL("*.Example.org");

	(void)state;
	assert_true(domain_pattern(below));
	assert_false(domain_name(below));
	assert_false(domain_pattern(TEXT_LITERAL("*.")));
	assert_false(domain_pattern(TEXT_LITERAL("*..org")));
	assert_false(domain_pattern(TEXT_LITERAL("*.*.org")));
	assert_false(domain_pattern(TEXT_LITERAL("*.1.2.3.4")));
	assert_true(domain_matches(below, TEXT_LITERAL("a.example.ORG")));
	assert_true(domain_matches(below, TEXT_LITERAL("a.b.example.org")));
	assert_false(domain_matches(below, TEXT_LITERAL("example.org")));
	assert_false(domain_matches(below, TEXT_LITERAL("evilexample.org")));
	assert_false(domain_matches(below, TEXT_LITERAL("a.example.org.evil")));
	assert_false(domain_matches(below, TEXT_LITERAL(".example.org.")));
}

static void
exact_names(void **state)
{
	char folded[16];

	(void)state;
	assert_true(domain_matches(TEXT_LITERAL("a.org"), TEXT_LITERAL("A.oRG")));
	assert_false(domain_matches(TEXT_LITERAL("a.org"), TEXT_LITERAL("b.a.org")));
	assert_false(domain_matches(TEXT_LITERAL("a.org"), TEXT_LITERAL("a.or")));
	assert_true(text_is(domain_fold(TEXT_LITERAL("A.Z-0.oRg"), folded), "a.z-0.org"));
	/* Folding is ASCII's: [ and { differ by the bit that folds letters. */
	assert_false(domain_same(TEXT_LITERAL("a["), TEXT_LITERAL("a{")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_that_are), cmocka_unit_test(names_that_are_not),
		cmocka_unit_test(the_longest),	  cmocka_unit_test(wildcards),
		cmocka_unit_test(exact_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
