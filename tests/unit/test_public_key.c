#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/text.h"
#include "tests/unit/lib/vectors.h"
#include "vaultd/base/base64.h"
#include "vaultd/crypto/init.h"
#include "vaultd/crypto/public_key.h"

/* RFC 8037 appendix A.2. */
#define X "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
#define JWK(more) "{\"kty\":\"OKP\",\"crv\":\"Ed25519\"" more ",\"x\":\"" X "\"}"
#define WITH(member, value) ",\"" member "\":\"" value "\""
#define JWKS(list) "{\"keys\":[" list "]}"

/* Made by openssl genpkey -algorithm ed25519 and -algorithm x25519. */
#define PEM(body) "-----BEGIN PUBLIC KEY-----\n" body "\n-----END PUBLIC KEY-----\n"
#define PEM_ED25519 PEM("MCowBQYDK2VwAyEA4uHeW8ZuW4d2W7ofvSZaX2HMqiXTs77G9WMkuQpqdwQ=")
#define PEM_X25519 PEM("MCowBQYDK2VuAyEAnZrquDyrpHUfRqgRI93bZBNSV0NutfPMqxo73RQ+GWA=")
#define PEM_POINT "e2e1de5bc66e5b87765bba1fbd265a5f61ccaa25d3b3bec6f56324b90a6a7704"

static int
setup(void **state)
{
	(void)state;
	return crypto_init() == VAULT_OK ? 0 : -1;
}

static const struct public_wanted eddsa = { SIGNATURE_EDDSA, PKEY_THOROUGH };

static size_t
read_good(const char *text, struct public_key *keys)
{
	const char *why = "";
	size_t n = 0;

	if (public_keys_read(&eddsa, text_of(text), keys, &n, &why) != VAULT_OK)
		fail_msg("%s: %s", text, why);
	return n;
}

/* Refused for the reason that contains why, with nothing written. */
static void
read_bad(const char *text, const char *why)
{
	struct public_key keys[PUBLIC_KEYS_MAX];
	const char *said = "";
	size_t n = 77;

	memset(keys, 0x5a, sizeof keys);
	assert_int_equal(public_keys_read(&eddsa, text_of(text), keys, &n, &said),
			 VAULT_INVALID_PARAMS);
	if (strstr(said, why) == NULL)
		fail_msg("%s: \"%s\" instead of \"%s\"", text, said, why);
	assert_int_equal(n, 77);
	for (size_t i = 0; i < sizeof keys; i++)
		assert_int_equal(((const uint8_t *)keys)[i], 0x5a);
}

static void
test_jwk(void **state)
{
	struct public_key keys[PUBLIC_KEYS_MAX];
	char x[BASE64_LENGTH(ED25519_PUBLIC_BYTES)];

	(void)state;
	assert_int_equal(read_good(JWK(), keys), 1);
	base64url_encode(keys[0].bytes, ED25519_PUBLIC_BYTES, x);
	assert_memory_equal(x, X, sizeof x);
	assert_string_equal(keys[0].kid, "");
	assert_int_equal(read_good(" \r\n" JWK(WITH("kid", "launch.1") WITH("use", "sig")
						       WITH("alg", "EdDSA")) "\n",
				   keys),
			 1);
	assert_string_equal(keys[0].kid, "launch.1");
	assert_int_equal(
		read_good(JWK(WITH("alg", "Ed25519") ",\"key_ops\":[\"sign\",\"verify\"]"), keys),
		1);
	assert_int_equal(read_good(JWK(WITH("x5t", "whatever") ",\"more\":{\"a\":[1]}"), keys), 1);
}

