/*
 * The numbers in token ids: every token made before another has a smaller one, whatever happens in
 * between.
 */
#include "tests/unit/lib/vault.h"

#include <stdlib.h>

#include "vaultd/base/base64.h"
#include "vaultd/core/tenant.h"
#include "vaultd/core/token_id.h"

#define THREADS 4
#define EACH 20000

static uint64_t
number_of(struct vault_text jti)
{
	uint8_t bytes[JTI_BYTES];
	uint64_t n = 0;
	size_t len;

	assert_int_equal(jti.len, BASE64_LENGTH(JTI_BYTES));
	assert_true(base64url_decode(jti.p, jti.len, bytes, &len) && len == JTI_BYTES);
	for (int i = 0; i < 8; i++)
		n = n << 8 | bytes[i];
	return n;
}

static uint64_t
sign(struct test_vault *t)
{
	struct token_sign_req req = { .tenant = TEXT_LITERAL("acme"),
				      .profile = TEXT_LITERAL("p"),
				      .subject = TEXT_LITERAL("s") };
	struct token_sign_res res;

	test_vault_do(t, OP_token_sign, &req, &res);
	return number_of(res.jti);
}

static struct tenant_slot *
slot(struct test_vault *t)
{
	return tenants_slot(&t->vault.tenants, 1);
}

static void
test_rises(void **state)
{
	struct test_vault *t = *state;
	uint64_t last;

	test_vault_acme(t, key_algorithm_HS256);
	last = sign(t);
	for (int i = 0; i < 1000; i++) {
		uint64_t n = sign(t);

		assert_int_equal(n, last + 1);
		last = n;
	}
}

static void
test_across_restarts(void **state)
{
	struct test_vault *t = *state;
	uint64_t last;

	test_vault_acme(t, key_algorithm_HS256);
	last = sign(t);
	for (int round = 0; round < 4; round++) {
		uint64_t n;

		test_vault_restart(t);
		test_vault_unseal(t);
		n = sign(t);
		assert_true(n > last);
		last = n;
		n = sign(t);
		assert_true(n > last);
		last = n;
	}
}

/*
 * At the end of a block the committer reserves the next; what is reserved is what the store holds.
 */
static void
test_the_end_of_a_block(void **state)
{
	struct test_vault *t = *state;
	uint64_t last, reserved;

	test_vault_acme(t, key_algorithm_HS256);
	last = sign(t);
	reserved = atomic_load(&slot(t)->reserved);
	assert_true(reserved > last + 1000);
	atomic_store(&slot(t)->next_id, reserved - 3);
	for (int i = 0; i < 10; i++) {
		uint64_t n = sign(t);

		assert_true(n > last);
		last = n;
	}
	assert_true(last >= reserved);
	assert_true(atomic_load(&slot(t)->reserved) > last);
	test_vault_restart(t);
	test_vault_unseal(t);
	assert_true(sign(t) > last);
}

/* Nothing is given out that is not reserved. */
static void
test_a_worker_does_not_go_beyond(void **state)
{
	struct test_vault *t = *state;
	struct op op = { .vault = &t->vault };
	struct tenant tenant = { 0 };
	uint64_t n;

	test_vault_acme(t, key_algorithm_HS256);
	sign(t);
	tenant.slot = slot(t);
	op.tenant = &tenant;
	assert_ok(tenant_issue(&op, &n));
	assert_false(op.deferred);
	atomic_store(&slot(t)->next_id, atomic_load(&slot(t)->reserved));
	assert_int_equal(tenant_issue(&op, &n), VAULT_BUSY);
	assert_true(op.deferred);
	op.deferred = false;
	atomic_store(&slot(t)->reserved, 0);
	assert_int_equal(tenant_issue(&op, &n), VAULT_BUSY);
	assert_true(op.deferred);
}

struct issuer {
	pthread_t thread;
	struct op op;
	uint64_t *numbers;
	size_t n;
};

static void *
issue(void *arg)
{
	struct issuer *issuer = arg;

	while (issuer->n < EACH &&
	       tenant_issue(&issuer->op, &issuer->numbers[issuer->n]) == VAULT_OK)
		issuer->n++;
	return NULL;
}

static int
by_number(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void
test_threads(void **state)
{
	struct test_vault *t = *state;
	struct tenant tenant = { 0 };
	struct issuer issuers[THREADS];
	uint64_t *all = calloc(THREADS * EACH, sizeof *all), before, after;

	assert_non_null(all);
	test_vault_acme(t, key_algorithm_HS256);
	before = sign(t);
	tenant.slot = slot(t);
	for (size_t i = 0; i < THREADS; i++) {
		issuers[i] = (struct issuer){ .numbers = all + i * EACH };
		issuers[i].op = (struct op){ .vault = &t->vault, .tenant = &tenant };
		assert_int_equal(pthread_create(&issuers[i].thread, NULL, issue, &issuers[i]), 0);
	}
	for (size_t i = 0; i < THREADS; i++) {
		pthread_join(issuers[i].thread, NULL);
		assert_int_equal(issuers[i].n, EACH);
		for (size_t j = 1; j < EACH; j++)
			assert_true(issuers[i].numbers[j] > issuers[i].numbers[j - 1]);
	}
	after = sign(t);
	qsort(all, THREADS * EACH, sizeof *all, by_number);
	for (size_t i = 1; i < THREADS * EACH; i++)
		assert_true(all[i] > all[i - 1]);
	assert_true(all[0] > before && all[THREADS * EACH - 1] < after);
	free(all);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, test_vault_setup, test_vault_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_rises),
		TEST(test_across_restarts),
		TEST(test_the_end_of_a_block),
		TEST(test_a_worker_does_not_go_beyond),
		TEST(test_threads),
	};

	return cmocka_run_group_tests_name("issuance", tests, NULL, NULL);
}
