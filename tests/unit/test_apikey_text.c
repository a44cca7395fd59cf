#include "vaultd/core/apikey_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "protocol/text.h"
#include "vaultd/base/crc32.h"
#include "vaultd/crypto/init.h"

#define ZEROS "vk_live_0000000000000000000000000000000000000000000000000000000"

static void
test_crc(void **state)
{
	/* The check value of CRC-32/ISO-HDLC, and lengths that are no multiple of a step. */
	static const struct {
		const char *text;
		uint32_t crc;
	} known[] = { { "", 0 },
		      { "a", 0xe8b7be43 },
		      { "abc", 0x352441c2 },
		      { "123456789", 0xcbf43926 },
		      { "The quick brown fox jumps over the lazy dog", 0x414fa339 } };

	(void)state;
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		assert_int_equal(crc32_of(text_bytes(text_of(known[i].text))), known[i].crc);
}

/* Bit by bit, against the tables. */
static void
test_crc_by_bits(void **state)
{
	uint8_t bytes[256];

	(void)state;
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(i * 37 + 11);
	for (size_t n = 0; n <= sizeof bytes; n++) {
		uint32_t crc = UINT32_MAX;

		for (size_t i = 0; i < n; i++) {
			crc ^= bytes[i];
			for (int bit = 0; bit < 8; bit++)
				crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xedb88320u : 0);
		}
		assert_int_equal(crc32_of((struct vault_bytes){ bytes, n }), ~crc);
	}
}

static void
test_make_and_parse(void **state)
{
	struct arena *arena;
	struct random_pool pool = { 0 };
	char text[APIKEY_TEXT_MAX], before[APIKEY_TEXT_MAX];
	struct apikey_text key;

	(void)state;
	assert_int_equal(arena_open(1 << 20, false, &arena), VAULT_OK);
	assert_int_equal(random_pool_init(&pool, arena), VAULT_OK);
	for (int i = 0; i < 1000; i++) {
		struct vault_text env = text_of(i % 2 == 0 ? "ab" : "abcdefgh");
		size_t len = apikey_text_make(&pool, env, text);

		assert_int_equal(len, 3 + env.len + 1 + 61);
		assert_true(apikey_text_parse((struct vault_text){ text, len }, &key));
		assert_true(text_equal(key.env, env));
		assert_ptr_equal(key.id.p, text + len - 61);
		assert_int_equal(key.id.len, 12);
		assert_int_equal(key.hashed.len, 55);
		assert_true(i == 0 || memcmp(before + 4, text + 4, 60) != 0);
		memcpy(before, text, sizeof text);
	}
	random_pool_free(&pool);
	arena_close(arena);
}

/* Every digit is as likely as any other: no quarter of 62 * 4,000 strays by six sigma. */
static void
test_digits_are_uniform(void **state)
{
	unsigned count[256] = { 0 };
	struct random_pool pool = { 0 };
	struct arena *arena;
	char digits[62];

	(void)state;
	assert_int_equal(arena_open(1 << 20, false, &arena), VAULT_OK);
	assert_int_equal(random_pool_init(&pool, arena), VAULT_OK);
	for (int i = 0; i < 4000; i++) {
		apikey_digits(&pool, digits, sizeof digits);
		for (size_t j = 0; j < sizeof digits; j++)
			count[(uint8_t)digits[j]]++;
	}
	for (int c = 0; c < 256; c++)
		if (count[c] != 0)
			assert_in_range(count[c], 3620, 4380);
	assert_int_equal(count['-'], 0);
	random_pool_free(&pool);
	arena_close(arena);
}

static bool
parses(const char *text)
{
	struct apikey_text key;

	return apikey_text_parse(text_of(text), &key);
}

static void
test_refused(void **state)
{
	static const char *const bad[] = {
		"", "vk_", "vk_live_", ZEROS, ZEROS "000000", "vk_l_", ZEROS "Uqwertx",
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(parses(bad[i]));
}

/* Any one byte changed to any other is found. */
static void
test_every_byte(void **state)
{
	struct arena *arena;
	struct random_pool pool = { 0 };
	char text[APIKEY_TEXT_MAX];
	struct apikey_text key;
	size_t len;

	(void)state;
	assert_int_equal(arena_open(1 << 20, false, &arena), VAULT_OK);
	assert_int_equal(random_pool_init(&pool, arena), VAULT_OK);
	len = apikey_text_make(&pool, TEXT_LITERAL("live"), text);
	for (size_t at = 0; at < len; at++) {
		for (int c = 0; c < 256; c++) {
			char was = text[at];

			if ((char)c == was)
				continue;
			text[at] = (char)c;
			assert_false(apikey_text_parse((struct vault_text){ text, len }, &key));
			text[at] = was;
		}
	}
	for (size_t n = 0; n < len; n++)
		assert_false(apikey_text_parse((struct vault_text){ text, n }, &key));
	random_pool_free(&pool);
	arena_close(arena);
}

static void
test_scopes(void **state)
{
	static const struct vault_text all[] = {
		{ "admin", 5 }, { "write", 5 }, { "read", 4 }, { "a:b", 3 }
	};
	/* Which of all are given by each alone. */
	static const bool gives[4][4] = { { true, true, true, false },
					  { false, true, true, false },
					  { false, false, true, false },
					  { false, false, false, true } };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct vault_texts list = { &all[i], 1 };

		for (size_t j = 0; j < 4; j++)
			assert_int_equal(apikey_scopes_give(&list, all[j]), gives[i][j]);
	}
	assert_true(apikey_scope(TEXT_LITERAL("a.b_c:d-9")));
	assert_false(apikey_scope(TEXT_LITERAL("A")));
	assert_false(apikey_scope(TEXT_LITERAL("")));
	assert_false(apikey_scope(TEXT_LITERAL("a b")));
}

static void
test_env(void **state)
{
	(void)state;
	assert_true(apikey_env(TEXT_LITERAL("ab")) && apikey_env(TEXT_LITERAL("abcdefgh")));
	assert_false(apikey_env(TEXT_LITERAL("a")) || apikey_env(TEXT_LITERAL("abcdefghi")) ||
		     apikey_env(TEXT_LITERAL("a1")) || apikey_env(TEXT_LITERAL("Ab")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_crc),
		cmocka_unit_test(test_crc_by_bits),
		cmocka_unit_test(test_make_and_parse),
		cmocka_unit_test(test_digits_are_uniform),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_scopes),
		cmocka_unit_test(test_env),
	};

	if (crypto_init() != VAULT_OK)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
