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

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct public_key keys[PUBLIC_KEYS_MAX], again[PUBLIC_KEYS_MAX];
	struct buf out = { 0 };
	const char *why = NULL;
	size_t n = 0, count = 0;
	enum vault_err err =
		public_keys_read((struct vault_text){ (const char *)data, size }, keys, &n, &why);

	FUZZ_CHECK(err == VAULT_OK || err == VAULT_INVALID_PARAMS || err == VAULT_BUSY);
	if (err != VAULT_OK) {
		FUZZ_CHECK(err == VAULT_BUSY || why != NULL);
		return 0;
	}
	FUZZ_CHECK(n > 0 && n <= PUBLIC_KEYS_MAX);
	FUZZ_CHECK(jwks_start(&out) == VAULT_OK);
	for (size_t i = 0; i < n; i++) {
		FUZZ_CHECK(strlen(keys[i].kid) <= KID_MAX);
		FUZZ_CHECK(jwks_add_ed25519(&out, text_of(keys[i].kid), keys[i].ed25519) ==
			   VAULT_OK);
	}
	FUZZ_CHECK(jwks_end(&out) == VAULT_OK);
	err = public_keys_read((struct vault_text){ (const char *)buf_data(&out), buf_len(&out) },
			       again, &count, &why);
	FUZZ_CHECK(err == VAULT_OK && count == n);
	for (size_t i = 0; i < n; i++)
		FUZZ_CHECK(memcmp(keys[i].ed25519, again[i].ed25519, sizeof keys[i].ed25519) == 0 &&
			   strcmp(keys[i].kid, again[i].kid) == 0);
	buf_free(&out);
	return 0;
}
