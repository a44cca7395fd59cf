/* JSON into MessagePack: what is taken, what is refused, and to the byte what becomes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/text.h"
#include "vaultd/core/json_read.h"

#define DEPTH 5

/* In room of exactly the size that is promised to be enough. */
static bool
read_bytes(const char *json, size_t len, uint8_t **room, struct vault_map *map)
{
	char *text = malloc(len + 1);
	bool ok;

	*room = malloc(JSON_READ_ROOM(len));
	assert_true(text != NULL && *room != NULL);
	memcpy(text, json, len);
	text[len] = '\0';
	ok = json_read_object((struct vault_text){ text, len }, DEPTH, *room, map);
	free(text);
	return ok;
}

static void
assert_read(const char *json, const char *wanted, size_t wanted_len)
{
	struct vault_map map;
	uint8_t *room;

	if (!read_bytes(json, strlen(json), &room, &map))
		fail_msg("%s was not taken", json);
	assert_int_equal(map.len, wanted_len);
	assert_memory_equal(map.p, wanted, wanted_len);
	free(room);
}
#define READS(json, wanted) assert_read(json, wanted, sizeof(wanted) - 1)

static void
values(void **state)
{
	(void)state;
	READS("{}", "\x80");
	READS(" \t\r\n{ } \n", "\x80");
	READS("{\"a\":true,\"b\":false,\"c\":null}", "\x83\xa1"
						     "a\xc3\xa1"
						     "b\xc2\xa1"
						     "c\xc0");
	READS("{\"\":\"\"}", "\x81\xa0\xa0");
	READS("{\"a\":[[],{},[{}]]}", "\x81\xa1"
				      "a\x93\x90\x80\x91\x80");
	READS("{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}", "\x81\xa1"
							"a\xa8\"\\/\b\f\n\r\t");
	READS("{\"a\":\"\\u0041\\u00e9\\u20AC\\uD83D\\uDE00\\u0000\"}",
	      "\x81\xa1"
	      "a\xab"
	      "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\0");
	READS("{\"a\":\"\xc3\xa9 and eight more\"}", "\x81\xa1"
						     "a\xb1\xc3\xa9 and eight more");
}

static void
integers(void **state)
{
	(void)state;
	READS("{\"a\":0,\"b\":-0,\"c\":127,\"d\":128,\"e\":256}", "\x85\xa1"
								  "a\0\xa1"
								  "b\0\xa1"
								  "c\x7f\xa1"
								  "d\xcc\x80\xa1"
								  "e\xcd\x01\0");
	READS("{\"a\":-1,\"b\":-32,\"c\":-33,\"d\":-129}", "\x84\xa1"
							   "a\xff\xa1"
							   "b\xe0\xa1"
							   "c\xd0\xdf\xa1"
							   "d\xd1\xff\x7f");
	READS("{\"a\":1800000000}", "\x81\xa1"
				    "a\xce\x6b\x49\xd2\0");
	READS("{\"a\":9223372036854775807}", "\x81\xa1"
					     "a\xcf\x7f\xff\xff\xff\xff\xff\xff\xff");
	READS("{\"a\":-9223372036854775808}", "\x81\xa1"
					      "a\xd3\x80\0\0\0\0\0\0\0");
}

static void
floats(void **state)
{
	(void)state;
	READS("{\"a\":1.5}", "\x81\xa1"
			     "a\xcb\x3f\xf8\0\0\0\0\0\0");
	READS("{\"a\":1e0}", "\x81\xa1"
			     "a\xcb\x3f\xf0\0\0\0\0\0\0");
	READS("{\"a\":-0.0}", "\x81\xa1"
			      "a\xcb\x80\0\0\0\0\0\0\0");
	READS("{\"a\":100000000000000000000000000000.0}", "\x81\xa1"
							  "a\xcb\x45\xf4\x31\xe0\xfa\xe6\xd7\x21");
}

static void
refused(const char *json)
{
	struct vault_map map;
	uint8_t *room;

	if (read_bytes(json, strlen(json), &room, &map))
		fail_msg("%s was taken", json);
	free(room);
}

static void
what_is_no_object(void **state)
{
	static const char *const bad[] = {
		"",
		" ",
		"[]",
		"1",
		"\"a\"",
		"null",
		"{",
		"}",
		"{}{}",
		"{},",
		"{}x",
		"{\"a\"}",
		"{\"a\":}",
		"{\"a\":1,}",
		"{,}",
		"{a:1}",
		"{'a':1}",
		"{\"a\":1 \"b\":2}",
		"{1:1}",
		"{\"a\":[1,]}",
		"{\"a\":[,]}",
		"{\"a\":[1}",
		"{\"a\":tru}",
		"{\"a\":True}",
		"{\"a\":nul}",
		"{\"a\":NaN}",
		"{\"a\":Infinity}",
		"{\"a\":undefined}",
		"{\"a\":1/**/}",
		"\xef\xbb\xbf{}",
		"{\"a\":1}\x01",
		"{\v}",
		"{\xc2\xa0}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		refused(bad[i]);
}

static void
what_is_no_number(void **state)
{
	static const char *const bad[] = {
		"01",
		"-",
		"+1",
		".5",
		"5.",
		"1e",
		"1e+",
		"0x10",
		"1_0",
		"--1",
		"-01",
		"1.e1",
		"1e1.5",
		"1 2",
		"1e400",
		"-1e400",
		"9223372036854775808",
		"-9223372036854775809",
		"99999999999999999999999999",
		"1e99999999999",
		"00.5",
	};
	char json[64];

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		snprintf(json, sizeof json, "{\"a\":%s}", bad[i]);
		refused(json);
	}
}

