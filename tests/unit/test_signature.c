#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/text.h"
#include "tests/unit/lib/arena.h"
#include "tests/unit/lib/vectors.h"
#include "vaultd/base/base64.h"
#include "vaultd/crypto/public_key.h"

#define ROOM 1024

/* RFC 7515 appendix A.2 and A.3: one payload, signed with RS256 and with ES256. */
#define PAYLOAD                                                                                    \
	"eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0" \
	"cnVlfQ"
#define A2_INPUT "eyJhbGciOiJSUzI1NiJ9." PAYLOAD
#define A2_JWK                                                                                     \
	"{\"kty\":\"RSA\",\"n\":\"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_"                              \
	"wWJcyQoTbji9k0l8W26mPddxHmfHQp"                                                           \
	"-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGz" \
	"jb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uD" \
	"Zlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9g" \
	"b54h4FRWyuXpoQ\",\"e\":\"AQAB\"}"
#define A2_SIGNATURE                                                                               \
	"cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W" \
	"2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkS" \
	"jtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnv" \
	"Wh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
#define A3_INPUT "eyJhbGciOiJFUzI1NiJ9." PAYLOAD
#define A3_JWK                                                                                     \
	"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\"," \
	"\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}"
#define A3_SIGNATURE                                                                               \
	"DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"

static size_t
decode(const char *text, uint8_t out[static ROOM])
{
	size_t len = 0;

	assert_true(BASE64_DECODED_MAX(strlen(text)) <= ROOM);
	assert_true(base64url_decode(text, strlen(text), out, &len));
	return len;
}

static void
open_public(enum signature_algorithm algorithm, const char *jwk, struct signature_key *key)
{
	const struct public_wanted wanted = { algorithm, PKEY_THOROUGH };
	struct public_key keys[PUBLIC_KEYS_MAX];
	const struct vault_bytes none = { 0 };
	const char *why = "";
	size_t n = 0;

	if (public_keys_read(&wanted, text_of(jwk), keys, &n, &why) != VAULT_OK)
		fail_msg("%s", why);
	assert_int_equal(n, 1);
	assert_int_equal(signature_key_init(key, NULL, algorithm, none,
					    (struct vault_bytes){ keys[0].bytes, keys[0].len }),
			 VAULT_OK);
}

static void
check_published(enum signature_algorithm algorithm, const char *jwk, const char *input,
		const char *signature)
{
	struct vault_bytes message = text_bytes(text_of(input));
	struct signature_key key;
	uint8_t bytes[ROOM], none[SIGNATURE_MAX];
	size_t len = decode(signature, bytes);

	open_public(algorithm, jwk, &key);
	assert_true(signature_verify(&key, message, (struct vault_bytes){ bytes, len }));
	assert_false(signature_verify(&key, message, (struct vault_bytes){ bytes, len - 1 }));
	message.len--;
	assert_false(signature_verify(&key, message, (struct vault_bytes){ bytes, len }));
	message.len++;
	for (size_t i = 0; i < len; i += 7) {
		bytes[i] ^= 1;
		assert_false(signature_verify(&key, message, (struct vault_bytes){ bytes, len }));
		bytes[i] ^= 1;
	}
	assert_int_equal(signature_sign(&key, message, none, &len), VAULT_BUSY);
	signature_key_free(&key);
	signature_key_free(&key);
}

static void
test_rfc7515(void **state)
{
	(void)state;
	check_published(SIGNATURE_RS256, A2_JWK, A2_INPUT, A2_SIGNATURE);
	check_published(SIGNATURE_ES256, A3_JWK, A3_INPUT, A3_SIGNATURE);
}

/* A number of a JWK as a record holds it. */
static size_t
put_number(const json_t *jwk, const char *name, uint8_t *out)
{
	uint8_t bytes[ROOM];
	size_t len = decode(vectors_text(jwk, name), bytes);

	out[0] = (uint8_t)(len >> 8);
	out[1] = (uint8_t)len;
	memcpy(out + 2, bytes, len);
	return len + 2;
}

/* RFC 7520 section 4.1: PKCS#1 v1.5 is deterministic, so the very signature comes of it. */
static void
test_rfc7520(void **state)
{
	static const char *const names[] = { "n", "e", "d", "p", "q", "dp", "dq", "qi" };
	json_t *file = vectors_read("jose-cookbook/jws/4_1.rsa_v15_signature.json");
	const json_t *jwk = json_object_get(json_object_get(file, "input"), "key");
	const json_t *signing = json_object_get(file, "signing");
	struct vault_bytes message = text_bytes(text_of(vectors_text(signing, "sig-input")));
	uint8_t secret[8 * ROOM], expected[ROOM], made[SIGNATURE_MAX];
	size_t len = 0, made_len;
	struct signature_key key;

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		len += put_number(jwk, names[i], secret + len);
	assert_int_equal(signature_key_init(&key, *state, SIGNATURE_RS256,
					    (struct vault_bytes){ secret, len },
					    (struct vault_bytes){ secret, 0 }),
			 VAULT_OK);
	assert_int_equal(signature_sign(&key, message, made, &made_len), VAULT_OK);
	assert_int_equal(made_len, decode(vectors_text(signing, "sig"), expected));
	assert_memory_equal(made, expected, made_len);
	assert_true(signature_verify(&key, message, (struct vault_bytes){ made, made_len }));
	signature_key_free(&key);
	json_decref(file);
}

