#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/lib/arena.h"
#include "tests/unit/lib/vectors.h"
#include "vaultd/crypto/box.h"

#define PLAIN_BYTES 32

static void
test_round_trip(void **state)
{
	uint8_t public_key[BOX_PUBLIC_BYTES], plain[PLAIN_BYTES] = { 7 }, out[PLAIN_BYTES];
	uint8_t sealed[2][PLAIN_BYTES + BOX_OVERHEAD];
	struct secret secret = { 0 };

	assert_int_equal(box_keypair(*state, public_key, &secret), VAULT_OK);
	assert_int_equal(secret.len, BOX_SECRET_BYTES);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(box_seal(public_key, (struct vault_bytes){ plain, sizeof plain },
					  sealed[i]),
				 VAULT_OK);
		memset(out, 0, sizeof out);
		assert_int_equal(box_open(public_key, &secret,
					  (struct vault_bytes){ sealed[i], sizeof sealed[i] }, out),
				 VAULT_OK);
		assert_memory_equal(out, plain, sizeof out);
	}
	assert_memory_not_equal(sealed[0], sealed[1], sizeof sealed[0]);
	secret_free(&secret);
}

/* Any bit, any length, another's secret, another's public key. */
static void
test_changes(void **state)
{
	uint8_t public_key[BOX_PUBLIC_BYTES], other_public[BOX_PUBLIC_BYTES],
		plain[PLAIN_BYTES] = { 7 };
	uint8_t sealed[PLAIN_BYTES + BOX_OVERHEAD], out[PLAIN_BYTES];
	struct vault_bytes whole = { sealed, sizeof sealed };
	struct secret secret = { 0 }, other = { 0 }, none = { 0 };

	memset(out, 0x5a, sizeof out);
	assert_int_equal(box_keypair(*state, public_key, &secret), VAULT_OK);
	assert_int_equal(box_keypair(*state, other_public, &other), VAULT_OK);
	assert_int_equal(box_seal(public_key, (struct vault_bytes){ plain, sizeof plain }, sealed),
			 VAULT_OK);
	for (size_t bit = 0; bit < 8 * sizeof sealed; bit++) {
		sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(box_open(public_key, &secret, whole, out), VAULT_INTEGRITY);
		sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t len = 0; len < sizeof sealed; len++)
		assert_int_equal(
			box_open(public_key, &secret, (struct vault_bytes){ sealed, len }, out),
			VAULT_INTEGRITY);
	assert_int_equal(box_open(public_key, &other, whole, out), VAULT_INTEGRITY);
	assert_int_equal(box_open(other_public, &other, whole, out), VAULT_INTEGRITY);
	assert_int_equal(box_open(other_public, &secret, whole, out), VAULT_INTEGRITY);
	assert_int_equal(box_open(public_key, &none, whole, out), VAULT_INTEGRITY);
	for (size_t i = 0; i < sizeof out; i++)
		assert_int_equal(out[i], 0x5a);
	assert_int_equal(box_open(public_key, &secret, whole, out), VAULT_OK);
	secret_free(&secret);
	secret_free(&other);
}

/*
 * The points of small order (RFC 7748 section 6.1), to which everybody could open what is sealed.
 */
static void
test_bad_public_keys(void **state)
{
	static const char *const bad[] = {
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
		"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	};
	uint8_t plain[PLAIN_BYTES] = { 7 }, sealed[PLAIN_BYTES + BOX_OVERHEAD];

	(void)state;
	memset(sealed, 0x5a, sizeof sealed);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct vault_bytes key = vectors_unhex(bad[i]);

		assert_int_equal(
			box_seal(key.p, (struct vault_bytes){ plain, sizeof plain }, sealed),
			VAULT_INVALID_PARAMS);
		vectors_free(key);
	}
	for (size_t i = 0; i < sizeof sealed; i++)
		assert_int_equal(sealed[i], 0x5a);
}

static void
test_without_room(void **state)
{
	uint8_t public_key[BOX_PUBLIC_BYTES] = { 9 };
	struct secret all = { 0 }, secret = { 0 };

	assert_int_equal(secret_new(*state, arena_size(*state), &all), VAULT_OK);
	assert_int_equal(box_keypair(*state, public_key, &secret), VAULT_BUSY);
	assert_int_equal(public_key[0], 9);
	assert_null(secret.p);
	secret_free(&all);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_bad_public_keys),
		cmocka_unit_test(test_without_room),
	};

	return cmocka_run_group_tests_name("box", tests, arena_setup, arena_teardown);
}
