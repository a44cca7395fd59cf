#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/lib/vectors.h"
#include "vaultd/crypto/init.h"
#include "vaultd/crypto/kdf.h"

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

static void
counting(uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)i;
}

static void
assert_key(const uint8_t key[static KDF_KEY_BYTES], const char *hex)
{
	struct vault_bytes expected = vectors_unhex(hex);

	assert_int_equal(expected.len, KDF_KEY_BYTES);
	assert_memory_equal(key, expected.p, KDF_KEY_BYTES);
	vectors_free(expected);
}

/* Computed with the reference implementation (argon2-cffi): t = 3, m = 65,536 KiB, p = 1. */
static void
test_passphrase(void **state)
{
	uint8_t salt[KDF_SALT_BYTES], out[KDF_KEY_BYTES], other[KDF_KEY_BYTES];

	(void)state;
	counting(salt, sizeof salt);
	assert_int_equal(kdf_passphrase(bytes_of("correct horse battery staple"), salt,
					KDF_MEMORY_MIN, KDF_PASSES_MIN, out),
			 VAULT_OK);
	assert_key(out, "0d1a3c6523c8f06e4e0af9c515aa5b5448cfebd6838f2d52c3d8b6ef8ddc3c2e");
	assert_int_equal(kdf_passphrase((struct vault_bytes){ NULL, 0 }, salt, KDF_MEMORY_MIN,
					KDF_PASSES_MIN, other),
			 VAULT_OK);
	assert_memory_not_equal(out, other, sizeof out);
}

/* Costs read from a disk that somebody else wrote to. */
static void
test_costs(void **state)
{
	static const uint64_t bad[][2] = {
		{ KDF_MEMORY_MIN - 1, KDF_PASSES_MIN }, { 0, KDF_PASSES_MIN },
		{ KDF_MEMORY_MAX + 1, KDF_PASSES_MIN }, { UINT64_MAX, KDF_PASSES_MIN },
		{ KDF_MEMORY_MIN, KDF_PASSES_MIN - 1 }, { KDF_MEMORY_MIN, 0 },
		{ KDF_MEMORY_MIN, KDF_PASSES_MAX + 1 }, { KDF_MEMORY_MIN, UINT64_MAX },
	};
	uint8_t salt[KDF_SALT_BYTES] = { 0 }, out[KDF_KEY_BYTES], before[KDF_KEY_BYTES];

	(void)state;
	memset(out, 0x5a, sizeof out);
	memcpy(before, out, sizeof out);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(kdf_passphrase(bytes_of("x"), salt, bad[i][0], bad[i][1], out),
				 VAULT_INVALID_PARAMS);
	assert_memory_equal(out, before, sizeof out);
}

/* Computed with Python's hashlib.blake2b(label, key=key, digest_size=32). */
static void
test_derive(void **state)
{
	uint8_t key[KDF_KEY_BYTES], out[KDF_KEY_BYTES], other[KDF_KEY_BYTES];

	(void)state;
	counting(key, sizeof key);
	kdf_derive(key, "vaultd label", out);
	assert_key(out, "edb33996d1f02e15dbc58e05a31f588b9a124686096c5c0845c5bb8d7218eda8");
	kdf_derive(key, "vaultd labels", other);
	assert_memory_not_equal(out, other, sizeof out);
	/* In place, as a chain of derivations does. */
	kdf_derive(key, "vaultd label", key);
	assert_memory_equal(key, out, sizeof key);
}

/* Computed with Python: blake2b(label, key=blake2b(secret, key=salt)). */
static void
test_extract(void **state)
{
	uint8_t secret[100], salt[KDF_SALT_BYTES], out[KDF_KEY_BYTES];

	(void)state;
	counting(salt, sizeof salt);
	for (size_t i = 0; i < sizeof secret; i++)
		secret[i] = (uint8_t)(i * 7);
	kdf_extract((struct vault_bytes){ secret, sizeof secret }, salt, "vaultd label", out);
	assert_key(out, "2402957699f0ae77e340bdcde2887532726ee3052cdb1af6889228a87b1d25e9");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_passphrase),
		cmocka_unit_test(test_costs),
		cmocka_unit_test(test_derive),
		cmocka_unit_test(test_extract),
	};

	return cmocka_run_group_tests_name("kdf", tests, setup, NULL);
}
