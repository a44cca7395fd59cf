#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vaultd/base/base32.h"

/* In an allocation of just the size that the header promises. */
static void
expect(const void *p, size_t n, const char *text)
{
	char *out = malloc(BASE32_LENGTH(n) + 1);

	assert_non_null(out);
	out[BASE32_LENGTH(n)] = '!';
	assert_int_equal(BASE32_LENGTH(n), strlen(text));
	assert_int_equal(base32_encode_secret(p, n, out), strlen(text));
	assert_memory_equal(out, text, strlen(text));
	assert_int_equal(out[BASE32_LENGTH(n)], '!');
	free(out);
}

/* RFC 4648 section 10, without the padding. */
static void
test_published(void **state)
{
	static const char *const texts[] = { "",	"MY",	    "MZXQ",	 "MZXW6",
					     "MZXW6YQ", "MZXW6YTB", "MZXW6YTBOI" };

	(void)state;
	for (size_t n = 0; n < sizeof texts / sizeof texts[0]; n++)
		expect("foobar", n, texts[n]);
}

/* Each digit in each of the eight places. */
static void
test_digits(void **state)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

	(void)state;
	for (unsigned digit = 0; digit < 32; digit++)
		for (unsigned place = 0; place < 8; place++) {
			uint64_t bits = (uint64_t)digit << (35 - 5 * place);
			char text[] = "AAAAAAAA";
			uint8_t bytes[5];

			for (unsigned i = 0; i < 5; i++)
				bytes[i] = (uint8_t)(bits >> 8 * (4 - i));
			text[place] = alphabet[digit];
			expect(bytes, sizeof bytes, text);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_published),
		cmocka_unit_test(test_digits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
