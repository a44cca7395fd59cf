#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/text.h"
#include "tests/unit/lib/arena.h"
#include "tests/unit/lib/vectors.h"
#include "vaultd/base/random.h"
#include "vaultd/crypto/shares.h"

#define VECTORS 45
#define VECTORS_PASSPHRASE "TREZOR" /* of all of them, as the standard says */
#define SECRET_BYTES 32

static void
free_all(struct share *shares, size_t count)
{
	for (size_t i = 0; i < count; i++)
		share_free(&shares[i]);
}

/* Reads the mnemonics of a vector and puts them together. */
static enum vault_err
join_vector(struct arena *arena, const json_t *mnemonics, struct secret *secret)
{
	struct share shares[SHARES_MAX] = { 0 };
	size_t n = json_array_size(mnemonics);
	enum vault_err err = VAULT_OK;

	assert_in_range(n, 1, SHARES_MAX);
	for (size_t i = 0; i < n && err == VAULT_OK; i++)
		err = share_read(arena, text_of(json_string_value(json_array_get(mnemonics, i))),
				 &shares[i]);
	if (err == VAULT_OK)
		err = shares_join(shares, n, text_of(VECTORS_PASSPHRASE), secret);
	free_all(shares, n);
	return err;
}

static void
test_vectors(void **state)
{
	json_t *all = vectors_read("slip39/vectors.json"), *vector;
	size_t i;

	assert_int_equal(json_array_size(all), VECTORS);
	json_array_foreach(all, i, vector)
	{
		const char *what = json_string_value(json_array_get(vector, 0));
		struct vault_bytes due =
			vectors_unhex(json_string_value(json_array_get(vector, 2)));
		struct secret secret = { 0 };
		enum vault_err err = join_vector(*state, json_array_get(vector, 1), &secret);

		if (due.len == 0 && err != VAULT_INVALID_PARAMS && err != VAULT_DENIED)
			fail_msg("%s: is answered %d", what, err);
		if (due.len > 0 && (err != VAULT_OK || secret.len != due.len ||
				    memcmp(secret.p, due.p, due.len) != 0))
			fail_msg("%s: is not recovered (%d)", what, err);
		secret_free(&secret);
		vectors_free(due);
	}
	json_decref(all);
}

/* The words that are read are those that are written. */
static void
test_vectors_written(void **state)
{
	json_t *all = vectors_read("slip39/vectors.json"), *vector, *text;
	size_t i, j, written = 0;

	json_array_foreach(all, i, vector)
	{
		json_array_foreach(json_array_get(vector, 1), j, text)
		{
			struct share share = { 0 };
			struct secret words = { 0 };

			if (share_read(*state, text_of(json_string_value(text)), &share) !=
			    VAULT_OK)
				continue;
			assert_int_equal(share_write(*state, &share, &words), VAULT_OK);
			assert_int_equal(words.len, strlen(json_string_value(text)));
			assert_memory_equal(words.p, json_string_value(text), words.len);
			secret_free(&words);
			share_free(&share);
			written++;
		}
	}
	assert_in_range(written, 60, 200);
	json_decref(all);
}

static void
split(struct arena *arena, unsigned threshold, unsigned count, struct secret *secret,
      struct share *shares)
{
	struct shares_plan plan = { 0x1234, threshold, count };

	assert_int_equal(secret_random(arena, SECRET_BYTES, secret), VAULT_OK);
	assert_int_equal(shares_split(secret, &plan, shares), VAULT_OK);
}

/* A random order of the shares: borrowed copies. */
static void
shuffle(const struct share *from, struct share *to, size_t n)
{
	memcpy(to, from, n * sizeof *to);
	for (size_t i = n; i > 1; i--) {
		uint32_t r;
		struct share last = to[i - 1];

		random_bytes(&r, sizeof r);
		to[i - 1] = to[r % i];
		to[r % i] = last;
	}
}

static void
test_any_threshold_of_any_number(void **state)
{
	for (unsigned n = 2; n <= SHARES_MAX; n++) {
		for (unsigned k = 2; k <= n; k += n > 6 ? 3 : 1) {
			struct share shares[SHARES_MAX] = { 0 }, some[SHARES_MAX];
			struct secret secret = { 0 }, joined = { 0 };

			split(*state, k, n, &secret, shares);
			for (unsigned round = 0; round < 3; round++) {
				shuffle(shares, some, n);
				assert_int_equal(
					shares_join(some, k, (struct vault_text){ 0 }, &joined),
					VAULT_OK);
				assert_true(secret_equal(&secret, joined.p, joined.len));
				secret_free(&joined);
			}
			secret_free(&secret);
			free_all(shares, n);
		}
	}
}

