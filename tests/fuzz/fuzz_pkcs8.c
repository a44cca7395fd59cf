/*
 * Private keys that callers bring. What was taken must make a key that signs and verifies, unless
 * only testing its primes, which is left out here for its cost, would have found that it does not.
 */
#include <stdlib.h>

#include "protocol/text.h"
#include "tests/fuzz/seeds.h"
#include "vaultd/crypto/init.h"
#include "vaultd/crypto/signature.h"

#define ARENA_BYTES (1 << 20)

static struct arena *arena;

/* RFC 5915 within RFC 5208: P-256, the scalar 1 and its point, the generator. */
static const uint8_t p256[] = {
	0x30, 0x81, 0x87, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce,
	0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x04,
	0x6d, 0x30, 0x6b, 0x02, 0x01, 0x01, 0x04, 0x20, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0xa1, 0x44,
	0x03, 0x42, 0x00, 0x04, 0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc,
	0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2, 0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0,
	0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96, 0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a,
	0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16, 0x2b, 0xce, 0x33, 0x57,
	0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5,
};
/* What stands before the numbers of an RSA key. */
static const uint8_t rsa[] = { 0x30, 0x24, 0x02, 0x01, 0x00, 0x30, 0x0d, 0x06, 0x09, 0x2a,
			       0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
			       0x04, 0x10, 0x30, 0x0e, 0x02, 0x01, 0x00, 0x02, 0x01, 0x23,
			       0x02, 0x01, 0x03, 0x02, 0x01, 0x05, 0x02, 0x01 };

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const struct vault_bytes seeds[] = { { p256, sizeof p256 }, { rsa, sizeof rsa } };
	const char *directory = seeds_directory(*argc, *argv);

	FUZZ_CHECK(crypto_init() == VAULT_OK);
	FUZZ_CHECK(arena_open(ARENA_BYTES, false, &arena) == VAULT_OK);
	for (unsigned i = 0; i < sizeof seeds / sizeof seeds[0]; i++) {
		struct buf out = { 0 };

		FUZZ_CHECK(buf_append(&out, seeds[i].p, seeds[i].len) == VAULT_OK);
		seed_write(directory, i, &out);
		buf_free(&out);
	}
	return 0;
}

static void
check_taken(enum signature_algorithm algorithm, const struct pkey_pair *pair)
{
	struct vault_bytes secret = { pair->secret.p, pair->secret.len };
	struct vault_bytes public_key = { pair->public_key, pair->public_len };
	uint8_t signature[SIGNATURE_MAX];
	struct signature_key key;
	enum vault_err err = signature_key_init(&key, arena, algorithm, secret, public_key);
	size_t len = 0;

	FUZZ_CHECK(err == VAULT_OK || algorithm == SIGNATURE_RS256);
	if (err != VAULT_OK)
		return;
	err = signature_sign(&key, public_key, signature, &len);
	if (algorithm == SIGNATURE_ES256) {
		FUZZ_CHECK(err == VAULT_OK);
		FUZZ_CHECK(
			signature_verify(&key, public_key, (struct vault_bytes){ signature, len }));
	}
	signature_key_free(&key);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum signature_algorithm algorithms[] = { SIGNATURE_ES256, SIGNATURE_RS256 };

	for (size_t i = 0; i < sizeof algorithms / sizeof algorithms[0]; i++) {
		enum pkey_type type = signature_pkey_type(algorithms[i]);
		struct pkey_pair pair = { 0 };
		struct pkey_task task = { .type = type, .effort = PKEY_QUICK };
		enum vault_err err =
			pkey_import(&task, (struct vault_bytes){ data, size }, arena, &pair);

		FUZZ_CHECK(err == VAULT_OK || err == VAULT_INVALID_PARAMS || err == VAULT_BUSY);
		FUZZ_CHECK(err != VAULT_INVALID_PARAMS ||
			   (task.why != NULL && pair.secret.p == NULL));
		if (err == VAULT_OK)
			check_taken(algorithms[i], &pair);
		pkey_pair_free(&pair);
	}
	FUZZ_CHECK(arena_used(arena) == 0);
	return 0;
}