static void
test_jwk_refused(void **state)
{
	(void)state;
	read_bad("", "neither");
	read_bad("{", "neither");
	read_bad("[]", "neither");
	read_bad("7", "neither");
	read_bad(JWK() "x", "neither");
	read_bad("{}", "kty");
	read_bad(JWK(WITH("d", "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")), "private");
	read_bad("{\"kty\":\"oct\",\"k\":\"AAAA\"}", "private");
	read_bad(JWK(WITH("use", "enc")), "use");
	read_bad(JWK(",\"use\":null"), "use");
	read_bad(JWK(WITH("alg", "HS256")), "alg");
	read_bad(JWK(WITH("alg", "none")), "alg");
	read_bad(JWK(",\"key_ops\":[\"sign\"]"), "key_ops");
	read_bad(JWK(WITH("x", X)), "twice");
	read_bad(JWK(WITH("kid", "a") WITH("kid", "a")), "twice");
	read_bad(JWK(",\"kid\":7"), "kid");
	read_bad("{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}", "no Ed25519");
	read_bad("{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"" X "\"}", "no Ed25519");
	read_bad("{\"kty\":\"OKP\",\"crv\":\"Ed25519\"}", "x is not");
	read_bad("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AAAA\"}", "x is not");
	read_bad("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" X "=\"}", "x is not");
	/* The neutral element, and a y that no point has. */
	read_bad("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":"
		 "\"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}",
		 "point");
	read_bad("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":"
		 "\"AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}",
		 "point");
}

static void
test_jwks(void **state)
{
	struct public_key keys[PUBLIC_KEYS_MAX];

	(void)state;
	assert_int_equal(read_good(JWKS(JWK(WITH("kid", "a")) "," JWK(WITH("kid", "b"))), keys), 2);
	assert_string_equal(keys[0].kid, "a");
	assert_string_equal(keys[1].kid, "b");
	assert_int_equal(
		read_good(JWKS("{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}," JWK()), keys), 1);
	assert_int_equal(read_good(JWKS(JWK() "," JWK()), keys), 2);
	read_bad(JWKS(""), "no Ed25519");
	read_bad("{\"keys\":{}}", "array");
	read_bad(JWKS("7"), "kty");
	read_bad(JWKS(JWK(WITH("kid", "a")) "," JWK(WITH("kid", "a"))), "same kid");
	read_bad(JWKS(JWK() ",{\"kty\":\"oct\",\"k\":\"AAAA\"}"), "private");
	read_bad(JWKS(JWK() ",{\"kty\":\"RSA\",\"d\":\"AAAA\"}"), "private");
	/* A peer's key for encryption, which is none of ours. */
	assert_int_equal(read_good(JWKS(JWK() "," JWK(WITH("use", "enc"))), keys), 1);
	read_bad(JWKS(JWK(WITH("use", "enc"))), "no Ed25519");
}

