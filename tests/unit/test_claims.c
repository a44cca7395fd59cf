#include "vaultd/core/claims.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "protocol/text.h"
#include "protocol/value.h"

#define assert_ok(expression) assert_int_equal((expression), VAULT_OK)
#define BYTES(literal) ((struct vault_bytes){ (const uint8_t *)(literal), sizeof(literal) - 1 })

static void
expect(struct vault_bytes value, const char *json)
{
	struct cursor c = { value.p, value.p + value.len };
	struct buf out = { 0 };

	assert_ok(json_put_value(&out, &c));
	assert_ptr_equal(c.p, c.end);
	assert_ok(buf_append(&out, "", 1));
	assert_string_equal((const char *)buf_data(&out), json);
	buf_free(&out);
}

static void
refuse(struct vault_bytes value)
{
	struct cursor c = { value.p, value.p + value.len };
	struct buf out = { 0 };

	assert_int_equal(json_put_value(&out, &c), VAULT_INVALID_PARAMS);
	buf_free(&out);
}

static void
test_scalars(void **state)
{
	(void)state;
	expect(BYTES("\xc0"), "null");
	expect(BYTES("\xc2"), "false");
	expect(BYTES("\xc3"), "true");
	expect(BYTES("\xa3"
		     "abc"),
	       "\"abc\"");
	expect(BYTES("\xa0"), "\"\"");
	refuse(BYTES("\xc4\x01x"));
	refuse(BYTES("\xd4\x01\x01"));
	refuse(BYTES("\xc1"));
	refuse(BYTES(""));
	refuse(BYTES("\xa3"
		     "ab"));
}

static void
integer(int64_t v)
{
	struct buf value = { 0 }, out = { 0 };
	struct codec_writer writer = { .out = &value };
	char json[32];

	snprintf(json, sizeof json, "%lld", (long long)v);
	value_int(&writer, v);
	if (v >= -(INT64_C(1) << 53) && v <= INT64_C(1) << 53)
		expect((struct vault_bytes){ buf_data(&value), buf_len(&value) }, json);
	else
		refuse((struct vault_bytes){ buf_data(&value), buf_len(&value) });
	assert_ok(json_put_integer(&out, v));
	assert_int_equal(buf_len(&out), strlen(json));
	assert_memory_equal(buf_data(&out), json, buf_len(&out));
	buf_free(&value);
	buf_free(&out);
}

static void
test_integers(void **state)
{
	(void)state;
	for (int64_t v = -1100; v <= 1100; v++)
		integer(v);
	for (int64_t power = 10; power < INT64_MAX / 10; power *= 10)
		for (int64_t off = -1; off <= 1; off++) {
			integer(power + off);
			integer(-power + off);
		}
	for (int64_t off = -1; off <= 1; off++) {
		integer((INT64_C(1) << 53) + off);
		integer(-(INT64_C(1) << 53) + off);
	}
	integer(INT64_MAX);
	integer(INT64_MIN);
	refuse(BYTES("\xcf\xff\xff\xff\xff\xff\xff\xff\xff"));
}

static void
floating(double v, const char *json)
{
	struct buf value = { 0 };
	struct codec_writer writer = { .out = &value };

	value_float(&writer, v);
	if (json == NULL)
		refuse((struct vault_bytes){ buf_data(&value), buf_len(&value) });
	else
		expect((struct vault_bytes){ buf_data(&value), buf_len(&value) }, json);
	buf_free(&value);
}

/* The fewest digits that read back as the same number, and always a float to who reads them. */
static void
test_floats(void **state)
{
	double numbers[] = { 0.1,
			     1.0 / 3,
			     2.2250738585072014e-308,
			     5e-324,
			     1.7976931348623157e308,
			     123456789.123456789 };

	(void)state;
	floating(1.5, "1.5");
	floating(-1.5, "-1.5");
	floating(0.1, "0.1");
	floating(0.0, "0.0");
	floating(-0.0, "-0.0");
	floating(1.0, "1.0");
	floating(-3.0, "-3.0");
	floating(1e22, "1e+22");
	floating(1.0 / 0.0, NULL);
	floating(-1.0 / 0.0, NULL);
	floating(0.0 / 0.0, NULL);
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
		struct buf value = { 0 }, out = { 0 };
		struct codec_writer writer = { .out = &value };
		struct cursor c;

		value_float(&writer, numbers[i]);
		c = (struct cursor){ buf_data(&value), buf_data(&value) + buf_len(&value) };
		assert_ok(json_put_value(&out, &c));
		assert_ok(buf_append(&out, "", 1));
		assert_true(strtod((const char *)buf_data(&out), NULL) == numbers[i]);
		assert_non_null(strpbrk((const char *)buf_data(&out), ".e"));
		buf_free(&value);
		buf_free(&out);
	}
	expect(BYTES("\xca\x3f\xc0\x00\x00"), "1.5");
}

