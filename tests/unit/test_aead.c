#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/lib/vectors.h"
#include "vaultd/crypto/aead.h"
#include "vaultd/crypto/init.h"

#define LENGTH_MAX                                                                                 \
	600 /* every length up to here is tried: more than two of the widest implementation's      \
	       strides, and more than what is opened in one run */

typedef enum vault_err opener(const uint8_t key[static AEAD_KEY_BYTES],
			      const uint8_t nonce[static AEAD_NONCE_BYTES], struct vault_bytes ad,
			      struct vault_bytes sealed, uint8_t *out);
/* Both must say the same of anything. */
static opener *const openers[] = { aead_open, aead_open_fresh };
#define OPENERS (sizeof openers / sizeof openers[0])

static int
setup(void **state)
{
	(void)state;
	return crypto_init() == VAULT_OK ? 0 : -1;
}

static struct vault_bytes
bytes_of(const char *s)
{
	return (struct vault_bytes){ (const uint8_t *)s, strlen(s) };
}

/* sealed = ciphertext and tag of a vector, in an allocation of just that size. */
static struct vault_bytes
join(struct vault_bytes a, struct vault_bytes b)
{
	uint8_t *p = malloc(a.len + b.len);

	memcpy(p, a.p, a.len);
	memcpy(p + a.len, b.p, b.len);
	return (struct vault_bytes){ p, a.len + b.len };
}

static void
check_open(const json_t *test, struct vault_bytes key, struct vault_bytes nonce)
{
	struct vault_bytes message = vectors_hex(test, "msg"), ad = vectors_hex(test, "aad");
	struct vault_bytes ciphertext = vectors_hex(test, "ct"), tag = vectors_hex(test, "tag");
	struct vault_bytes sealed = join(ciphertext, tag);
	uint8_t *out = malloc(message.len + 1);

	memset(out, 0x5a, message.len + 1);
	if (vectors_valid(test)) {
		for (size_t i = 0; i < OPENERS; i++) {
			memset(out, 0x5a, message.len + 1);
			assert_int_equal(openers[i](key.p, nonce.p, ad, sealed, out), VAULT_OK);
			assert_memory_equal(out, message.p, message.len);
			assert_int_equal(out[message.len], 0x5a);
		}
	} else {
		assert_int_equal(aead_open(key.p, nonce.p, ad, sealed, out), VAULT_INTEGRITY);
		for (size_t i = 0; i < message.len; i++)
			assert_int_equal(out[i], 0x5a);
		assert_int_equal(aead_open_fresh(key.p, nonce.p, ad, sealed, out), VAULT_INTEGRITY);
	}
	free(out);
	vectors_free(message);
	vectors_free(ad);
	vectors_free(ciphertext);
	vectors_free(tag);
	vectors_free(sealed);
}

/*
 * Nonces of other sizes cannot be written with these types; the vectors call every one of them
 * invalid.
 */
static void
check_wycheproof(void *context, const json_t *group, const json_t *test)
{
	struct vault_bytes key = vectors_hex(test, "key"), nonce = vectors_hex(test, "iv");

	(void)context;
	(void)group;
	assert_int_equal(key.len, AEAD_KEY_BYTES);
	if (nonce.len == AEAD_NONCE_BYTES)
		check_open(test, key, nonce);
	else
		assert_false(vectors_valid(test));
	vectors_free(key);
	vectors_free(nonce);
}

static void
test_wycheproof(void **state)
{
	(void)state;
	vectors_wycheproof("wycheproof/xchacha20_poly1305_test.json", check_wycheproof, NULL);
}

/* Every length, sealed in place and opened in place. */
static void
test_round_trips(void **state)
{
	uint8_t key[AEAD_KEY_BYTES] = { 1 }, nonce[AEAD_NONCE_BYTES],
		last[AEAD_NONCE_BYTES] = { 0 }, fresh[LENGTH_MAX];

	(void)state;
	for (size_t n = 0; n <= LENGTH_MAX; n++) {
		uint8_t *p = malloc(n + AEAD_TAG_BYTES);
		struct vault_bytes sealed = { p, n + AEAD_TAG_BYTES };

		memset(p, (int)n, n);
		aead_seal(key, nonce, bytes_of("ad"), (struct vault_bytes){ p, n }, p);
		assert_memory_not_equal(nonce, last, sizeof nonce);
		memcpy(last, nonce, sizeof nonce);
		assert_int_equal(aead_open_fresh(key, nonce, bytes_of("ad"), sealed, fresh),
				 VAULT_OK);
		assert_int_equal(aead_open(key, nonce, bytes_of("ad"), sealed, p), VAULT_OK);
		assert_memory_equal(fresh, p, n);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(p[i], (uint8_t)n);

		aead_seal_counter(key, n, bytes_of("ad"), (struct vault_bytes){ p, n }, p);
		assert_int_equal(aead_open_counter(key, n, bytes_of("ad"), sealed, p), VAULT_OK);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(p[i], (uint8_t)n);
		free(p);
	}
}

