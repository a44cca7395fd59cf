#include "protocol/cursor.h"

#include <math.h>

#include "tests/unit/lib/wire.h"

#define CURSOR(literal)                                                                            \
	((struct cursor){ (const uint8_t *)(literal),                                              \
			  (const uint8_t *)(literal) + sizeof(literal) - 1 })

/* Reads as the integer v, and with any byte missing as nothing. */
static void
integer(struct cursor c, int64_t v)
{
	int64_t got = 77;

	for (const uint8_t *end = c.p; end < c.end; end++) {
		struct cursor cut = { c.p, end };

		assert_false(cursor_int(&cut, &got));
		assert_ptr_equal(cut.p, c.p);
	}
	assert_true(cursor_int(&c, &got));
	assert_true(got == v);
	assert_ptr_equal(c.p, c.end);
}

static void
no_integer(struct cursor c)
{
	const uint8_t *before = c.p;
	int64_t got;

	assert_false(cursor_int(&c, &got));
	assert_ptr_equal(c.p, before);
}

static void
test_integers(void **state)
{
	(void)state;
	integer(CURSOR("\x00"), 0);
	integer(CURSOR("\x7f"), 127);
	integer(CURSOR("\xff"), -1);
	integer(CURSOR("\xe0"), -32);
	integer(CURSOR("\xcc\xff"), 255);
	integer(CURSOR("\xcd\xff\xfe"), 65534);
	integer(CURSOR("\xce\xff\xff\xff\xff"), UINT32_MAX);
	integer(CURSOR("\xcf\x7f\xff\xff\xff\xff\xff\xff\xff"), INT64_MAX);
	integer(CURSOR("\xcf\x00\x00\x00\x00\x00\x00\x00\x05"), 5);
	integer(CURSOR("\xd0\x80"), -128);
	integer(CURSOR("\xd0\x7f"), 127);
	integer(CURSOR("\xd1\x80\x00"), -32768);
	integer(CURSOR("\xd2\xff\xff\xff\xff"), -1);
	integer(CURSOR("\xd2\x80\x00\x00\x00"), INT32_MIN);
	integer(CURSOR("\xd3\x80\x00\x00\x00\x00\x00\x00\x00"), INT64_MIN);
	integer(CURSOR("\xd3\x00\x00\x00\x00\x00\x00\x00\x05"), 5);
	no_integer(CURSOR("\xcf\x80\x00\x00\x00\x00\x00\x00\x00"));
	no_integer(CURSOR("\xcf\xff\xff\xff\xff\xff\xff\xff\xff"));
	no_integer(CURSOR("\xc0"));
	no_integer(CURSOR("\xc3"));
	no_integer(CURSOR("\xa1"
			  "1"));
	no_integer(CURSOR("\xc4\x01"
			  "1"));
	no_integer(CURSOR("\xd4\x01\x01"));
	no_integer(CURSOR("\xc1"));
	no_integer(CURSOR(""));
}

static void
test_floats_that_are_integers(void **state)
{
	(void)state;
	integer(CURSOR("\xca\x3f\x80\x00\x00"), 1);
	integer(CURSOR("\xcb\x40\x14\x00\x00\x00\x00\x00\x00"), 5);
	integer(CURSOR("\xcb\xc0\x14\x00\x00\x00\x00\x00\x00"), -5);
	integer(CURSOR("\xcb\x80\x00\x00\x00\x00\x00\x00\x00"), 0);
	integer(CURSOR("\xcb\x43\x40\x00\x00\x00\x00\x00\x00"), INT64_C(1) << 53);
	integer(CURSOR("\xcb\xc3\x40\x00\x00\x00\x00\x00\x00"), -(INT64_C(1) << 53));
	no_integer(CURSOR("\xcb\x43\x40\x00\x00\x00\x00\x00\x01"));
	no_integer(CURSOR("\xcb\x3f\xe0\x00\x00\x00\x00\x00\x00"));
	no_integer(CURSOR("\xca\x7f\x80\x00\x00"));
	no_integer(CURSOR("\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00"));
	no_integer(CURSOR("\xcb\xff\xf0\x00\x00\x00\x00\x00\x00"));
	no_integer(CURSOR("\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00"));
	no_integer(CURSOR("\xcb\x7f\xef\xff\xff\xff\xff\xff\xff"));
}

