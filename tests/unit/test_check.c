/*
 * sys.check: what somebody who can write the store's file did to it is found, also where every row
 * still opens; what the daemon itself does never is.
 */
#include "tests/unit/lib/vault.h"

#include <stdlib.h>
#include <string.h>

#include "vaultd/base/sum.h"

#define ACME 1 /* the first tenant's number */

static struct sys_check_res
check(struct test_vault *t)
{
	static const struct sys_check_req req;
	struct sys_check_res res;

	test_vault_do(t, OP_sys_check, &req, &res);
	return res;
}

static void
assert_good(struct test_vault *t)
{
	struct sys_check_res res = check(t);

	if (!res.ok)
		fail_msg("%zu tables differ, the first is %.*s", res.differs.n,
			 (int)res.differs.v[0].len, res.differs.v[0].p);
	assert_true(res.rows > 0 && res.entries > 0 && res.revision > 0);
}

/* Exactly these tables, told by their names in the order of enum store_table. */
static void
assert_differs(struct test_vault *t, const char *first, const char *second)
{
	struct sys_check_res res = check(t);

	assert_false(res.ok);
	assert_int_equal(res.differs.n, second == NULL ? 1 : 2);
	assert_true(text_is(res.differs.v[0], first));
	if (second != NULL)
		assert_true(text_is(res.differs.v[1], second));
}

static void
rotate(struct test_vault *t)
{
	struct key_rotate_req req = { .tenant = TEXT_LITERAL("acme"), .name = TEXT_LITERAL("k") };

	test_vault_do(t, OP_key_rotate, &req, NULL);
}

/* A row of the tenant's, as a copy. */
struct copy {
	struct row_key key;
	uint64_t id;
	uint8_t bytes[4096];
	size_t len;
};

static void
copy_row(struct test_vault *t, enum row_kind kind, struct copy *copy)
{
	struct vault_bytes row;
	struct row_walk walk;
	struct txn *txn;

	assert_ok(txn_read(t->vault.store, &txn));
	assert_ok(row_walk_open(txn, ACME, (uint8_t)kind, NULL, &walk));
	assert_ok(row_walk_next(&walk, &copy->key, &copy->id, &row));
	assert_true(row.len <= sizeof copy->bytes);
	memcpy(copy->bytes, row.p, row.len);
	copy->len = row.len;
	row_walk_close(&walk);
	txn_abort(txn);
}

static struct vault_bytes
bytes_of_copy(const struct copy *copy)
{
	return (struct vault_bytes){ copy->bytes, copy->len };
}

/* Another program, with the file open: it knows no key and keeps no sum. */
static struct txn *
intrude(struct test_vault *t)
{
	struct txn *txn;

	lanes_drain(&t->lanes);
	assert_ok(txn_write(t->vault.store, &txn));
	return txn;
}

static void
test_nothing_the_daemon_does_is_found(void **state)
{
	struct test_vault *t = *state;

	assert_good(t);
	test_vault_acme(t, key_algorithm_HS256);
	assert_good(t);
	for (int i = 0; i < 40; i++)
		rotate(t);
	assert_good(t);
	test_vault_restart(t);
	test_vault_unseal(t);
	assert_good(t);
	rotate(t);
	assert_good(t);
}

static void
test_what_fails_leaves_no_trace(void **state)
{
	struct test_vault *t = *state;
	struct key_create_req again = { .tenant = TEXT_LITERAL("acme"),
					.name = TEXT_LITERAL("k"),
					.algorithm = key_algorithm_HS256 };
	struct tenant_create_req tenant = { .tenant = TEXT_LITERAL("acme") };

	test_vault_acme(t, key_algorithm_HS256);
	assert_int_not_equal(test_vault_ask(t, OP_key_create, &again, NULL), VAULT_OK);
	assert_int_not_equal(test_vault_ask(t, OP_tenant_create, &tenant, NULL), VAULT_OK);
	assert_good(t);
}

static void
test_a_row_put_back(void **state)
{
	struct test_vault *t = *state;
	struct copy old, new;
	struct txn *txn;

	test_vault_acme(t, key_algorithm_HS256);
	copy_row(t, ROW_KEY, &old);
	rotate(t);
	copy_row(t, ROW_KEY, &new);
	txn = intrude(t);
	assert_ok(row_update(txn, old.id, bytes_of_copy(&old)));
	assert_ok(txn_commit(txn));
	assert_differs(t, "rows", NULL);
	/* It stays so through a restart, and through what comes after it. */
	test_vault_restart(t);
	test_vault_unseal(t);
	assert_differs(t, "rows", NULL);
	/* And is good again once it is undone. */
	txn = intrude(t);
	assert_ok(row_update(txn, new.id, bytes_of_copy(&new)));
	assert_ok(txn_commit(txn));
	assert_good(t);
}

