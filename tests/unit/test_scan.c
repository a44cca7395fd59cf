#include "protocol/scan.h"
#include "tests/unit/lib/wire.h"

static enum scan_result
scan_once(const void *bytes, size_t len, size_t *pos)
{
	struct scan scan = { 0 };
	enum scan_result result = scan_feed(&scan, bytes, len);

	*pos = scan.pos;
	return result;
}

static void
whole(const char *bytes, size_t len)
{
	size_t pos;

	assert_int_equal(scan_once(bytes, len, &pos), SCAN_WHOLE);
	assert_int_equal(pos, len);
	for (size_t cut = 0; cut < len; cut++)
		assert_int_equal(scan_once(bytes, cut, &pos), SCAN_SHORT);
}
#define WHOLE(literal) whole(literal, sizeof(literal) - 1)

static void
refused(const char *bytes, size_t len, enum scan_result with)
{
	size_t pos;

	assert_int_equal(scan_once(bytes, len, &pos), with);
}
#define REFUSED(literal, with) refused(literal, sizeof(literal) - 1, with)

static void
test_every_format(void **state)
{
	(void)state;
	WHOLE("\x00");
	WHOLE("\x7f");
	WHOLE("\x80");
	WHOLE("\x81\x01\x02");
	WHOLE("\x90");
	WHOLE("\x92\x01\xc0");
	WHOLE("\xa0");
	WHOLE("\xa3"
	      "abc");
	WHOLE("\xc0");
	WHOLE("\xc2");
	WHOLE("\xc3");
	WHOLE("\xc4\x02xx");
	WHOLE("\xc5\x00\x02xx");
	WHOLE("\xc6\x00\x00\x00\x02xx");
	WHOLE("\xc7\x02txx");
	WHOLE("\xc8\x00\x02txx");
	WHOLE("\xc9\x00\x00\x00\x02txx");
	WHOLE("\xca....");
	WHOLE("\xcb........");
	WHOLE("\xcc.");
	WHOLE("\xcd..");
	WHOLE("\xce....");
	WHOLE("\xcf........");
	WHOLE("\xd0.");
	WHOLE("\xd1..");
	WHOLE("\xd2....");
	WHOLE("\xd3........");
	WHOLE("\xd4t1");
	WHOLE("\xd5t12");
	WHOLE("\xd6t1234");
	WHOLE("\xd7t12345678");
	WHOLE("\xd8t1234567890123456");
	WHOLE("\xd9\x02xx");
	WHOLE("\xda\x00\x02xx");
	WHOLE("\xdb\x00\x00\x00\x02xx");
	WHOLE("\xdc\x00\x01\xc0");
	WHOLE("\xdd\x00\x00\x00\x01\xc0");
	WHOLE("\xde\x00\x01\x01\xc0");
	WHOLE("\xdf\x00\x00\x00\x01\x01\xc0");
	WHOLE("\xe0");
	WHOLE("\xff");
	WHOLE("\xc4\x00");
	WHOLE("\xdd\x00\x00\x00\x00");
}

static void
test_the_one_byte_that_is_none(void **state)
{
	(void)state;
	REFUSED("\xc1", SCAN_BAD);
	REFUSED("\x91\xc1", SCAN_BAD);
	REFUSED("\x82\xa1k\x01\xc1", SCAN_BAD);
}

/*
 * Whatever the value, every cut is short, bytes behind it do not matter, and dripping comes to the
 * same end.
 */
static void
test_random_values(void **state)
{
	uint64_t seed = 0x9e3779b97f4a7c15;
	static const uint8_t behind[] = { 0xc1, 0xff };

	(void)state;
	for (int round = 0; round < 1000; round++) {
		struct scan drip = { 0 };
		struct buf value = { 0 };
		size_t len, pos;

		wire_random(&value, &seed, DEPTH_MAX);
		len = buf_len(&value);
		assert_ok(buf_append(&value, behind, sizeof behind));
		for (size_t cut = 0; cut < len; cut++) {
			assert_int_equal(scan_once(buf_data(&value), cut, &pos), SCAN_SHORT);
			assert_int_equal(scan_feed(&drip, buf_data(&value), cut), SCAN_SHORT);
		}
		assert_int_equal(scan_feed(&drip, buf_data(&value), len), SCAN_WHOLE);
		assert_int_equal(drip.pos, len);
		assert_int_equal(scan_once(buf_data(&value), len + sizeof behind, &pos),
				 SCAN_WHOLE);
		assert_int_equal(pos, len);
		buf_free(&value);
	}
}