static void
what_is_no_string(void **state)
{
	static const char *const bad[] = {
		"\\x",		"\\u12",
		"\\u12g4",	"\\ud800",
		"\\udc00",	"\\ud800\\u0041",
		"\\ud800x",	"\\ud800\\ud800",
		"\\",		"\n",
		"\t",		"\x1f",
		"\xff",		"\xc0\x80",
		"\xed\xa0\x80", "\xf4\x90\x80\x80",
		"\xc3",		"\\a",
		"\\0",		"\\u",
		"\\uD83D\\u",	"\\U0041",
	};
	char json[64];

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		snprintf(json, sizeof json, "{\"a\":\"%s\"}", bad[i]);
		refused(json);
		snprintf(json, sizeof json, "{\"a\":\"plain plain %s plain plain\"}", bad[i]);
		refused(json);
		snprintf(json, sizeof json, "{\"%s\":1}", bad[i]);
		refused(json);
	}
	refused("{\"a\":\"");
	refused("{\"a\":\"x");
	refused("{\"a");
	refused("{\"a\\u0000\":1}");
}

static void
names_given_twice(void **state)
{
	(void)state;
	refused("{\"a\":1,\"a\":2}");
	refused("{\"a\":1,\"b\":2,\"\\u0061\":3}");
	refused("{\"x\":{\"a\":1,\"a\":1}}");
	refused("{\"\":1,\"\":1}");
	/* Of different objects they are different names. */
	READS("{\"a\":{\"a\":1},\"b\":[{\"a\":1},{\"a\":1}]}", "\x82\xa1"
							       "a\x81\xa1"
							       "a\1\xa1"
							       "b\x92\x81\xa1"
							       "a\1\x81\xa1"
							       "a\1");
	refused("{\"b\":{\"a\":1},\"c\":{},\"b\":1}");
}

static void
nesting(void **state)
{
	(void)state;
	READS("{\"a\":[[[[]]]]}", "\x81\xa1"
				  "a\x91\x91\x91\x90");
	refused("{\"a\":[[[[[]]]]]}");
	refused("{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{}}}}}}");
	refused("{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[");
}

/* The heads of texts and containers are as short as they can be. */
static void
lengths(void **state)
{
	static const size_t around[] = { 31, 32, 255, 256, 4000 };
	char json[8192];

	(void)state;
	for (size_t i = 0; i < sizeof around / sizeof around[0]; i++) {
		size_t n = around[i], head = n < 32 ? 1 : n < 256 ? 2 : 3;
		struct vault_map map;
		uint8_t *room;

		memset(json, 'x', sizeof json);
		memcpy(json, "{\"a\":\"", sizeof "{\"a\":\"" - 1);
		json[6 + n] = '"';
		json[7 + n] = '}';
		assert_true(read_bytes(json, n + 8, &room, &map));
		assert_int_equal(map.len, 3 + head + n);
		assert_int_equal(map.p[map.len - 1], 'x');
		free(room);
	}
	for (size_t n = 14; n <= 17; n++) {
		struct vault_map map;
		uint8_t *room;
		size_t len = 0;

		len += (size_t)snprintf(json, sizeof json, "{\"a\":[1e1");
		for (size_t i = 1; i < n; i++)
			len += (size_t)snprintf(json + len, sizeof json - len, ",1e1");
		len += (size_t)snprintf(json + len, sizeof json - len, "]}");
		assert_true(read_bytes(json, len, &room, &map));
		assert_int_equal(map.len, 3 + (n <= 15 ? 1 : 3) + 9 * n);
		free(room);
	}
}

/* As many names as a text can hold, each a new one. */
static void
many_members(void **state)
{
	char *json = malloc(JSON_READ_MAX + 2);
	struct vault_map map;
	uint8_t *room;
	size_t len = 1;

	(void)state;
	json[0] = '{';
	for (unsigned i = 0; len + 9 < JSON_READ_MAX && i < 2000; i++)
		len += (size_t)snprintf(json + len, JSON_READ_MAX - len, "%s\"%x\":1",
					i == 0 ? "" : ",", i);
	json[len++] = '}';
	assert_true(read_bytes(json, len, &room, &map));
	free(room);
	/* And one byte more than a text may have. */
	memset(json + len, ' ', JSON_READ_MAX + 1 - len);
	assert_true(read_bytes(json, JSON_READ_MAX, &room, &map));
	free(room);
	assert_false(read_bytes(json, JSON_READ_MAX + 1, &room, &map));
	free(room);
	free(json);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values),
		cmocka_unit_test(integers),
		cmocka_unit_test(floats),
		cmocka_unit_test(what_is_no_object),
		cmocka_unit_test(what_is_no_number),
		cmocka_unit_test(what_is_no_string),
		cmocka_unit_test(names_given_twice),
		cmocka_unit_test(nesting),
		cmocka_unit_test(lengths),
		cmocka_unit_test(many_members),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