static void
test_floats(void **state)
{
	struct cursor c = CURSOR("\xca\x3f\xc0\x00\x00\xcb\x40\x09\x21\xfb\x54\x44\x2d\x18\xcb\x7f"
				 "\xf8\x00\x00\x00\x00\x00\x00\x05");
	double v;

	(void)state;
	assert_true(cursor_float(&c, &v) && v == 1.5);
	assert_true(cursor_float(&c, &v) && v == M_PI);
	assert_true(cursor_float(&c, &v) && isnan(v));
	assert_false(cursor_float(&c, &v));
	assert_int_equal(c.end - c.p, 1);
	c = CURSOR("\xca\x3f\xc0\x00");
	assert_false(cursor_float(&c, &v));
	c = CURSOR("\xcb\x3f\xc0\x00\x00\x00\x00\x00");
	assert_false(cursor_float(&c, &v));
}

static void
test_bool_and_nil(void **state)
{
	struct cursor c = CURSOR("\xc2\xc3\xc0\x01");
	bool v = true;

	(void)state;
	assert_false(cursor_nil(&c));
	assert_true(cursor_bool(&c, &v) && !v);
	assert_true(cursor_bool(&c, &v) && v);
	assert_false(cursor_bool(&c, &v));
	assert_true(cursor_nil(&c));
	assert_false(cursor_bool(&c, &v) || cursor_nil(&c));
	assert_int_equal(c.end - c.p, 1);
}

/* The payload "xy" in a form of it; text says whether str reads it too. */
static void
payload(struct cursor c, bool text)
{
	struct vault_bytes bytes = { 0 };
	struct vault_text str = { 0 };
	struct cursor again = c;

	for (const uint8_t *end = c.p; end < c.end; end++) {
		struct cursor cut = { c.p, end };

		assert_false(cursor_bytes(&cut, &bytes) || cursor_str(&cut, &str));
		assert_ptr_equal(cut.p, c.p);
	}
	assert_int_equal(cursor_str(&again, &str), text);
	assert_ptr_equal(again.p, text ? c.end : c.p);
	assert_true(!text || text_is(str, "xy"));
	assert_true(cursor_bytes(&c, &bytes));
	assert_int_equal(bytes.len, 2);
	assert_memory_equal(bytes.p, "xy", 2);
	assert_ptr_equal(c.p, c.end);
}

static void
test_text_and_bytes(void **state)
{
	struct vault_bytes bytes = { 0 };
	struct cursor c = CURSOR("\xa0");

	(void)state;
	payload(CURSOR("\xa2xy"), true);
	payload(CURSOR("\xd9\x02xy"), true);
	payload(CURSOR("\xda\x00\x02xy"), true);
	payload(CURSOR("\xdb\x00\x00\x00\x02xy"), true);
	payload(CURSOR("\xc4\x02xy"), false);
	payload(CURSOR("\xc5\x00\x02xy"), false);
	payload(CURSOR("\xc6\x00\x00\x00\x02xy"), false);
	assert_true(cursor_bytes(&c, &bytes));
	assert_non_null(bytes.p);
	c = CURSOR("\xc6\xff\xff\xff\xffxy");
	assert_false(cursor_bytes(&c, &bytes));
	c = CURSOR("\xd5\x01xy");
	assert_false(cursor_bytes(&c, &bytes));
}