/* Any bit of key, nonce, associated data, ciphertext and tag matters; so does every length. */
static void
check_changes(opener *open)
{
	enum {
		AD = AEAD_KEY_BYTES + AEAD_NONCE_BYTES,
		SEALED = AD + 5,
		ALL = SEALED + 20 + AEAD_TAG_BYTES
	};
	uint8_t all[ALL] = { 0 }, out[20];
	struct vault_bytes ad = { all + AD, 5 }, sealed = { all + SEALED, 20 + AEAD_TAG_BYTES };

	aead_seal(all, all + AEAD_KEY_BYTES, ad, bytes_of("twenty bytes of text"), all + SEALED);
	for (size_t bit = 0; bit < 8 * sizeof all; bit++) {
		all[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(open(all, all + AEAD_KEY_BYTES, ad, sealed, out), VAULT_INTEGRITY);
		all[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (sealed.len = 0; sealed.len < 20 + AEAD_TAG_BYTES; sealed.len++)
		assert_int_equal(open(all, all + AEAD_KEY_BYTES, ad, sealed, out), VAULT_INTEGRITY);
	for (ad.len = 0; ad.len < 5; ad.len++)
		assert_int_equal(open(all, all + AEAD_KEY_BYTES, ad, sealed, out), VAULT_INTEGRITY);
	ad.len = 5;
	assert_int_equal(open(all, all + AEAD_KEY_BYTES, ad, sealed, out), VAULT_OK);
	assert_memory_equal(out, "twenty bytes of text", 20);
}

static void
test_changes(void **state)
{
	(void)state;
	for (size_t i = 0; i < OPENERS; i++)
		check_changes(openers[i]);
}

/* Associated data of every length to three blocks of the MAC, around the longest that is opened in one run. */
static void
test_associated_data(void **state)
{
	uint8_t key[AEAD_KEY_BYTES] = { 2 }, nonce[AEAD_NONCE_BYTES], ad[50] = { 3 };
	uint8_t plain[450], sealed[450 + AEAD_TAG_BYTES], out[450];

	(void)state;
	memset(plain, 0x77, sizeof plain);
	for (size_t n = 446; n <= 450; n++)
		for (size_t len = 0; len < sizeof ad; len++) {
			struct vault_bytes view = { sealed, n + AEAD_TAG_BYTES };

			aead_seal(key, nonce, (struct vault_bytes){ ad, len },
				  (struct vault_bytes){ plain, n }, sealed);
			assert_int_equal(aead_open_fresh(key, nonce,
							 (struct vault_bytes){ ad, len }, view,
							 out),
					 VAULT_OK);
			assert_memory_equal(out, plain, n);
			assert_int_equal(aead_open_fresh(key, nonce,
							 (struct vault_bytes){ ad, len ^ 1 }, view,
							 out),
					 VAULT_INTEGRITY);
		}
}

/*
 * Computed with pyca/cryptography's ChaCha20Poly1305, nonce: four zero bytes, then the counter
 * little-endian.
 */
static void
test_counter(void **state)
{
	static const uint64_t counter = UINT64_C(0x0102030405060708);
	struct vault_bytes expected = vectors_unhex("9169cf88c45a81380bcd0ab81b1d41d995629bb0"
						    "dfba01113deabb9203df07c9e80b6671");
	struct vault_bytes plain = bytes_of("a block of the audit");
	uint8_t key[AEAD_KEY_BYTES], out[20 + AEAD_TAG_BYTES], back[20];

	(void)state;
	for (size_t i = 0; i < sizeof key; i++)
		key[i] = (uint8_t)i;
	aead_seal_counter(key, counter, bytes_of("ad"), plain, out);
	assert_memory_equal(out, expected.p, sizeof out);
	memset(back, 0x5a, sizeof back);
	for (unsigned bit = 0; bit < 64; bit++)
		assert_int_equal(aead_open_counter(key, counter ^ UINT64_C(1) << bit,
						   bytes_of("ad"), expected, back),
				 VAULT_INTEGRITY);
	expected.len = AEAD_TAG_BYTES - 1;
	assert_int_equal(aead_open_counter(key, counter, bytes_of("ad"), expected, back),
			 VAULT_INTEGRITY);
	expected.len = sizeof out;
	assert_int_equal(aead_open_counter(key, counter, bytes_of("da"), expected, back),
			 VAULT_INTEGRITY);
	assert_int_equal(back[0], 0x5a);
	assert_int_equal(aead_open_counter(key, counter, bytes_of("ad"), expected, back), VAULT_OK);
	assert_memory_equal(back, plain.p, plain.len);
	vectors_free(expected);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wycheproof), cmocka_unit_test(test_round_trips),
		cmocka_unit_test(test_changes),	   cmocka_unit_test(test_associated_data),
		cmocka_unit_test(test_counter),
	};

	return cmocka_run_group_tests_name("aead", tests, setup, NULL);
}
