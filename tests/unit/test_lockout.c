/*
 * Lockouts: what counts, what locks, what is remembered, and what a restart and moved clocks leave
 * of it.
 */
#include "tests/unit/lib/vault.h"

#include <stdlib.h>

#include "vaultd/core/lockout.h"

#define MINUTE_MS (INT64_C(60) * 1000)
#define YEAR (INT64_C(365) * 86400)
#define THREADS 4
#define WALL INT64_C(1800000000)
#define BOOT (INT64_C(5000) * 1000)

static const struct lockout_rule five = { 5, 30 * MINUTE_MS, 30 * MINUTE_MS };

static struct lockout_id
numbered(uint32_t n)
{
	return lockout_id_of(LOCKOUT_TOTP, 1, (struct vault_bytes){ (const uint8_t *)&n, sizeof n },
			     (struct vault_text){ 0 });
}

static int
setup(void **state)
{
	struct lockouts *l = calloc(1, sizeof *l);

	assert_non_null(l);
	lockouts_init(l);
	*state = l;
	return 0;
}

static int
teardown(void **state)
{
	lockouts_free(*state);
	free(*state);
	return 0;
}

static enum lockout_step
fail_at(struct lockouts *l, uint32_t n, int64_t now_ms)
{
	struct lockout_id id = numbered(n);

	return lockouts_count(l, &id, &five, now_ms, true);
}

static int64_t
left_at(struct lockouts *l, uint32_t n, int64_t now_ms)
{
	struct lockout_id id = numbered(n);

	return lockouts_left(l, &id, now_ms);
}

static void
test_the_fifth_locks(void **state)
{
	struct lockouts *l = *state;

	for (int i = 0; i < 4; i++) {
		assert_int_equal(fail_at(l, 1, BOOT + i), LOCKOUT_COUNTED);
		assert_int_equal(left_at(l, 1, BOOT + i), 0);
	}
	assert_int_equal(fail_at(l, 1, BOOT + 4), LOCKOUT_LOCKS);
	assert_int_equal(left_at(l, 1, BOOT + 4), 30 * MINUTE_MS);
	assert_int_equal(left_at(l, 2, BOOT + 4), 0);
	assert_int_equal(left_at(l, 1, BOOT + 3 + 30 * MINUTE_MS), 1);
	assert_int_equal(left_at(l, 1, BOOT + 4 + 30 * MINUTE_MS), 0);
	/* Afterwards it begins with none. */
	for (int i = 0; i < 4; i++)
		assert_int_equal(fail_at(l, 1, BOOT + 31 * MINUTE_MS), LOCKOUT_COUNTED);
	assert_int_equal(fail_at(l, 1, BOOT + 31 * MINUTE_MS), LOCKOUT_LOCKS);
}

static void
test_attempts_while_locked_do_not_extend(void **state)
{
	struct lockouts *l = *state;

	for (int i = 0; i < 5; i++)
		fail_at(l, 1, BOOT);
	for (int i = 0; i < 100; i++)
		assert_int_equal(fail_at(l, 1, BOOT + 29 * MINUTE_MS), LOCKOUT_COUNTED);
	assert_int_equal(left_at(l, 1, BOOT + 29 * MINUTE_MS), MINUTE_MS);
	assert_int_equal(left_at(l, 1, BOOT + 30 * MINUTE_MS), 0);
	assert_int_equal(fail_at(l, 1, BOOT + 30 * MINUTE_MS), LOCKOUT_COUNTED);
}

static void
test_only_the_window_counts(void **state)
{
	struct lockouts *l = *state;

	for (int i = 0; i < 4; i++)
		fail_at(l, 1, BOOT + i * MINUTE_MS);
	/* The first is just out of it. */
	assert_int_equal(fail_at(l, 1, BOOT + 30 * MINUTE_MS), LOCKOUT_COUNTED);
	assert_int_equal(fail_at(l, 1, BOOT + 31 * MINUTE_MS - 1), LOCKOUT_LOCKS);
}

static void
test_a_success_forgets(void **state)
{
	struct lockouts *l = *state;
	struct lockout_id id = numbered(1);

	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 4; i++)
			assert_int_equal(fail_at(l, 1, BOOT), LOCKOUT_COUNTED);
		lockouts_clear(l, &id, BOOT);
	}
	assert_false(atomic_load(&l->any));
	for (int i = 0; i < 5; i++)
		fail_at(l, 1, BOOT);
	lockouts_clear(l, &id, BOOT);
	assert_int_equal(left_at(l, 1, BOOT), 30 * MINUTE_MS);
}

