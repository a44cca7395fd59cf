#include "vaultd/core/cidr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "protocol/text.h"

static void
test_forms(void **state)
{
	/* What is taken, and how it is shown; NULL: refused. */
	static const char *const forms[][2] = {
		{ "10.0.0.0/8", "10.0.0.0/8" },
		{ "0.0.0.0/0", "0.0.0.0/0" },
		{ "192.0.2.1", "192.0.2.1/32" },
		{ "192.0.2.1/32", "192.0.2.1/32" },
		{ "192.0.2.128/25", "192.0.2.128/25" },
		{ "2001:db8::/32", "2001:db8::/32" },
		{ "2001:DB8:0:0::/32", "2001:db8::/32" },
		{ "::/0", "::/0" },
		{ "::1", "::1/128" },
		{ "fe80::/10", "fe80::/10" },
		{ "::ffff:10.0.0.0/104", "10.0.0.0/8" },
		{ "::ffff:10.1.2.3", "10.1.2.3/32" },
		{ "", NULL },
		{ "/8", NULL },
		{ "10.0.0.0/", NULL },
		{ "10.0.0.0/33", NULL },
		{ "10.0.0.0/08", NULL },
		{ "10.0.0.0/8 ", NULL },
		{ " 10.0.0.0/8", NULL },
		{ "10.0.0.0/-1", NULL },
		{ "10.0.0.0/8/8", NULL },
		{ "10.0.0.5/8", NULL },
		{ "192.0.2.1/31", NULL },
		{ "10.0.0/8", NULL },
		{ "010.0.0.0/8", NULL },
		{ "256.0.0.0/8", NULL },
		{ "2001:db8::/129", NULL },
		{ "2001:db8::1/64", NULL },
		{ "fe80::1%eth0", NULL },
		{ "[::1]", NULL },
		{ "localhost", NULL },
		{ "10.0.0.0/4294967304", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
		uint8_t cidr[CIDR_BYTES];
		char text[CIDR_TEXT_MAX];
		bool ok = cidr_parse(text_of(forms[i][0]), cidr);

		assert_int_equal(ok, forms[i][1] != NULL);
		if (!ok)
			continue;
		assert_int_equal(cidr_format(cidr, text), strlen(forms[i][1]));
		assert_string_equal(text, forms[i][1]);
	}
}

static bool
holds(const char *network, const char *address)
{
	uint8_t cidr[CIDR_BYTES], bytes[ADDRESS_BYTES];

	assert_true(cidr_parse(text_of(network), cidr));
	assert_true(address_parse(text_of(address), bytes));
	return cidrs_hold((struct vault_bytes){ cidr, sizeof cidr }, bytes);
}

static void
test_holds(void **state)
{
	(void)state;
	assert_true(holds("10.0.0.0/8", "10.255.0.1"));
	assert_true(holds("10.0.0.0/8", "::ffff:10.255.0.1"));
	assert_false(holds("10.0.0.0/8", "11.0.0.0"));
	assert_true(holds("192.0.2.128/25", "192.0.2.255"));
	assert_false(holds("192.0.2.128/25", "192.0.2.127"));
	assert_true(holds("0.0.0.0/0", "255.255.255.255"));
	assert_false(holds("0.0.0.0/0", "2001:db8::1"));
	assert_true(holds("::/0", "2001:db8::1"));
	assert_false(holds("::/0", "10.0.0.1"));
	assert_true(holds("2001:db8::/33", "2001:db8:7fff::"));
	assert_false(holds("2001:db8::/33", "2001:db8:8000::"));
	assert_true(holds("::1", "::1"));
	assert_false(holds("::1", "::2"));
}

static void
test_nothing_holds_nothing(void **state)
{
	uint8_t address[ADDRESS_BYTES] = { 0 };

	(void)state;
	assert_false(cidrs_hold((struct vault_bytes){ address, 0 }, address));
	assert_false(address_parse((struct vault_text){ "1.2.3.4\0", 8 }, address));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_holds),
		cmocka_unit_test(test_nothing_holds_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
