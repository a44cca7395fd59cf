/*
 * Public keys that callers bring: JWK, JWKS, PEM. What was taken must be written and read again as
 * the same key.
 */
#include "protocol/text.h"
#include "tests/fuzz/seeds.h"
#include "vaultd/crypto/init.h"
#include "vaultd/crypto/public_key.h"

#define X "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" /* RFC 8037 appendix A.2 */
#define JWK                                                                                        \
	"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"use\":\"sig\",\"alg\":\"EdDSA\",\"kid\":\"k.1\","  \
	"\"x\":\"" X "\"}"

static const char *const seeds[] = {
	JWK,
	"{\"keys\":[" JWK
	",{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\",\"key_ops\":[\"verify\"]}]}",
	"-----BEGIN PUBLIC "
	"KEY-----\nMCowBQYDK2VwAyEA4uHeW8ZuW4d2W7ofvSZaX2HMqiXTs77G9WMkuQpqdwQ=\n-----END PUBLIC "
	"KEY-----\n",
	"-----BEGIN PUBLIC "
	"KEY-----\nMCowBQYDK2VuAyEAnZrquDyrpHUfRqgRI93bZBNSV0NutfPMqxo73RQ+GWA=\n-----END PUBLIC "
	"KEY-----\n",
};

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *directory = seeds_directory(*argc, *argv);

	FUZZ_CHECK(crypto_init() == VAULT_OK);
	for (unsigned i = 0; i < sizeof seeds / sizeof seeds[0]; i++) {
		struct buf out = { 0 };

		FUZZ_CHECK(buf_append(&out, seeds[i], strlen(seeds[i])) == VAULT_OK);
		seed_write(directory, i, &out);
		buf_free(&out);
	}
	return 0;
}

/* Of RSA only what costs no more than decoding, or one input would take a tenth of a second. */
static const struct public_wanted wanted[] = {
	{ SIGNATURE_EDDSA, PKEY_THOROUGH },
	{ SIGNATURE_ES256, PKEY_THOROUGH },
	{ SIGNATURE_RS256, PKEY_QUICK },
};

/* What was taken is written, read again, and the same; and can be used to verify. */
static void
check_taken(const struct public_wanted *as, const struct public_key *keys, size_t n)
{
	struct public_key again[PUBLIC_KEYS_MAX];
	const struct vault_bytes none = { 0 };
	struct buf out = { 0 };
	const char *why = NULL;
	size_t count = 0;

	FUZZ_CHECK(jwks_start(&out) == VAULT_OK);
	for (size_t i = 0; i < n; i++) {
		struct vault_bytes bytes = { keys[i].bytes, keys[i].len };
		struct signature_key key;

		FUZZ_CHECK(strlen(keys[i].kid) <= KID_MAX);
		FUZZ_CHECK(jwks_add(&out, as->algorithm, text_of(keys[i].kid), bytes) == VAULT_OK);
		FUZZ_CHECK(signature_key_init(&key, NULL, as->algorithm, none, bytes) == VAULT_OK);
		FUZZ_CHECK(!signature_verify(&key, bytes, bytes));
		signature_key_free(&key);
	}
	FUZZ_CHECK(jwks_end(&out) == VAULT_OK);
	FUZZ_CHECK(public_keys_read(
			   as, (struct vault_text){ (const char *)buf_data(&out), buf_len(&out) },
			   again, &count, &why) == VAULT_OK);
	FUZZ_CHECK(count == n);
	for (size_t i = 0; i < n; i++)
		FUZZ_CHECK(keys[i].len == again[i].len &&
			   memcmp(keys[i].bytes, again[i].bytes, keys[i].len) == 0 &&
			   strcmp(keys[i].kid, again[i].kid) == 0);
	buf_free(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct public_key keys[PUBLIC_KEYS_MAX];

	for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
		const char *why = NULL;
		size_t n = 0;
		enum vault_err err = public_keys_read(
			&wanted[i], (struct vault_text){ (const char *)data, size }, keys, &n,
			&why);

		FUZZ_CHECK(err == VAULT_OK || err == VAULT_INVALID_PARAMS || err == VAULT_BUSY);
		FUZZ_CHECK(err != VAULT_INVALID_PARAMS || why != NULL);
		FUZZ_CHECK(err != VAULT_OK || (n > 0 && n <= PUBLIC_KEYS_MAX));
		if (err == VAULT_OK)
			check_taken(&wanted[i], keys, n);
	}
	return 0;
}