static void
check_generated(struct arena *arena, const struct signature_wanted *wanted, size_t bytes)
{
	struct vault_bytes message = text_bytes(TEXT_LITERAL("message"));
	struct pkey_pair pair = { 0 };
	struct signature_key key, verifier;
	uint8_t signature[SIGNATURE_MAX];
	const struct vault_bytes none = { 0 };
	struct vault_bytes public_key;
	size_t len;

	assert_int_equal(signature_generate(wanted, arena, &pair), VAULT_OK);
	public_key = (struct vault_bytes){ pair.public_key, pair.public_len };
	assert_int_equal(signature_key_init(&key, arena, wanted->algorithm,
					    (struct vault_bytes){ pair.secret.p, pair.secret.len },
					    public_key),
			 VAULT_OK);
	/* Prepared once, used again and again. */
	for (unsigned i = 0; i < 20; i++) {
		assert_int_equal(signature_sign(&key, message, signature, &len), VAULT_OK);
		assert_int_equal(len, bytes);
		assert_true(
			signature_verify(&key, message, (struct vault_bytes){ signature, len }));
	}
	if (!signature_symmetric(wanted->algorithm)) {
		assert_int_equal(
			signature_key_init(&verifier, arena, wanted->algorithm, none, public_key),
			VAULT_OK);
		assert_true(signature_verify(&verifier, message,
					     (struct vault_bytes){ signature, len }));
		signature_key_free(&verifier);
	}
	signature_key_free(&key);
	pkey_pair_free(&pair);
}

static void
test_generated(void **state)
{
	check_generated(*state, &(struct signature_wanted){ .algorithm = SIGNATURE_HS256 }, 32);
	check_generated(*state, &(struct signature_wanted){ .algorithm = SIGNATURE_HS512 }, 64);
	check_generated(*state, &(struct signature_wanted){ .algorithm = SIGNATURE_EDDSA }, 64);
	check_generated(*state, &(struct signature_wanted){ .algorithm = SIGNATURE_ES256 }, 64);
	check_generated(*state,
			&(struct signature_wanted){ .algorithm = SIGNATURE_RS256, .bits = 2048 },
			256);
}

/* Sealing does not wait for primes. */
static void
test_cancelled(void **state)
{
	const atomic_bool cancel = true;
	const struct signature_wanted wanted = { SIGNATURE_RS256, 4096, &cancel };
	struct pkey_pair pair = { 0 };

	assert_int_equal(signature_generate(&wanted, *state, &pair), VAULT_BUSY);
	assert_null(pair.secret.p);
}

/* A record that was damaged must not become a key that signs or verifies. */
static void
test_damaged_records(void **state)
{
	const struct signature_wanted wanted = { .algorithm = SIGNATURE_ES256 };
	const struct vault_bytes none = { 0 };
	struct pkey_pair pair = { 0 };
	struct vault_bytes secret, point;
	struct signature_key key;

	assert_int_equal(signature_generate(&wanted, *state, &pair), VAULT_OK);
	secret = (struct vault_bytes){ pair.secret.p, pair.secret.len };
	point = (struct vault_bytes){ pair.public_key, pair.public_len };
	pair.public_key[40] ^= 1;
	assert_int_equal(signature_key_init(&key, *state, SIGNATURE_ES256, none, point),
			 VAULT_INTEGRITY);
	pair.public_key[40] ^= 1;
	point.len--;
	assert_int_equal(signature_key_init(&key, *state, SIGNATURE_ES256, secret, point),
			 VAULT_INTEGRITY);
	point.len++;
	secret.len--;
	assert_int_equal(signature_key_init(&key, *state, SIGNATURE_ES256, secret, point),
			 VAULT_INTEGRITY);
	assert_int_equal(signature_key_init(&key, *state, SIGNATURE_RS256, none, point),
			 VAULT_INTEGRITY);
	assert_int_equal(signature_key_init(&key, *state, SIGNATURE_EDDSA, none, point),
			 VAULT_INTEGRITY);
	pkey_pair_free(&pair);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc7515),		cmocka_unit_test(test_rfc7520),
		cmocka_unit_test(test_generated),	cmocka_unit_test(test_cancelled),
		cmocka_unit_test(test_damaged_records),
	};

	return cmocka_run_group_tests_name("signature", tests, arena_setup, arena_teardown);
}
