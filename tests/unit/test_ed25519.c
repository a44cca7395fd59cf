#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/lib/arena.h"
#include "tests/unit/lib/vectors.h"
#include "vaultd/base/base64.h"
#include "vaultd/crypto/ed25519.h"

static void
check_wycheproof(void *context, const json_t *group, const json_t *test)
{
	struct vault_bytes key = vectors_hex(json_object_get(group, "publicKey"), "pk");
	struct vault_bytes message = vectors_hex(test, "msg"), signature = vectors_hex(test, "sig");

	(void)context;
	assert_int_equal(key.len, ED25519_PUBLIC_BYTES);
	assert_int_equal(ed25519_verify(key.p, message, signature), vectors_valid(test));
	vectors_free(key);
	vectors_free(message);
	vectors_free(signature);
}

static void
test_wycheproof(void **state)
{
	(void)state;
	vectors_wycheproof("wycheproof/ed25519_test.json", check_wycheproof, NULL);
}

static void
decode(const json_t *object, const char *member, uint8_t *out, size_t size)
{
	const char *text = vectors_text(object, member);
	size_t len;

	assert_int_equal(BASE64_DECODED_MAX(strlen(text)), size);
	assert_true(base64url_decode(text, strlen(text), out, &len));
	assert_int_equal(len, size);
}

/* RFC 8037 appendix A.4: the seed gives the public key and the very signature. */
static void
test_rfc8037(void **state)
{
	json_t *file = vectors_read("jose-cookbook/curve25519/jws.json");
	json_t *jwk = json_object_get(json_object_get(file, "input"), "key");
	json_t *signing = json_object_get(file, "signing");
	const char *input = vectors_text(signing, "sig-input");
	struct vault_bytes message = { (const uint8_t *)input, strlen(input) };
	uint8_t seed[ED25519_SEED_BYTES], public_key[ED25519_PUBLIC_BYTES];
	uint8_t expected[ED25519_SIGNATURE_BYTES], signature[ED25519_SIGNATURE_BYTES];
	struct ed25519_key key;

	decode(jwk, "d", seed, sizeof seed);
	decode(jwk, "x", public_key, sizeof public_key);
	decode(signing, "sig", expected, sizeof expected);
	assert_int_equal(ed25519_from_seed(&key, *state, seed), VAULT_OK);
	assert_memory_equal(key.public_key, public_key, sizeof public_key);
	ed25519_sign(&key, message, signature);
	assert_memory_equal(signature, expected, sizeof signature);
	ed25519_free(&key);
	ed25519_free(&key);
	assert_int_equal(arena_used(*state), 0);
	json_decref(file);
}

static void
test_changes(void **state)
{
	uint8_t seed[ED25519_SEED_BYTES] = { 1 }, signature[ED25519_SIGNATURE_BYTES + 1] = { 0 };
	struct vault_bytes message = { (const uint8_t *)"message", 7 };
	struct ed25519_key key;

	assert_int_equal(ed25519_from_seed(&key, *state, seed), VAULT_OK);
	ed25519_sign(&key, message, signature);
	for (size_t len = 0; len <= sizeof signature; len++)
		assert_int_equal(ed25519_verify(key.public_key, message,
						(struct vault_bytes){ signature, len }),
				 len == ED25519_SIGNATURE_BYTES);
	for (size_t bit = 0; bit < 8 * ED25519_SIGNATURE_BYTES; bit++) {
		signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(
			ed25519_verify(key.public_key, message,
				       (struct vault_bytes){ signature, ED25519_SIGNATURE_BYTES }));
		signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	message.len--;
	assert_false(ed25519_verify(key.public_key, message,
				    (struct vault_bytes){ signature, ED25519_SIGNATURE_BYTES }));
	message = (struct vault_bytes){ NULL, 0 };
	ed25519_sign(&key, message, signature);
	assert_true(ed25519_verify(key.public_key, message,
				   (struct vault_bytes){ signature, ED25519_SIGNATURE_BYTES }));
	ed25519_free(&key);
}

/*
 * Under a key of small order one signature would fit many messages: R and key the neutral element,
 * S zero.
 */
static void
test_small_order(void **state)
{
	uint8_t neutral[ED25519_PUBLIC_BYTES] = { 1 }, signature[ED25519_SIGNATURE_BYTES] = { 1 };

	(void)state;
	assert_false(ed25519_verify(neutral, (struct vault_bytes){ (const uint8_t *)"any", 3 },
				    (struct vault_bytes){ signature, sizeof signature }));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wycheproof),
		cmocka_unit_test(test_rfc8037),
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_small_order),
	};

	return cmocka_run_group_tests_name("ed25519", tests, arena_setup, arena_teardown);
}