static void
test_without_leave_to_lock(void **state)
{
	struct lockouts *l = *state;
	struct lockout_id id = numbered(1);

	for (int i = 0; i < 4; i++)
		fail_at(l, 1, BOOT);
	for (int i = 0; i < 10; i++)
		assert_int_equal(lockouts_count(l, &id, &five, BOOT, false), LOCKOUT_LOCKS);
	assert_int_equal(left_at(l, 1, BOOT), 0);
	assert_int_equal(fail_at(l, 1, BOOT), LOCKOUT_LOCKS);
	/* Who looked before it was locked, and failed after, is to look again. */
	assert_int_equal(lockouts_count(l, &id, &five, BOOT, false), LOCKOUT_LOCKS);
	assert_int_equal(fail_at(l, 1, BOOT), LOCKOUT_COUNTED);
	assert_int_equal(left_at(l, 1, BOOT), 30 * MINUTE_MS);
}

/* A hundred failures are remembered in groups: never too few, and at most an eighth too many. */
static void
test_a_large_rule(void **state)
{
	struct lockout_rule rule = { 100, 300 * 1000, 300 * 1000 };
	struct lockouts *l = *state;
	struct lockout_id a = numbered(1), b = numbered(2), c = numbered(3);
	int64_t now = BOOT;

	for (int i = 0; i < 99; i++)
		assert_int_equal(lockouts_count(l, &a, &rule, BOOT + i, true), LOCKOUT_COUNTED);
	assert_int_equal(lockouts_count(l, &a, &rule, BOOT + 299 * 1000, true), LOCKOUT_LOCKS);
	/* 80 within each window, without end. */
	for (int i = 0; i < 10000; i++, now += 300 * 1000 / 80)
		assert_int_equal(lockouts_count(l, &b, &rule, now, true), LOCKOUT_COUNTED);
	rule.failures = LOCKOUT_FAILURES_MAX;
	for (unsigned i = 1; i < rule.failures; i++)
		assert_int_equal(lockouts_count(l, &c, &rule, BOOT, true), LOCKOUT_COUNTED);
	assert_int_equal(lockouts_count(l, &c, &rule, BOOT, true), LOCKOUT_LOCKS);
	rule.failures = 1;
	assert_int_equal(lockouts_count(l, &b, &rule, now, true), LOCKOUT_LOCKS);
}

static void
test_the_oldest_unlocked_goes_first(void **state)
{
	struct lockouts *l = *state;

	for (int i = 0; i < 5; i++)
		fail_at(l, 0, BOOT);
	for (uint32_t n = 1; n < LOCKOUT_ENTRIES; n++)
		for (int i = 0; i < 4; i++)
			fail_at(l, n, BOOT);
	/* Full: 1 has failed anew and 2 is the oldest, which the next new one takes the place of. */
	lockouts_clear(l, &(struct lockout_id){ 0 }, BOOT);
	{
		struct lockout_id id = numbered(1);

		lockouts_clear(l, &id, BOOT);
	}
	assert_int_equal(fail_at(l, 1, BOOT), LOCKOUT_COUNTED);
	assert_int_equal(fail_at(l, LOCKOUT_ENTRIES, BOOT), LOCKOUT_COUNTED);
	assert_int_equal(fail_at(l, 2, BOOT), LOCKOUT_COUNTED);
	assert_int_equal(fail_at(l, 4, BOOT), LOCKOUT_LOCKS);
	assert_int_equal(left_at(l, 0, BOOT), 30 * MINUTE_MS);
	/* Where all are locked, the first lock goes. */
	for (uint32_t n = 0; n < LOCKOUT_ENTRIES; n++)
		for (int i = 0; i < 5; i++)
			fail_at(l, n + 1000000, BOOT + 1);
	assert_int_equal(left_at(l, 0, BOOT + 1), 0);
	assert_true(left_at(l, 1000000 + LOCKOUT_ENTRIES - 1, BOOT + 1) > 0);
}

struct failing {
	pthread_t thread;
	struct lockouts *l;
	unsigned locks;
};

static void *
fail_on(void *arg)
{
	struct failing *failing = arg;

	for (int i = 0; i < 50000; i++) {
		uint32_t n = (uint32_t)i % 2000;

		failing->locks += fail_at(failing->l, n, BOOT) == LOCKOUT_LOCKS;
		(void)left_at(failing->l, n, BOOT);
	}
	return NULL;
}

