#include <stdio.h>

#include "tests/unit/lib/wire.h"

static bool
takes(const struct buf *b)
{
	return codec_free_form(wire_cursor(b));
}

static void
check(const char *bytes, size_t len, bool good)
{
	struct buf b = { 0 };

	assert_ok(buf_append(&b, bytes, len));
	if (takes(&b) != good)
		fail_msg("%zu bytes from 0x%02x on: %s", len, (uint8_t)bytes[0],
			 good ? "refused" : "taken");
	/* No part of a value is one. */
	for (size_t cut = 0; good && cut < len; cut++)
		assert_false(codec_free_form((struct cursor){ buf_data(&b), buf_data(&b) + cut }));
	buf_free(&b);
}
#define GOOD(literal) check(literal, sizeof(literal) - 1, true)
#define BAD(literal) check(literal, sizeof(literal) - 1, false)

static void
test_values(void **state)
{
	(void)state;
	GOOD("\xc0");
	GOOD("\xc2");
	GOOD("\x05");
	GOOD("\xcf\xff\xff\xff\xff\xff\xff\xff\xff");
	GOOD("\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00");
	GOOD("\xa2\xc3\xa9");
	GOOD("\xc4\x02\xff\xfe");
	GOOD("\x90");
	GOOD("\x80");
	GOOD("\x82\xa1"
	     "a\x01\xa1"
	     "b\x92\x80\xc0");
	GOOD("\x81\xa0\xc0");
	GOOD("\xde\x00\x01\xd9\x01k\xdc\x00\x01\xc0");
}

static void
test_what_may_not_stand_there(void **state)
{
	(void)state;
	BAD("");
	BAD("\xc1");
	BAD("\xd4\x01\x01");
	BAD("\xd6\xff\x00\x00\x00\x00");
	BAD("\xc7\x00\x01");
	BAD("\xa1\xff");
	BAD("\xa3\xed\xa0\x80");
	BAD("\x81\x01\x01");
	BAD("\x81\xc0\x01");
	BAD("\x81\xc4\x01k\x01");
	BAD("\x81\x90\x01");
	BAD("\x81\xa1\xff\x01");
	BAD("\x91\xd4\x01\x01");
	BAD("\x81\xa1k\xd4\x01\x01");
	BAD("\xc0\xc0");
	BAD("\x80\x00");
}

static void
test_a_key_twice(void **state)
{
	(void)state;
	BAD("\x82\xa1k\x01\xa1k\x02");
	BAD("\x83\xa1k\x01\xa1l\x01\xa1k\x02");
	/* The same key in another encoding is the same key. */
	BAD("\x82\xa1k\x01\xd9\x01k\x02");
	BAD("\x81\xa1m\x82\xa1k\x01\xa1k\x02");
	BAD("\x91\x82\xa1k\x01\xa1k\x02");
	BAD("\x82\xa0\x01\xa0\x02");
	GOOD("\x82\xa1k\x01\xa2kk\x02");
	GOOD("\x82\xa1k\x81\xa1k\x01\xa1l\x81\xa1k\x01");
}

static void
test_depth(void **state)
{
	char bytes[DEPTH_MAX + 2];

	(void)state;
	memset(bytes, (char)0x91, sizeof bytes);
	bytes[DEPTH_MAX] = (char)0xc0;
	check(bytes, DEPTH_MAX + 1, true);
	bytes[DEPTH_MAX] = (char)0x90;
	check(bytes, DEPTH_MAX + 1, false);
	bytes[DEPTH_MAX] = (char)0x80;
	check(bytes, DEPTH_MAX + 1, false);
}

static void
entries(struct buf *b, unsigned n, unsigned repeat)
{
	struct codec_writer writer = wire_writer(b);

	value_map(&writer, n);
	for (unsigned i = 0; i < n; i++) {
		char key[8];

		snprintf(key, sizeof key, "k%03u", i == n - 1 ? repeat : i);
		value_text(&writer, text_of(key));
		value_nil(&writer);
	}
}

static void
test_entries(void **state)
{
	struct buf b = { 0 };

	(void)state;
	entries(&b, MAP_ENTRIES_MAX, 999);
	assert_true(takes(&b));
	buf_truncate(&b, 0);
	entries(&b, MAP_ENTRIES_MAX, 0);
	assert_false(takes(&b));
	buf_truncate(&b, 0);
	entries(&b, MAP_ENTRIES_MAX + 1, 999);
	assert_false(takes(&b));
	buf_free(&b);
	BAD("\xdf\xff\xff\xff\xff");
	BAD("\xdd\xff\xff\xff\xff");
}

static void
sorts(const char *from, size_t from_len, const char *to, size_t to_len)
{
	struct buf b = { 0 };
	struct codec_writer writer = wire_writer(&b);

	codec_write_sorted(&writer, (struct cursor){ (const uint8_t *)from,
						     (const uint8_t *)from + from_len });
	assert_false(writer.failed);
	assert_int_equal(buf_len(&b), to_len);
	assert_memory_equal(buf_data(&b), to, to_len);
	buf_free(&b);
}
#define SORTS(from, to) sorts(from, sizeof(from) - 1, to, sizeof(to) - 1)

/* One value has one form, whoever wrote it; what differs in value differs in bytes. */
static void
test_sorted(void **state)
{
	(void)state;
	SORTS("\x80", "\x80");
	SORTS("\xde\x00\x01\xd9\x01k\xdc\x00\x01\xc0", "\x81\xa1k\x91\xc0");
	SORTS("\x84\xa2"
	      "bb\x01\xa1"
	      "b\x02\xa0\x03\xa1"
	      "a\x04",
	      "\x84\xa0\x03\xa1"
	      "a\x04\xa1"
	      "b\x02\xa2"
	      "bb\x01");
	/* Within maps and lists too; a list keeps its order. */
	SORTS("\x81\xa1m\x92\x82\xa1y\xc3\xa1x\xc2\x05", "\x81\xa1m\x92\x82\xa1x\xc2\xa1y\xc3\x05");
	SORTS("\xd3\x00\x00\x00\x00\x00\x00\x00\x05", "\x05");
	SORTS("\xcf\xff\xff\xff\xff\xff\xff\xff\xff", "\xcf\xff\xff\xff\xff\xff\xff\xff\xff");
	SORTS("\xc5\x00\x01z", "\xc4\x01z");
	/* A float stays one: in JSON it is another text. */
	SORTS("\xcb\x40\x00\x00\x00\x00\x00\x00\x00", "\xcb\x40\x00\x00\x00\x00\x00\x00\x00");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),	    cmocka_unit_test(test_what_may_not_stand_there),
		cmocka_unit_test(test_a_key_twice), cmocka_unit_test(test_depth),
		cmocka_unit_test(test_entries),	    cmocka_unit_test(test_sorted),
	};

	return cmocka_run_group_tests_name("free_form", tests, NULL, NULL);
}
