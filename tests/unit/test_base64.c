#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vaultd/base/base64.h"

#define LENGTH_MAX 300 /* every length up to here is tried */

/*
 * Outputs in allocations of just the size the header promises, so that a sanitizer sees one byte
 * too many.
 */
static void
round_trip_url(const uint8_t *p, size_t n)
{
	char expected[2 * LENGTH_MAX], *text = malloc(BASE64_LENGTH(n));
	uint8_t *back = malloc(BASE64_DECODED_MAX(BASE64_LENGTH(n)));
	size_t len;

	sodium_bin2base64(expected, sizeof expected, p, n,
			  sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	assert_int_equal(base64url_encode(p, n, text), strlen(expected));
	assert_int_equal(BASE64_LENGTH(n), strlen(expected));
	assert_memory_equal(text, expected, strlen(expected));
	assert_true(base64url_decode(text, strlen(expected), back, &len));
	assert_int_equal(len, n);
	assert_memory_equal(back, p, n);
	free(text);
	free(back);
}

static void
round_trip_secret(const uint8_t *p, size_t n)
{
	char expected[2 * LENGTH_MAX], *text = malloc(BASE64_PADDED_LENGTH(n));
	uint8_t *back = malloc(BASE64_DECODED_MAX(BASE64_PADDED_LENGTH(n)));
	size_t len;

	sodium_bin2base64(expected, sizeof expected, p, n, sodium_base64_VARIANT_ORIGINAL);
	assert_int_equal(base64_encode_secret(p, n, text), strlen(expected));
	assert_memory_equal(text, expected, strlen(expected));
	assert_true(base64_decode_secret(text, strlen(expected), back, &len));
	assert_int_equal(len, n);
	assert_memory_equal(back, p, n);
	assert_true(base64_decode_secret(text, BASE64_LENGTH(n), back, &len));
	assert_int_equal(len, n);
	assert_memory_equal(back, p, n);
	free(text);
	free(back);
}

static void
test_round_trips(void **state)
{
	(void)state;
	for (size_t n = 0; n <= LENGTH_MAX; n++) {
		uint8_t *p = malloc(n + 1);

		randombytes_buf(p, n);
		round_trip_url(p, n);
		round_trip_secret(p, n);
		free(p);
	}
}

static void
test_nothing(void **state)
{
	char text;
	uint8_t byte;
	size_t len = 7;

	(void)state;
	assert_int_equal(base64url_encode(NULL, 0, &text), 0);
	assert_int_equal(base64_encode_secret(NULL, 0, &text), 0);
	assert_true(base64url_decode(NULL, 0, &byte, &len));
	assert_int_equal(len, 0);
	assert_true(base64_decode_secret(NULL, 0, &byte, &len));
	assert_int_equal(len, 0);
}

/* Every octet in every place of a group. */
static void
test_every_octet(void **state)
{
	(void)state;
	for (unsigned v = 0; v < 256; v++) {
		const uint8_t p[4] = { (uint8_t)v, (uint8_t)~v, (uint8_t)(v * 7), (uint8_t)v };

		for (size_t n = 0; n <= 4; n++) {
			round_trip_url(p, n);
			round_trip_secret(p, n);
		}
	}
}

static bool
decodes(const char *text)
{
	uint8_t out[64];
	size_t len;

	return base64url_decode(text, strlen(text), out, &len);
}

static bool
decodes_secret(const char *text)
{
	uint8_t out[64];
	size_t len;

	return base64_decode_secret(text, strlen(text), out, &len);
}

static void
test_strict_url(void **state)
{
	(void)state;
	assert_true(decodes(""));
	assert_true(decodes("Zg"));
	assert_true(decodes("Zm9vYg"));
	assert_true(decodes("-_-_"));
	assert_false(decodes("Z"));
	assert_false(decodes("Zm9vY"));
	assert_false(decodes("Zg=="));
	assert_false(decodes("Zm8="));
	assert_false(decodes("Zm9v="));
	assert_false(decodes("+/+/"));
	assert_false(decodes("Zm9v\n"));
	assert_false(decodes(" m9v"));
	assert_false(decodes("Zm.v"));
	/* Bits that no octet takes: "Zg" and "Zm8" are the only spellings of "f" and "fo". */
	assert_false(decodes("Zh"));
	assert_false(decodes("Zm9"));
	assert_false(decodes("Zm9vYh"));
}

static void
test_strict_secret(void **state)
{
	(void)state;
	assert_true(decodes_secret(""));
	assert_true(decodes_secret("Zg"));
	assert_true(decodes_secret("Zg=="));
	assert_true(decodes_secret("Zm8="));
	assert_true(decodes_secret("+/+/"));
	assert_false(decodes_secret("-_-_"));
	assert_false(decodes_secret("Z"));
	assert_false(decodes_secret("="));
	assert_false(decodes_secret("=="));
	assert_false(decodes_secret("===="));
	assert_false(decodes_secret("Z==="));
	assert_false(decodes_secret("Zg="));
	assert_false(decodes_secret("Zm8=="));
	assert_false(decodes_secret("Zm9v=="));
	assert_false(decodes_secret("Zm9v===="));
	assert_false(decodes_secret("Zg==Zg=="));
	assert_false(decodes_secret("Zh=="));
	assert_false(decodes_secret("Zm9="));
	assert_false(decodes_secret("Zm9v\n"));
}

/* Of all 256 characters just the alphabet's 64 are digits, in each place. */
static void
test_alphabets(void **state)
{
	(void)state;
	for (size_t place = 0; place < 4; place++) {
		unsigned url = 0, secret = 0;

		for (unsigned c = 0; c < 256; c++) {
			char text[4] = { 'A', 'A', 'A', 'A' };
			uint8_t out[3];
			size_t len;

			text[place] = (char)c;
			url += base64url_decode(text, 4, out, &len);
			secret += base64_decode_secret(text, 4, out, &len) && c != '=';
		}
		assert_int_equal(url, 64);
		assert_int_equal(secret, 64);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing),	      cmocka_unit_test(test_round_trips),
		cmocka_unit_test(test_every_octet),   cmocka_unit_test(test_strict_url),
		cmocka_unit_test(test_strict_secret), cmocka_unit_test(test_alphabets),
	};

	return cmocka_run_group_tests_name("base64", tests, NULL, NULL);
}