static void
test_limits(void **state)
{
	char text[8192] = "{\"keys\":[", kid[KID_MAX + 2], *large = malloc(70000);
	struct public_key keys[PUBLIC_KEYS_MAX];
	size_t n = strlen(text);

	(void)state;
	for (int i = 0; i < PUBLIC_KEYS_MAX; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", i == 0 ? "" : ",", JWK());
	snprintf(text + n, sizeof text - n, "]}");
	assert_int_equal(read_good(text, keys), PUBLIC_KEYS_MAX);
	snprintf(text + n, sizeof text - n, ",%s]}", JWK());
	read_bad(text, "more than 32");

	memset(kid, 'k', sizeof kid - 1);
	kid[KID_MAX + 1] = '\0';
	snprintf(text, sizeof text,
		 "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" X "\",\"kid\":\"%s\"}", kid);
	read_bad(text, "kid");
	snprintf(text, sizeof text,
		 "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" X "\",\"kid\":\"%s\"}", kid + 1);
	assert_int_equal(read_good(text, keys), 1);
	assert_string_equal(keys[0].kid, kid + 1);

	memset(large, ' ', 69999);
	large[69999] = '\0';
	memcpy(large, JWK(), strlen(JWK()));
	read_bad(large, "65536");
	large[65536] = '\0';
	assert_int_equal(read_good(large, keys), 1);
	memset(large, '[', 65536);
	read_bad(large, "neither");
	free(large);
}

static void
test_pem(void **state)
{
	struct vault_bytes point = vectors_unhex(PEM_POINT);
	struct public_key keys[PUBLIC_KEYS_MAX];
	struct buf out = { 0 };

	(void)state;
	assert_int_equal(read_good(PEM_ED25519, keys), 1);
	assert_memory_equal(keys[0].bytes, point.p, point.len);
	assert_string_equal(keys[0].kid, "");
	assert_int_equal(pem_add(&out, SIGNATURE_EDDSA, point), VAULT_OK);
	assert_int_equal(buf_len(&out), strlen(PEM_ED25519));
	assert_memory_equal(buf_data(&out), PEM_ED25519, buf_len(&out));
	buf_free(&out);
	vectors_free(point);
}

static void
test_pem_refused(void **state)
{
	(void)state;
	read_bad(PEM_X25519, "no Ed25519");
	read_bad(PEM(""), "no Ed25519");
	read_bad(PEM("AAAA"), "no Ed25519");
	read_bad(PEM("Proc-Type: 4,ENCRYPTED\nDEK-Info: "
		     "AES-128-CBC,00000000000000000000000000000000\n\nAAAA"),
		 "no Ed25519");
	read_bad(PEM_ED25519 "more", "not one");
	read_bad(PEM_ED25519 PEM_ED25519, "not one");
	read_bad("-----BEGIN PUBLIC KEY-----\n", "not one");
	read_bad("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "not one");
	read_bad("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "private");
	read_bad(PEM_ED25519 "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
		 "private");
	/* A point of small order in a well-formed PEM. */
	read_bad(PEM("MCowBQYDK2VwAyEAAQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="), "point");
}

static void
test_jwks_written(void **state)
{
	static const char odd[] = "a \"quoted\" \\ \n kid \xc3\xa9";
	struct vault_bytes point = vectors_unhex(PEM_POINT);
	struct public_key keys[PUBLIC_KEYS_MAX];
	struct buf out = { 0 };
	size_t before;

	(void)state;
	assert_int_equal(jwks_start(&out), VAULT_OK);
	assert_int_equal(jwks_add(&out, SIGNATURE_EDDSA, text_of("launch.1"), point), VAULT_OK);
	assert_int_equal(jwks_add(&out, SIGNATURE_EDDSA, text_of(odd), point), VAULT_OK);
	assert_int_equal(jwks_add(&out, SIGNATURE_EDDSA, (struct vault_text){ NULL, 0 }, point),
			 VAULT_OK);
	before = buf_len(&out);
	assert_int_equal(jwks_add(&out, SIGNATURE_EDDSA, text_of("\xff"), point),
			 VAULT_INVALID_PARAMS);
	assert_int_equal(buf_len(&out), before);
	assert_int_equal(jwks_end(&out), VAULT_OK);
	assert_int_equal(buf_append(&out, "", 1), VAULT_OK);
	assert_int_equal(read_good((const char *)buf_data(&out), keys), 3);
	assert_string_equal(keys[0].kid, "launch.1");
	assert_string_equal(keys[1].kid, odd);
	assert_string_equal(keys[2].kid, "");
	for (size_t i = 0; i < 3; i++)
		assert_memory_equal(keys[i].bytes, point.p, point.len);
	buf_free(&out);
	assert_int_equal(jwks_start(&out), VAULT_OK);
	assert_int_equal(jwks_end(&out), VAULT_OK);
	assert_memory_equal(buf_data(&out), "{\"keys\":[]}", 11);
	buf_free(&out);
	vectors_free(point);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_jwk),	     cmocka_unit_test(test_jwk_refused),
		cmocka_unit_test(test_jwks),	     cmocka_unit_test(test_limits),
		cmocka_unit_test(test_pem),	     cmocka_unit_test(test_pem_refused),
		cmocka_unit_test(test_jwks_written),
	};

	return cmocka_run_group_tests_name("public_key", tests, setup, NULL);
}
