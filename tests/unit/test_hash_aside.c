#include "vaultd/crypto/hash_aside.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#define LENGTH ((1u << 20) + 17)

static uint8_t *
made(void)
{
	uint8_t *bytes = malloc(LENGTH);

	assert_non_null(bytes);
	for (size_t i = 0; i < LENGTH; i++)
		bytes[i] = (uint8_t)(i * 131 + i / 257);
	return bytes;
}

static void
hash_in_pieces(const uint8_t *bytes, size_t len, size_t step)
{
	uint8_t aside[SHA256_BYTES], plain[SHA256_BYTES];
	struct hash_aside *hash;

	assert_int_equal(hash_aside_new(&hash), VAULT_OK);
	for (size_t at = 0; at < len; at += step)
		hash_aside_add(hash, bytes + at, len - at < step ? len - at : step);
	hash_aside_end(hash, aside);
	hash_aside_free(hash);
	sha256_once((struct vault_bytes){ bytes, len }, plain);
	assert_memory_equal(aside, plain, sizeof plain);
}

static void
test_the_digest_is_sha256(void **state)
{
	static const size_t steps[] = { 1, 17, 4096, 65535, 65536, 65537, 262144, LENGTH };
	uint8_t *bytes = made();

	(void)state;
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
		hash_in_pieces(bytes, steps[i] < 100 ? 3000 : LENGTH, steps[i]);
	hash_in_pieces(bytes, 0, 1);
	free(bytes);
}

static void
test_what_is_added_may_be_overwritten_at_once(void **state)
{
	uint8_t aside[SHA256_BYTES], plain[SHA256_BYTES], piece[70000];
	struct hash_aside *hash;
	struct sha256 h;

	(void)state;
	sha256_start(&h);
	assert_int_equal(hash_aside_new(&hash), VAULT_OK);
	for (unsigned i = 0; i < 200; i++) {
		memset(piece, (int)i, sizeof piece);
		sha256_add(&h, piece, sizeof piece);
		hash_aside_add(hash, piece, sizeof piece);
	}
	hash_aside_end(hash, aside);
	hash_aside_free(hash);
	sha256_end(&h, plain);
	assert_memory_equal(aside, plain, sizeof plain);
}

static void
test_given_up_half_way(void **state)
{
	uint8_t *bytes = made();

	(void)state;
	for (unsigned i = 0; i < 50; i++) {
		struct hash_aside *hash;

		assert_int_equal(hash_aside_new(&hash), VAULT_OK);
		hash_aside_add(hash, bytes, i * 20000);
		hash_aside_free(hash);
	}
	hash_aside_free(NULL);
	free(bytes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_digest_is_sha256),
		cmocka_unit_test(test_what_is_added_may_be_overwritten_at_once),
		cmocka_unit_test(test_given_up_half_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
