#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/text.h"
#include "tests/unit/lib/vectors.h"
#include "vaultd/crypto/hash.h"

static struct vault_bytes
bytes_of(const char *s)
{
	return (struct vault_bytes){ (const uint8_t *)s, strlen(s) };
}

static void
check_sha256(const char *message, const char *hex)
{
	struct vault_bytes expected = vectors_unhex(hex);
	uint8_t out[SHA256_BYTES];

	sha256_once(bytes_of(message), out);
	assert_memory_equal(out, expected.p, SHA256_BYTES);
	vectors_free(expected);
}

/* FIPS 180-4 examples. */
static void
test_sha256(void **state)
{
	(void)state;
	check_sha256("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	check_sha256("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	check_sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

/* However it is cut, and from a copied state on. */
static void
test_sha256_pieces(void **state)
{
	uint8_t message[200], whole[SHA256_BYTES], out[SHA256_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof message; i++)
		message[i] = (uint8_t)(i * 31);
	sha256_once((struct vault_bytes){ message, sizeof message }, whole);
	for (size_t cut = 0; cut <= sizeof message; cut++) {
		struct sha256 h, copy;

		sha256_start(&h);
		sha256_add(&h, message, cut);
		copy = h;
		sha256_add(&h, "something else", 14);
		sha256_add(&copy, message + cut, sizeof message - cut);
		sha256_end(&copy, out);
		assert_memory_equal(out, whole, sizeof out);
	}
}

/* Computed with Python's hashlib.blake2b(kind + name, key=key, digest_size=32), cut. */
static void
test_name_tag(void **state)
{
	struct vault_bytes expected = vectors_unhex("ad53aa1c8e6b8491f3d9faa3");
	uint8_t key[NAME_KEY_BYTES], tag[NAME_TAG_BYTES], other[NAME_TAG_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof key; i++)
		key[i] = (uint8_t)i;
	name_tag(key, 7, bytes_of("acme/launch"), tag);
	assert_memory_equal(tag, expected.p, NAME_TAG_BYTES);
	name_tag(key, 8, bytes_of("acme/launch"), other);
	assert_memory_not_equal(tag, other, NAME_TAG_BYTES);
	name_tag(key, 7, bytes_of("acme/launc"), other);
	assert_memory_not_equal(tag, other, NAME_TAG_BYTES);
	key[31] ^= 1;
	name_tag(key, 7, bytes_of("acme/launch"), other);
	assert_memory_not_equal(tag, other, NAME_TAG_BYTES);
	name_tag(key, 7, (struct vault_bytes){ NULL, 0 }, other);
	vectors_free(expected);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sha256),
		cmocka_unit_test(test_sha256_pieces),
		cmocka_unit_test(test_name_tag),
	};

	return cmocka_run_group_tests_name("hash", tests, NULL, NULL);
}
