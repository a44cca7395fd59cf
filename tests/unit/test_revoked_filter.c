/* The filter of revoked ids: never "no" of one that it has, seldom "maybe" of others. */
#include "tests/unit/lib/vault.h"

#include <string.h>

#include "vaultd/core/revoked_filter.h"

#define TENANT 9
#define KIND 50
#define MANY 20000

/* As tags of ours are: a number that counts, then random bytes. */
static void
tag_of(uint64_t n, uint64_t seed, uint8_t tag[static ROW_TAG_BYTES])
{
	uint64_t random = (n + 1) * (seed | 1) * UINT64_C(0xd1342543de82ef95);

	for (unsigned i = 0; i < 5; i++)
		tag[i] = (uint8_t)(n >> 8 * (4 - i));
	random ^= random >> 29;
	memcpy(tag + 5, &random, 7);
}

static void
insert(struct txn *txn, uint64_t n)
{
	struct row_key key = { .tenant = TENANT, .kind = KIND };
	uint64_t id;

	tag_of(n, 3, key.tag);
	assert_ok(row_insert(txn, &key, (struct vault_bytes){ (const uint8_t *)"r", 1 }, &id));
}

static void
assert_holds(const struct revoked_filter *filter, uint64_t n)
{
	uint8_t tag[ROW_TAG_BYTES];
	unsigned maybe = 0;

	for (uint64_t i = 0; i < n; i++) {
		tag_of(i, 3, tag);
		assert_true(revoked_filter_maybe(filter, tag));
	}
	for (uint64_t i = 0; i < MANY; i++) {
		tag_of(i, 77, tag);
		maybe += revoked_filter_maybe(filter, tag);
	}
	assert_true(maybe < MANY / 20);
}

static void
it_grows_with_what_is_added(void **state)
{
	struct test_vault *t = *state;
	_Atomic(struct revoked_filter *) filter = NULL;
	uint8_t tag[ROW_TAG_BYTES];
	unsigned built = 0;
	struct txn *txn;

	assert_ok(txn_write(t->vault.store, &txn));
	for (uint64_t i = 0; i < 10; i++)
		insert(txn, i);
	assert_ok(revoked_filter_build(txn, TENANT, KIND, &filter));
	assert_holds(atomic_load(&filter), 10);
	for (uint64_t i = 10; i < MANY; i++) {
		insert(txn, i);
		tag_of(i, 3, tag);
		if (revoked_filter_add(atomic_load(&filter), tag))
			continue;
		assert_ok(revoked_filter_build(txn, TENANT, KIND, &filter));
		built++;
	}
	assert_in_range(built, 3, 6);
	assert_holds(atomic_load(&filter), MANY);
	txn_abort(txn);
	revoked_filter_free(atomic_load(&filter));
}

static void
one_of_nothing(void **state)
{
	struct test_vault *t = *state;
	_Atomic(struct revoked_filter *) filter = NULL;
	struct txn *txn;

	assert_ok(txn_write(t->vault.store, &txn));
	assert_ok(revoked_filter_build(txn, TENANT, KIND, &filter));
	assert_holds(atomic_load(&filter), 0);
	txn_abort(txn);
	revoked_filter_free(atomic_load(&filter));
	revoked_filter_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(it_grows_with_what_is_added, test_vault_setup,
						test_vault_teardown),
		cmocka_unit_test_setup_teardown(one_of_nothing, test_vault_setup,
						test_vault_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