static void
test_depth(void **state)
{
	uint8_t bytes[DEPTH_MAX + 2];
	size_t pos;

	(void)state;
	memset(bytes, 0x91, sizeof bytes);
	bytes[DEPTH_MAX - 1] = 0x90;
	assert_int_equal(scan_once(bytes, DEPTH_MAX, &pos), SCAN_WHOLE);
	bytes[DEPTH_MAX - 1] = 0x91;
	bytes[DEPTH_MAX] = 0xc0;
	assert_int_equal(scan_once(bytes, DEPTH_MAX + 1, &pos), SCAN_WHOLE);
	for (unsigned empty = 0; empty < 2; empty++) {
		bytes[DEPTH_MAX] = empty ? 0x80 : 0x91;
		assert_int_equal(scan_once(bytes, DEPTH_MAX + 1, &pos), SCAN_DEEP);
	}
	/* What was closed again does not count. */
	WHOLE("\x92\x91\x91\x91\x91\x91\x91\x90\x91\x91\x91\x91\x91\x91\x91\xc0");
	REFUSED("\x92\x91\x91\x91\x91\x91\x91\x90\x91\x91\x91\x91\x91\x91\x91\x91\xc0", SCAN_DEEP);
}

/* A bin that makes the whole value len bytes long. */
static uint8_t *
bin_of(size_t len)
{
	uint8_t *p = calloc(1, len);
	size_t n = len - 6;

	assert_non_null(p);
	memcpy(p,
	       (const uint8_t[]){ 0x91, 0xc6, (uint8_t)(n >> 24), (uint8_t)(n >> 16),
				  (uint8_t)(n >> 8), (uint8_t)n },
	       6);
	return p;
}

static void
test_size(void **state)
{
	uint8_t *fits = bin_of(FRAME_MAX), *more = bin_of(FRAME_MAX + 1);
	size_t pos;

	(void)state;
	assert_int_equal(scan_once(fits, FRAME_MAX, &pos), SCAN_WHOLE);
	assert_int_equal(scan_once(fits, FRAME_MAX - 1, &pos), SCAN_SHORT);
	assert_int_equal(scan_once(fits, 6, &pos), SCAN_SHORT);
	assert_int_equal(scan_once(more, FRAME_MAX + 1, &pos), SCAN_LARGE);
	/* Refused as soon as the head is there. */
	assert_int_equal(scan_once(more, 6, &pos), SCAN_LARGE);
	free(fits);
	free(more);
	REFUSED("\xc6\xff\xff\xff\xff", SCAN_LARGE);
	REFUSED("\xdb\x00\x10\x00\x01", SCAN_LARGE);
	REFUSED("\xc9\xff\xff\xff\xff", SCAN_LARGE);
}

/* Many small values that only together are too many. */
static void
test_size_of_many(void **state)
{
	uint8_t *p = malloc(FRAME_MAX + 8);
	size_t pos;

	(void)state;
	assert_non_null(p);
	memset(p, 0xa1, FRAME_MAX + 8);
	memcpy(p, "\xdd\x00\x07\xff\xfd", 5);
	assert_int_equal(scan_once(p, FRAME_MAX + 8, &pos), SCAN_WHOLE);
	assert_int_equal(pos, 5 + 2 * 0x7fffd);
	memcpy(p, "\xdd\x00\x07\xff\xfe", 5);
	assert_int_equal(scan_once(p, FRAME_MAX + 8, &pos), SCAN_LARGE);
	free(p);
}

static void
test_claimed_counts(void **state)
{
	(void)state;
	REFUSED("\xdd\xff\xff\xff\xff", SCAN_LARGE);
	REFUSED("\xdf\xff\xff\xff\xff", SCAN_LARGE);
	REFUSED("\xdf\x80\x00\x00\x00", SCAN_LARGE);
	/* As many as could still follow, and one more. */
	REFUSED("\xdd\x00\x0f\xff\xfb", SCAN_SHORT);
	REFUSED("\xdd\x00\x0f\xff\xfc", SCAN_LARGE);
	REFUSED("\xdf\x00\x07\xff\xfd", SCAN_SHORT);
	REFUSED("\xdf\x00\x07\xff\xfe", SCAN_LARGE);
}

/* A million pieces: what looks again at what it has seen would need half a trillion steps. */
static void
test_linear(void **state)
{
	uint8_t *p = malloc(FRAME_MAX);
	struct scan drip = { 0 };

	(void)state;
	assert_non_null(p);
	memset(p, 0xc0, FRAME_MAX);
	memcpy(p, "\xdd\x00\x0f\xff\xfb", 5);
	for (size_t len = 0; len < FRAME_MAX; len++)
		assert_true(scan_feed(&drip, p, len) == SCAN_SHORT);
	assert_int_equal(scan_feed(&drip, p, FRAME_MAX), SCAN_WHOLE);
	free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_format),
		cmocka_unit_test(test_the_one_byte_that_is_none),
		cmocka_unit_test(test_random_values),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_size_of_many),
		cmocka_unit_test(test_claimed_counts),
		cmocka_unit_test(test_linear),
	};

	return cmocka_run_group_tests_name("scan", tests, NULL, NULL);
}