static void
test_strings(void **state)
{
	(void)state;
	for (unsigned c = 0; c < 0x80; c++) {
		char text[5] = { (char)0xa3, 'a', (char)c, 'b' }, json[16];

		if (c == '"' || c == '\\')
			snprintf(json, sizeof json, "\"a\\%cb\"", (char)c);
		else if (c < 0x20)
			snprintf(json, sizeof json, "\"a\\u%04xb\"", c);
		else
			snprintf(json, sizeof json, "\"a%cb\"", (char)c);
		expect((struct vault_bytes){ (const uint8_t *)text, 4 }, json);
	}
	expect(BYTES("\xa5\xc3\xa9\"\x01\n"), "\"\xc3\xa9\\\"\\u0001\\u000a\"");
	expect(BYTES("\xa4\xf0\x9f\x98\x80"), "\"\xf0\x9f\x98\x80\"");
	expect(BYTES("\xa3\"\"\""), "\"\\\"\\\"\\\"\"");
}

static void
test_containers(void **state)
{
	(void)state;
	expect(BYTES("\x90"), "[]");
	expect(BYTES("\x80"), "{}");
	expect(BYTES("\x93\x01\xa1x\xc0"), "[1,\"x\",null]");
	expect(BYTES("\x82\xa1"
		     "a\x01\xa1\"\x92\x80\x90"),
	       "{\"a\":1,\"\\\"\":[{},[]]}");
	refuse(BYTES("\x81\x01\x01"));
	refuse(BYTES("\x92\x01"));
	refuse(BYTES("\x81\xa1"
		     "a"));
	refuse(BYTES("\x91\xc4\x00"));
}

static void
test_nesting(void **state)
{
	(void)state;
	assert_int_equal(CLAIM_NESTING_MAX, 4);
	expect(BYTES("\x91\x91\x91\x91\x01"), "[[[[1]]]]");
	expect(BYTES("\x91\x81\xa1k\x91\x81\xa1k\x01"), "[{\"k\":[{\"k\":1}]}]");
	refuse(BYTES("\x91\x91\x91\x91\x90"));
	refuse(BYTES("\x91\x91\x91\x91\x80"));
}

static void
test_members(void **state)
{
	struct vault_map map = { (const uint8_t *)"\x82\xa1"
						  "a\x01\xa1"
						  "b\xa1x",
				 8 };
	struct buf out = { 0 };

	(void)state;
	assert_ok(json_put_members(&out, (struct vault_map){ 0 }));
	assert_ok(json_put_members(&out, (struct vault_map){ (const uint8_t *)"\x80", 1 }));
	assert_ok(json_put_members(&out, (struct vault_map){ (const uint8_t *)"\x90", 1 }));
	assert_int_equal(buf_len(&out), 0);
	assert_ok(json_put_members(&out, map));
	assert_int_equal(buf_len(&out), strlen(",\"a\":1,\"b\":\"x\""));
	assert_memory_equal(buf_data(&out), ",\"a\":1,\"b\":\"x\"", buf_len(&out));
	assert_int_equal(json_put_members(&out, (struct vault_map){ (const uint8_t *)"\xc0", 1 }),
			 VAULT_INVALID_PARAMS);
	buf_free(&out);
}

static void
test_find(void **state)
{
	struct vault_map map = { (const uint8_t *)"\x82\xa1"
						  "a\x01\xa1"
						  "b\xa1x",
				 8 };
	struct vault_bytes value;

	(void)state;
	assert_true(claims_find(map, TEXT_LITERAL("b"), &value));
	assert_int_equal(value.len, 2);
	assert_memory_equal(value.p, "\xa1x", 2);
	assert_false(claims_find(map, TEXT_LITERAL("c"), &value));
	assert_false(claims_find((struct vault_map){ 0 }, TEXT_LITERAL("a"), &value));
}

static void
test_reserved(void **state)
{
	static const char *const names[] = { "iss", "iat", "nbf", "exp",   "jti",    "tid",
					     "prf", "sub", "aud", "scope", "domain", "uses" };

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		assert_true(claim_reserved(text_of(names[i])));
	assert_false(claim_reserved(TEXT_LITERAL("role")));
	assert_false(claim_reserved(TEXT_LITERAL("ISS")));
	assert_false(claim_reserved(TEXT_LITERAL("")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scalars),	   cmocka_unit_test(test_integers),
		cmocka_unit_test(test_floats),	   cmocka_unit_test(test_strings),
		cmocka_unit_test(test_containers), cmocka_unit_test(test_nesting),
		cmocka_unit_test(test_members),	   cmocka_unit_test(test_find),
		cmocka_unit_test(test_reserved),
	};

	return cmocka_run_group_tests_name("claims", tests, NULL, NULL);
}
