/*
 * Ciphertexts against their documented form, put together here byte by byte; and what must fail.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/text.h"
#include "vaultd/core/ciphertext.h"
#include "vaultd/crypto/aead.h"
#include "vaultd/crypto/init.h"

#define assert_ok(expression) assert_int_equal((expression), VAULT_OK)
#define NOW 1000
#define SEALED_AT 29

/* A key of two versions, the second of them current. */
struct bench {
	struct scratch scratch;
	struct arena *arena;
	struct vault *vault;
	struct op op;
	struct key_live versions[2];
	struct key key;
};

static int
setup(void **state)
{
	struct bench *b = calloc(1, sizeof *b);

	if (b == NULL || crypto_init() != VAULT_OK ||
	    arena_open(65536, false, &b->arena) != VAULT_OK ||
	    scratch_init(&b->scratch, 65536, 4 << 20) != VAULT_OK)
		return -1;
	b->vault = calloc(1, sizeof *b->vault);
	b->op = (struct op){ .vault = b->vault, .scratch = &b->scratch, .now = { .wall = NOW } };
	b->key = (struct key){ .algorithm = key_algorithm_XC20P,
			       .usage = key_usage_encrypt,
			       .last_version = 2,
			       .count = 2,
			       .versions = b->versions };
	for (uint32_t i = 0; i < 2; i++) {
		b->versions[i].times = (struct version_times){ .version = 2 - i, .signs_at = 10 };
		if (secret_random(b->arena, KEY_CIPHER_BYTES, &b->versions[i].cipher) != VAULT_OK)
			return -1;
	}
	memset(b->key.id, 0xa5, sizeof b->key.id);
	*state = b;
	return 0;
}

static int
teardown(void **state)
{
	struct bench *b = *state;

	for (size_t i = 0; i < 2; i++)
		secret_free(&b->versions[i].cipher);
	arena_close(b->arena);
	scratch_free(&b->scratch);
	free(b->vault);
	free(b);
	return 0;
}

static struct vault_bytes
bytes_of(const char *s)
{
	return (struct vault_bytes){ (const uint8_t *)s, strlen(s) };
}

static struct ciphertext_use
use_of(const struct bench *b, const char *context)
{
	return (struct ciphertext_use){ &b->key, bytes_of(context) };
}

static void
test_form(void **state)
{
	static const uint8_t ad[] = "\0\0\0\0\0\0\0\x0dvaultd crypto"
				    "\0\0\0\0\0\0\0\5\1\0\0\0\2"
				    "\0\0\0\0\0\0\0\x10\xa5\xa5\xa5\xa5\xa5\xa5\xa5\xa5"
				    "\xa5\xa5\xa5\xa5\xa5\xa5\xa5\xa5"
				    "\0\0\0\0\0\0\0\7users/1";
	struct bench *b = *state;
	struct ciphertext_use use = use_of(b, "users/1");
	struct vault_bytes sealed, again;
	uint8_t plain[5];

	assert_ok(ciphertext_seal(&b->op, &use, bytes_of("plain"), &sealed));
	assert_int_equal(sealed.len, 5 + CRYPTO_OVERHEAD);
	assert_memory_equal(sealed.p, "\1\0\0\0\2", 5);
	assert_ok(aead_open(
		b->versions[0].cipher.p, sealed.p + 5, (struct vault_bytes){ ad, sizeof ad - 1 },
		(struct vault_bytes){ sealed.p + SEALED_AT, sealed.len - SEALED_AT }, plain));
	assert_memory_equal(plain, "plain", 5);
	assert_int_equal(b->op.note.version, 2);
	assert_ok(ciphertext_open(&b->op, &use, sealed, &again));
	assert_int_equal(again.len, 5);
	assert_memory_equal(again.p, "plain", 5);
}

static void
refused(struct bench *b, const struct ciphertext_use *use, struct vault_bytes sealed)
{
	struct vault_bytes plain;

	assert_int_equal(ciphertext_open(&b->op, use, sealed, &plain), VAULT_INTEGRITY);
	assert_int_equal(ciphertext_rewrap(&b->op, use, sealed, &plain), VAULT_INTEGRITY);
	assert_string_equal(b->op.fail.field, "ciphertext");
}

static void
test_every_bit(void **state)
{
	struct bench *b = *state;
	struct ciphertext_use use = use_of(b, "c");
	struct vault_bytes sealed;
	uint8_t copy[64];

	assert_ok(ciphertext_seal(&b->op, &use, bytes_of("plain"), &sealed));
	/* A version that is neither of the two would be looked for in the store. */
	for (size_t bit = 0; bit < sealed.len * 8; bit++) {
		memcpy(copy, sealed.p, sealed.len);
		copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (copy[4] == 0 || memcmp(copy + 1, "\0\0\0", 3) != 0 || copy[4] > 2)
			continue;
		refused(b, &use, (struct vault_bytes){ copy, sealed.len });
	}
	for (size_t n = 0; n < sealed.len; n++)
		refused(b, &use, (struct vault_bytes){ sealed.p, n });
	scratch_reset(&b->scratch, true);
}

/* Key id and context are what else a ciphertext is bound to; parts do not run into each other. */
static void
test_bound(void **state)
{
	struct bench *b = *state;
	struct ciphertext_use use = use_of(b, "users/1"), other = use_of(b, "users/2");
	struct ciphertext_use none = use_of(b, "");
	struct vault_bytes sealed;
	struct key stranger = b->key;

	assert_ok(ciphertext_seal(&b->op, &use, bytes_of("plain"), &sealed));
	refused(b, &other, sealed);
	refused(b, &none, sealed);
	stranger.id[KEY_ID_BYTES - 1] ^= 1;
	other = (struct ciphertext_use){ &stranger, use.context };
	refused(b, &other, sealed);
}

static void
test_rewrap(void **state)
{
	struct bench *b = *state;
	struct ciphertext_use use = use_of(b, "c");
	struct vault_bytes sealed, again, plain;

	b->versions[0].times.signs_at = NOW + 1;
	assert_ok(ciphertext_seal(&b->op, &use, bytes_of("plain"), &sealed));
	assert_int_equal(sealed.p[4], 1);
	b->versions[0].times.signs_at = 10;
	assert_ok(ciphertext_rewrap(&b->op, &use, sealed, &again));
	assert_int_equal(again.p[4], 2);
	assert_null(memmem(again.p, again.len, "plain", 5));
	assert_ok(ciphertext_open(&b->op, &use, again, &plain));
	assert_memory_equal(plain.p, "plain", 5);
	b->versions[1].times.revoked_at = 20;
	assert_int_equal(ciphertext_open(&b->op, &use, sealed, &plain), VAULT_CONFLICT);
	assert_int_equal(ciphertext_rewrap(&b->op, &use, sealed, &plain), VAULT_CONFLICT);
	assert_ok(ciphertext_open(&b->op, &use, again, &plain));
	b->versions[1].times.revoked_at = 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_form),
		cmocka_unit_test(test_every_bit),
		cmocka_unit_test(test_bound),
		cmocka_unit_test(test_rewrap),
	};

	return cmocka_run_group_tests_name("ciphertext", tests, setup, teardown);
}