static void
container(struct cursor c, bool map, uint32_t count)
{
	struct cursor other = c;
	uint32_t n = 0;

	for (const uint8_t *end = c.p; end < c.end; end++) {
		struct cursor cut = { c.p, end };

		assert_false(cursor_map(&cut, &n) || cursor_array(&cut, &n));
		assert_ptr_equal(cut.p, c.p);
	}
	/* An empty array counts as an empty map, and nothing else as anything else. */
	assert_int_equal(map ? cursor_array(&other, &n) : cursor_map(&other, &n),
			 !map && count == 0);
	assert_true(map ? cursor_map(&c, &n) : cursor_array(&c, &n));
	assert_int_equal(n, count);
	assert_ptr_equal(c.p, c.end);
}

static void
test_containers(void **state)
{
	(void)state;
	container(CURSOR("\x80"), true, 0);
	container(CURSOR("\x8f"), true, 15);
	container(CURSOR("\xde\x01\x02"), true, 258);
	container(CURSOR("\xdf\xff\xff\xff\xff"), true, UINT32_MAX);
	container(CURSOR("\x90"), false, 0);
	container(CURSOR("\x9f"), false, 15);
	container(CURSOR("\xdc\x00\x00"), false, 0);
	container(CURSOR("\xdc\x01\x02"), false, 258);
	container(CURSOR("\xdd\x00\x00\x00\x00"), false, 0);
	container(CURSOR("\xdd\xff\xff\xff\xff"), false, UINT32_MAX);
}

static void
test_types(void **state)
{
	static const struct {
		uint8_t from, to;
		enum cursor_type type;
	} ranges[] = { { 0x00, 0x7f, CURSOR_INT },   { 0x80, 0x8f, CURSOR_MAP },
		       { 0x90, 0x9f, CURSOR_ARRAY }, { 0xa0, 0xbf, CURSOR_STR },
		       { 0xc0, 0xc0, CURSOR_NIL },   { 0xc1, 0xc1, CURSOR_BAD },
		       { 0xc2, 0xc3, CURSOR_BOOL },  { 0xc4, 0xc6, CURSOR_BIN },
		       { 0xc7, 0xc9, CURSOR_EXT },   { 0xca, 0xcb, CURSOR_FLOAT },
		       { 0xcc, 0xd3, CURSOR_INT },   { 0xd4, 0xd8, CURSOR_EXT },
		       { 0xd9, 0xdb, CURSOR_STR },   { 0xdc, 0xdd, CURSOR_ARRAY },
		       { 0xde, 0xdf, CURSOR_MAP },   { 0xe0, 0xff, CURSOR_INT } };
	struct cursor empty = CURSOR("");
	unsigned seen = 0;

	(void)state;
	assert_int_equal(cursor_type(&empty), CURSOR_END);
	for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
		for (unsigned byte = ranges[i].from; byte <= ranges[i].to; byte++, seen++) {
			uint8_t b = (uint8_t)byte;

			assert_int_equal(cursor_type(&(struct cursor){ &b, &b + 1 }),
					 ranges[i].type);
		}
	}
	assert_int_equal(seen, 256);
}

static void
test_skip(void **state)
{
	uint64_t seed = 42;

	(void)state;
	for (int round = 0; round < 500; round++) {
		struct buf value = { 0 };
		struct vault_bytes raw;
		struct cursor c;

		wire_random(&value, &seed, DEPTH_MAX);
		c = wire_cursor(&value);
		c.end--;
		assert_false(cursor_skip(&c, &raw));
		assert_ptr_equal(c.p, buf_data(&value));
		c.end++;
		assert_true(cursor_skip(&c, &raw));
		assert_ptr_equal(raw.p, buf_data(&value));
		assert_int_equal(raw.len, buf_len(&value));
		buf_free(&value);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_integers),
		cmocka_unit_test(test_floats_that_are_integers),
		cmocka_unit_test(test_floats),
		cmocka_unit_test(test_bool_and_nil),
		cmocka_unit_test(test_text_and_bytes),
		cmocka_unit_test(test_containers),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_skip),
	};

	return cmocka_run_group_tests_name("cursor", tests, NULL, NULL);
}
