#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/lib/arena.h"
#include "tests/unit/lib/vectors.h"
#include "vaultd/crypto/mac.h"

static struct vault_bytes
bytes_of(const char *s)
{
	return (struct vault_bytes){ (const uint8_t *)s, strlen(s) };
}

/* The tag, or as much of it as the vector gives. */
static bool
tag_matches(struct arena *arena, enum mac_hash hash, struct vault_bytes secret,
	    struct vault_bytes message, struct vault_bytes tag)
{
	uint8_t out[MAC_BYTES_MAX];
	struct mac_key key;
	bool equal;

	assert_int_equal(mac_key_init(&key, arena, hash, secret), VAULT_OK);
	mac_once(&key, message, out);
	equal = tag.len <= mac_bytes(hash) && memcmp(out, tag.p, tag.len) == 0;
	/* A shortened tag is not one. */
	assert_int_equal(mac_check(&key, message, tag), equal && tag.len == mac_bytes(hash));
	mac_key_free(&key);
	assert_int_equal(arena_used(arena), 0);
	return equal;
}

static void
check_wycheproof(void *arena, const json_t *group, const json_t *test)
{
	struct vault_bytes key = vectors_hex(test, "key"), message = vectors_hex(test, "msg");
	struct vault_bytes tag = vectors_hex(test, "tag");

	(void)group;
	assert_int_equal(tag_matches(arena, MAC_SHA256, key, message, tag), vectors_valid(test));
	vectors_free(key);
	vectors_free(message);
	vectors_free(tag);
}

static void
test_wycheproof(void **state)
{
	vectors_wycheproof("wycheproof/hmac_sha256_test.json", check_wycheproof, *state);
}

static void
test_rfc4231(void **state)
{
	json_t *file = vectors_read("rfc/rfc4231_hmac_sha256.json"), *test;
	size_t i;

	json_array_foreach(json_object_get(file, "tests"), i, test)
	{
		bool cut = json_object_get(test, "mac") == NULL;
		struct vault_bytes key = vectors_hex(test, "key"), data = vectors_hex(test, "data");
		struct vault_bytes mac = vectors_hex(test, cut ? "mac_trunc128" : "mac");

		assert_true(tag_matches(*state, MAC_SHA256, key, data, mac));
		vectors_free(key);
		vectors_free(data);
		vectors_free(mac);
	}
	assert_int_equal(i, 7);
	json_decref(file);
}

/* RFC 4231 cases 2 and 6 for HMAC-SHA-512: a short key, and one longer than a block. */
static void
test_sha512(void **state)
{
	static const char *const tags[] = {
		"164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
		"9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
		"80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352"
		"6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598",
	};
	struct vault_bytes two = vectors_unhex(tags[0]), six = vectors_unhex(tags[1]);
	uint8_t key[131];

	memset(key, 0xaa, sizeof key);
	assert_true(tag_matches(*state, MAC_SHA512, bytes_of("Jefe"),
				bytes_of("what do ya want for nothing?"), two));
	assert_true(tag_matches(*state, MAC_SHA512, (struct vault_bytes){ key, sizeof key },
				bytes_of("Test Using Larger Than Block-Size Key - Hash Key First"),
				six));
	vectors_free(two);
	vectors_free(six);
}

/* A prefix absorbed once, its state copied for each message; the key stays usable. */
static void
test_prefix(void **state)
{
	static const enum mac_hash hashes[] = { MAC_SHA256, MAC_SHA512 };

	for (size_t i = 0; i < 2; i++) {
		uint8_t expected[MAC_BYTES_MAX], tag[MAC_BYTES_MAX];
		struct mac_state prefix, copy;
		struct mac_key key;

		assert_int_equal(mac_key_init(&key, *state, hashes[i], bytes_of("a key")),
				 VAULT_OK);
		mac_once(&key, bytes_of("header.payload"), expected);
		mac_start(&key, &prefix);
		mac_add(&key, &prefix, "header.", 7);
		for (int round = 0; round < 3; round++) {
			copy = prefix;
			mac_add(&key, &copy, "payload", 7);
			mac_end(&key, &copy, tag);
			assert_memory_equal(tag, expected, mac_bytes(hashes[i]));
		}
		mac_key_free(&key);
		mac_key_free(&key);
	}
}

static void
test_check(void **state)
{
	struct vault_bytes message = bytes_of("message");
	uint8_t tag[MAC_BYTES_MAX];
	struct mac_key key;

	assert_int_equal(mac_key_init(&key, *state, MAC_SHA256, bytes_of("a key")), VAULT_OK);
	mac_once(&key, message, tag);
	assert_true(mac_check(&key, message, (struct vault_bytes){ tag, 32 }));
	for (size_t len = 0; len <= MAC_BYTES_MAX; len++)
		assert_int_equal(mac_check(&key, message, (struct vault_bytes){ tag, len }),
				 len == 32);
	for (size_t bit = 0; bit < 256; bit++) {
		tag[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(mac_check(&key, message, (struct vault_bytes){ tag, 32 }));
		tag[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_false(mac_check(&key, bytes_of("massage"), (struct vault_bytes){ tag, 32 }));
	mac_key_free(&key);
}

static void
test_without_room(void **state)
{
	struct mac_key key = { .hash = MAC_SHA512 };
	struct secret all = { 0 };

	assert_int_equal(secret_new(*state, arena_size(*state), &all), VAULT_OK);
	assert_int_equal(mac_key_init(&key, *state, MAC_SHA256, bytes_of("a key")), VAULT_BUSY);
	assert_int_equal(key.hash, MAC_SHA512);
	assert_null(key.pads.p);
	secret_free(&all);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wycheproof), cmocka_unit_test(test_rfc4231),
		cmocka_unit_test(test_sha512),	   cmocka_unit_test(test_prefix),
		cmocka_unit_test(test_check),	   cmocka_unit_test(test_without_room),
	};

	return cmocka_run_group_tests_name("mac", tests, arena_setup, arena_teardown);
}