/* Each id is locked once, whoever fails. */
static void
test_threads(void **state)
{
	struct failing failing[THREADS] = { 0 };
	unsigned locks = 0;

	for (int i = 0; i < THREADS; i++) {
		failing[i].l = *state;
		assert_int_equal(pthread_create(&failing[i].thread, NULL, fail_on, &failing[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(failing[i].thread, NULL);
		locks += failing[i].locks;
	}
	assert_int_equal(locks, 2000);
}

static bool
same_source(const char *a, const char *b)
{
	struct vault_bytes what = { (const uint8_t *)"k", 1 };
	struct lockout_id x = lockout_id_of(LOCKOUT_API_KEY, 7, what, text_of(a));
	struct lockout_id y = lockout_id_of(LOCKOUT_API_KEY, 7, what, text_of(b));

	return memcmp(&x, &y, sizeof x) == 0;
}

static void
test_ids(void **state)
{
	struct vault_bytes what = { (const uint8_t *)"k", 1 };
	struct vault_text none = { 0 };
	struct lockout_id id = lockout_id_of(LOCKOUT_TOTP, 1, what, none);
	struct lockout_id others[] = {
		lockout_id_of(LOCKOUT_SECRET, 1, what, none),
		lockout_id_of(LOCKOUT_TOTP, 2, what, none),
		lockout_id_of(LOCKOUT_TOTP, 1, (struct vault_bytes){ 0 }, none),
		lockout_id_of(LOCKOUT_TOTP, 1, what, text_of("")),
		lockout_id_of(LOCKOUT_TOTP, 1, (struct vault_bytes){ 0 }, text_of("k")),
	};

	(void)state;
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		assert_memory_not_equal(&id, &others[i], sizeof id);
	assert_true(same_source("192.0.2.1", "192.0.2.1"));
	assert_true(same_source("192.0.2.1", "::ffff:192.0.2.1"));
	assert_false(same_source("192.0.2.1", "192.0.2.2"));
	assert_true(same_source("2001:db8::1", "2001:DB8:0:0:ffff::2"));
	assert_false(same_source("2001:db8::1", "2001:db8:0:1::1"));
	assert_false(same_source("a", "b"));
	assert_false(same_source("192.0.2.1 ", "192.0.2.1"));
}

/* An operation at such a time; committing: in a change of its own. */
struct doing {
	struct op op;
	struct change change;
	struct txn *txn;
};

static void
begin(struct test_vault *t, struct doing *d, int64_t wall, int64_t boot_ms)
{
	*d = (struct doing){ .op = { .vault = &t->vault,
				     .now = { .wall = wall, .boot_ms = boot_ms } } };
	assert_ok(txn_write(t->vault.store, &d->txn));
	change_start(&d->change, d->txn);
	d->op.change = &d->change;
	d->op.txn = d->txn;
}

static void
lock_now(struct test_vault *t, uint32_t n, int64_t wall, int64_t boot_ms)
{
	struct lockout_id id = numbered(n);
	enum vault_err err = VAULT_OK, locked;
	struct doing d;

	begin(t, &d, wall, boot_ms);
	for (int i = 0; i < 5 && err == VAULT_OK; i++) {
		err = lockout_check(&d.op, &id);
		if (err == VAULT_OK)
			err = lockout_failed(&d.op, &id, &LOCKOUT_DEFAULT);
	}
	locked = lockout_check(&d.op, &id);
	/* Before anything may fail the test: the vault's end waits for the transaction's. */
	assert_ok(txn_commit(d.txn));
	assert_ok(err);
	assert_true(d.op.effects.keep);
	assert_int_equal(locked, VAULT_LOCKED);
	assert_int_equal(d.op.fail.retry_after_ms, 30 * MINUTE_MS);
}

/* What another start at such a time finds of the lock 1. */
static int64_t
loaded(struct test_vault *t, uint8_t boot, int64_t wall, int64_t boot_ms)
{
	struct clock_now now = { .wall = wall, .boot_ms = boot_ms };
	struct txn *txn;

	memset(t->vault.settings.boot_id, boot, BOOT_ID_BYTES);
	lockouts_free(&t->vault.lockouts);
	lockouts_init(&t->vault.lockouts);
	assert_ok(txn_read(t->vault.store, &txn));
	assert_ok(lockout_load(&t->vault, txn, &now));
	txn_abort(txn);
	return left_at(&t->vault.lockouts, 1, boot_ms);
}

static unsigned
rows(struct test_vault *t)
{
	struct row_walk walk;
	struct row_key key;
	struct txn *txn;
	unsigned n = 0;
	uint64_t id;

	assert_ok(txn_read(t->vault.store, &txn));
	assert_ok(row_walk_open(txn, 0, ROW_LOCKOUT, NULL, &walk));
	while (row_walk_next(&walk, &key, &id, NULL) == VAULT_OK)
		n++;
	row_walk_close(&walk);
	txn_abort(txn);
	return n;
}

static void
test_a_restart_and_moved_clocks(void **state)
{
	struct test_vault *t = *state;

	memset(t->vault.settings.boot_id, 1, BOOT_ID_BYTES);
	lock_now(t, 1, WALL, BOOT);
	/* The same boot: whatever the wall clock says. */
	assert_int_equal(loaded(t, 1, WALL + 600, BOOT + 10 * MINUTE_MS), 20 * MINUTE_MS);
	assert_int_equal(loaded(t, 1, WALL - YEAR, BOOT + 10 * MINUTE_MS), 20 * MINUTE_MS);
	assert_int_equal(loaded(t, 1, WALL + 3600, BOOT + 10 * MINUTE_MS), 20 * MINUTE_MS);
	assert_int_equal(loaded(t, 1, WALL + 10 * YEAR, BOOT + 10 * MINUTE_MS), 20 * MINUTE_MS);
	assert_int_equal(loaded(t, 1, WALL - YEAR, BOOT + 30 * MINUTE_MS), 0);
	/* Another one: the wall clock, as far as it can be believed. */
	assert_int_equal(loaded(t, 2, WALL + 600, 1000), 20 * MINUTE_MS);
	assert_int_equal(loaded(t, 2, WALL - YEAR, 1000), 30 * MINUTE_MS);
	assert_int_equal(loaded(t, 2, WALL + 10 * YEAR, 1000), 0);
	/* A boot that is not known is no boot. */
	memset(t->vault.settings.boot_id, 0, BOOT_ID_BYTES);
	assert_int_equal(loaded(t, 0, WALL + 1200, BOOT + 1), 10 * MINUTE_MS);
}

static void
test_a_real_restart(void **state)
{
	struct test_vault *t = *state;
	struct clock_now now = clock_read();

	lock_now(t, 1, now.wall, now.boot_ms);
	test_vault_restart(t);
	assert_int_equal(left_at(&t->vault.lockouts, 1, now.boot_ms), 0);
	test_vault_unseal(t);
	assert_in_range(left_at(&t->vault.lockouts, 1, clock_read().boot_ms), 29 * MINUTE_MS,
			30 * MINUTE_MS);
}

static void
test_expired_rows_go(void **state)
{
	struct test_vault *t = *state;

	for (uint32_t n = 0; n < 20; n++)
		lock_now(t, n, WALL, BOOT);
	assert_int_equal(rows(t), 20);
	/* Each new lock looks at a few; the same id's row is replaced. */
	for (uint32_t n = 0; n < 20; n++)
		lock_now(t, n % 3, WALL + 3600 * (n + 1), BOOT + 60 * MINUTE_MS * (n + 1));
	assert_int_equal(rows(t), 1);
}

static void
test_a_worker_defers(void **state)
{
	struct test_vault *t = *state;
	struct lockout_id id = numbered(1);
	struct op op = { .vault = &t->vault, .now = { .wall = WALL, .boot_ms = BOOT } };

	for (int i = 0; i < 4; i++)
		assert_ok(lockout_failed(&op, &id, &LOCKOUT_DEFAULT));
	assert_false(op.deferred);
	assert_int_equal(lockout_failed(&op, &id, &LOCKOUT_DEFAULT), VAULT_BUSY);
	assert_true(op.deferred);
	assert_ok(lockout_check(&op, &id));
	lockout_succeeded(&op, &id);
	op.deferred = false;
	assert_ok(lockout_failed(&op, &id, &LOCKOUT_DEFAULT));
	assert_false(op.deferred);
}

int
main(void)
{
#define TABLE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define VAULT(name) cmocka_unit_test_setup_teardown(name, test_vault_setup, test_vault_teardown)
	const struct CMUnitTest tests[] = {
		TABLE(test_the_fifth_locks),
		TABLE(test_attempts_while_locked_do_not_extend),
		TABLE(test_only_the_window_counts),
		TABLE(test_a_success_forgets),
		TABLE(test_without_leave_to_lock),
		TABLE(test_a_large_rule),
		TABLE(test_the_oldest_unlocked_goes_first),
		TABLE(test_threads),
		cmocka_unit_test(test_ids),
		VAULT(test_a_restart_and_moved_clocks),
		VAULT(test_a_real_restart),
		VAULT(test_expired_rows_go),
		VAULT(test_a_worker_defers),
	};

	return cmocka_run_group_tests_name("lockout", tests, NULL, NULL);
}