static void
test_words_of_ours(void **state)
{
	struct share shares[5] = { 0 }, read[3] = { 0 };
	struct secret secret = { 0 }, joined = { 0 }, words = { 0 };

	split(*state, 3, 5, &secret, shares);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(share_write(*state, &shares[4 - i], &words), VAULT_OK);
		/* Capitals and lines are a matter of who writes it down. */
		for (size_t c = 0; c < words.len; c++)
			words.p[c] = words.p[c] == ' '	      ? (c % 2 ? '\n' : '\t')
				     : (i == 1 && c % 3 == 0) ? (uint8_t)(words.p[c] - 32)
							      : words.p[c];
		assert_int_equal(share_read(*state,
					    (struct vault_text){ (char *)words.p, words.len },
					    &read[i]),
				 VAULT_OK);
		assert_int_equal(read[i].index, 4 - i);
		assert_int_equal(read[i].threshold, 3);
		assert_int_equal(read[i].id, 0x1234);
		assert_true(read[i].extendable && read[i].exponent == 0);
		secret_free(&words);
	}
	assert_int_equal(shares_join(read, 3, (struct vault_text){ 0 }, &joined), VAULT_OK);
	assert_true(secret_equal(&secret, joined.p, joined.len));
	secret_free(&joined);
	secret_free(&secret);
	free_all(read, 3);
	free_all(shares, 5);
}

static void
test_not_the_right_ones(void **state)
{
	struct share shares[5] = { 0 }, others[5] = { 0 }, some[5];
	struct secret secret = { 0 }, other = { 0 }, joined = { 0 };
	struct vault_text none = { 0 };

	split(*state, 3, 5, &secret, shares);
	split(*state, 3, 5, &other, others);
	memcpy(some, shares, sizeof some);
	assert_int_equal(shares_join(some, 0, none, &joined), VAULT_INVALID_PARAMS);
	assert_int_equal(shares_join(some, 2, none, &joined), VAULT_INVALID_PARAMS);
	assert_int_equal(shares_join(some, 4, none, &joined), VAULT_INVALID_PARAMS);
	some[2] = some[1];
	assert_int_equal(shares_join(some, 3, none, &joined), VAULT_INVALID_PARAMS);
	some[2] = others[2]; /* of another set with the same id: only the digest tells */
	assert_int_equal(shares_join(some, 3, none, &joined), VAULT_DENIED);
	some[2].id ^= 1;
	assert_int_equal(shares_join(some, 3, none, &joined), VAULT_INVALID_PARAMS);
	some[2] = shares[2];
	some[2].threshold = 4;
	assert_int_equal(shares_join(some, 3, none, &joined), VAULT_INVALID_PARAMS);
	some[2] = shares[2];
	shares[2].value.p[7] ^= 1;
	assert_int_equal(shares_join(some, 3, none, &joined), VAULT_DENIED);
	assert_null(joined.p);
	secret_free(&secret);
	secret_free(&other);
	free_all(shares, 5);
	free_all(others, 5);
}

/* RS1024 finds each change of up to three words. */
static void
test_typing_errors(void **state)
{
	static const char *const wrong[] = { "", " ", "academic", "duckling enlarge academic" };
	struct share shares[2] = { 0 }, read = { 0 };
	struct secret secret = { 0 }, words = { 0 };

	split(*state, 2, 2, &secret, shares);
	assert_int_equal(share_write(*state, &shares[0], &words), VAULT_OK);
	for (size_t i = 0; i < words.len; i++) {
		uint8_t before = words.p[i];
		struct vault_text text = { (char *)words.p, words.len };

		words.p[i] = before == 'a' ? 'e' : 'a';
		assert_int_equal(share_read(*state, text, &read), VAULT_INVALID_PARAMS);
		words.p[i] = before;
		text.len = i;
		assert_int_equal(share_read(*state, text, &read), VAULT_INVALID_PARAMS);
	}
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		assert_int_equal(share_read(*state, text_of(wrong[i]), &read),
				 VAULT_INVALID_PARAMS);
	secret_free(&words);
	secret_free(&secret);
	free_all(shares, 2);
}

static void
test_plans(void **state)
{
	static const struct shares_plan bad[] = { { 1, 1, 1 }, { 1, 1, 2 },  { 1, 3, 2 },
						  { 1, 0, 5 }, { 1, 2, 17 }, { 1, 17, 17 } };
	struct share shares[SHARES_MAX + 1] = { 0 };
	struct shares_plan good = { 1, 2, 2 };
	struct secret secret = { 0 };

	assert_int_equal(secret_random(*state, SECRET_BYTES, &secret), VAULT_OK);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(shares_split(&secret, &bad[i], shares), VAULT_INVALID_PARAMS);
	for (size_t len = 1; len < SHARE_VALUE_MIN; len++) {
		secret.len = len;
		assert_int_equal(shares_split(&secret, &good, shares), VAULT_INVALID_PARAMS);
	}
	secret.len = SECRET_BYTES - 1;
	assert_int_equal(shares_split(&secret, &good, shares), VAULT_INVALID_PARAMS);
	secret.len = SECRET_BYTES;
	secret_free(&secret);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_vectors, arena_setup, arena_teardown),
		cmocka_unit_test_setup_teardown(test_vectors_written, arena_setup, arena_teardown),
		cmocka_unit_test_setup_teardown(test_any_threshold_of_any_number, arena_setup,
						arena_teardown),
		cmocka_unit_test_setup_teardown(test_words_of_ours, arena_setup, arena_teardown),
		cmocka_unit_test_setup_teardown(test_not_the_right_ones, arena_setup,
						arena_teardown),
		cmocka_unit_test_setup_teardown(test_typing_errors, arena_setup, arena_teardown),
		cmocka_unit_test_setup_teardown(test_plans, arena_setup, arena_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
