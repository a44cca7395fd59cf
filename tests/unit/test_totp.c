#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/text.h"
#include "vaultd/crypto/init.h"
#include "vaultd/crypto/totp.h"

#define VECTORS "tests/vectors/rfc/rfc6238_totp.txt"
#define VECTORS_SHA1 6 /* RFC 6238 appendix B, its rows of SHA-1 */
#define LINE_LEN 256

static int
start(void **state)
{
	(void)state;
	return crypto_init() == VAULT_OK ? 0 : -1;
}

static struct vault_bytes
bytes_of(const char *text)
{
	return text_bytes(text_of(text));
}

static void
expect(const char *secret, uint64_t step, const char *expected)
{
	unsigned digits = (unsigned)strlen(expected);
	char code[TOTP_DIGITS_MAX];

	assert_int_equal(totp_code(bytes_of(secret), step, digits, code), VAULT_OK);
	assert_memory_equal(code, expected, digits);
}

/* One row: the code of eight digits, and that of six, which is its end. */
static void
check_row(const char *time, const char *code, const char *secret)
{
	uint64_t step = strtoull(time, NULL, 10) / TOTP_STEP_SECONDS;
	bool right;

	assert_int_equal(strlen(code), 8);
	expect(secret, step, code);
	expect(secret, step, code + 2);
	assert_int_equal(totp_check(bytes_of(secret), step, text_of(code + 2), &right), VAULT_OK);
	assert_true(right);
	assert_int_equal(totp_check(bytes_of(secret), step + 1, text_of(code + 2), &right),
			 VAULT_OK);
	assert_false(right);
}

static void
test_rfc6238(void **state)
{
	char line[LINE_LEN], time[LINE_LEN] = "", code[LINE_LEN] = "", mode[LINE_LEN] = "";
	FILE *file = fopen(VECTORS, "r");
	unsigned rows = 0;

	(void)state;
	assert_non_null(file);
	while (fgets(line, sizeof line, file) != NULL) {
		char *value = strstr(line, " = ");

		line[strcspn(line, "\r\n")] = '\0';
		if (value == NULL || line[0] == '#')
			continue;
		*value = '\0';
		value += 3;
		if (strcmp(line, "TIME") == 0)
			snprintf(time, sizeof time, "%s", value);
		else if (strcmp(line, "TOTP") == 0)
			snprintf(code, sizeof code, "%s", value);
		else if (strcmp(line, "MODE") == 0)
			snprintf(mode, sizeof mode, "%s", value);
		else if (strcmp(line, "SECRET") == 0 && strcmp(mode, "SHA1") == 0) {
			check_row(time, code, value);
			rows++;
		}
	}
	fclose(file);
	assert_int_equal(rows, VECTORS_SHA1);
}

/* RFC 4226 appendix D. */
static void
test_rfc4226(void **state)
{
	static const char *const codes[] = { "755224", "287082", "359152", "969429", "338314",
					     "254676", "287922", "162583", "399871", "520489" };

	(void)state;
	for (uint64_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
		expect("12345678901234567890", i, codes[i]);
}

static void
test_bounds(void **state)
{
	char code[TOTP_DIGITS_MAX];
	bool right = true;

	(void)state;
	assert_int_equal(totp_code(bytes_of("s"), 1, TOTP_DIGITS_MAX + 1, code), VAULT_INTERNAL);
	/* Of another length it is not looked at. */
	assert_int_equal(totp_check(bytes_of("12345678901234567890"), 0, text_of("75522"), &right),
			 VAULT_OK);
	assert_false(right);
	assert_int_equal(
		totp_check(bytes_of("12345678901234567890"), 0, text_of("7552244"), &right),
		VAULT_OK);
	assert_false(right);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc6238),
		cmocka_unit_test(test_rfc4226),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