static void
test_a_row_removed(void **state)
{
	struct test_vault *t = *state;
	struct copy row;
	struct txn *txn;

	test_vault_acme(t, key_algorithm_HS256);
	copy_row(t, ROW_PROFILE, &row);
	txn = intrude(t);
	assert_ok(row_delete(txn, &row.key, row.id));
	assert_ok(txn_commit(txn));
	assert_differs(t, "rows", "index");
}

static void
test_an_index_entry_removed(void **state)
{
	struct test_vault *t = *state;
	struct copy row;
	struct txn *txn;

	test_vault_acme(t, key_algorithm_HS256);
	copy_row(t, ROW_KEY, &row);
	txn = intrude(t);
	assert_ok(row_unlink(txn, &row.key, row.id));
	assert_ok(txn_commit(txn));
	assert_differs(t, "index", NULL);
}

static void
test_a_row_added(void **state)
{
	struct test_vault *t = *state;
	struct row_key place = { .tenant = 77, .kind = ROW_KEY };
	struct txn *txn = intrude(t);
	uint64_t id;

	assert_ok(row_insert(txn, &place, (struct vault_bytes){ (const uint8_t *)"x", 1 }, &id));
	assert_ok(txn_commit(txn));
	assert_differs(t, "rows", "index");
}

static void
test_meta_changed(void **state)
{
	struct test_vault *t = *state;
	struct txn *txn = intrude(t);

	assert_ok(meta_put(txn, "else", (struct vault_bytes){ (const uint8_t *)"x", 1 }));
	assert_ok(txn_commit(txn));
	assert_differs(t, "meta", NULL);
}

/* Two rows that change places are neither gone nor new. */
static void
test_two_rows_exchanged(void **state)
{
	struct test_vault *t = *state;
	struct copy a, b;
	struct txn *txn;

	test_vault_acme(t, key_algorithm_HS256);
	copy_row(t, ROW_KEY, &a);
	copy_row(t, ROW_PROFILE, &b);
	txn = intrude(t);
	assert_ok(row_update(txn, a.id, bytes_of_copy(&b)));
	assert_ok(row_update(txn, b.id, bytes_of_copy(&a)));
	assert_ok(txn_commit(txn));
	assert_differs(t, "rows", NULL);
}

static void
test_sums(void **state)
{
	uint8_t key[SUM_KEY_BYTES] = { 1, 2, 3 }, bytes[SUM_BYTES];
	struct vault_bytes a = { (const uint8_t *)"a", 1 }, b = { (const uint8_t *)"b", 1 };
	struct sum one = { 0 }, two = { 0 }, read, most = { UINT64_MAX, UINT64_MAX };
	const struct sum single = { 1, 0 };

	(void)state;
	sum_put(&one, key, a, b);
	sum_put(&one, key, b, a);
	sum_put(&two, key, b, a);
	assert_memory_not_equal(&one, &two, sizeof one);
	sum_put(&two, key, a, b);
	assert_memory_equal(&one, &two, sizeof one);
	sum_write(&one, bytes);
	sum_read(&read, bytes);
	assert_memory_equal(&one, &read, sizeof one);
	sum_take(&one, key, a, b);
	sum_take(&one, key, b, a);
	assert_true(one.low == 0 && one.high == 0);
	/* Carry and borrow. */
	sum_add(&most, &single);
	assert_true(most.low == 0 && most.high == 0);
	sum_subtract(&most, &single);
	assert_true(most.low == UINT64_MAX && most.high == UINT64_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sums),
#define WITH_VAULT(f) cmocka_unit_test_setup_teardown(f, test_vault_setup, test_vault_teardown)
		WITH_VAULT(test_nothing_the_daemon_does_is_found),
		WITH_VAULT(test_what_fails_leaves_no_trace),
		WITH_VAULT(test_a_row_put_back),
		WITH_VAULT(test_a_row_removed),
		WITH_VAULT(test_an_index_entry_removed),
		WITH_VAULT(test_a_row_added),
		WITH_VAULT(test_meta_changed),
		WITH_VAULT(test_two_rows_exchanged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
