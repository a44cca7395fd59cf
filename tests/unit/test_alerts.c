/*
 * Alerts: which refusals are one, how often the like is told, and that memory and lines are
 * bounded. Time is the test's.
 */
#include "vaultd/core/alerts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/text.h"
#include "vaultd/crypto/init.h"

#define MINUTE ALERT_QUIET_MS

static struct alerts alerts;
static struct vault_event event;

static int
setup(void **state)
{
	(void)state;
	alerts_init(&alerts);
	return crypto_init() == VAULT_OK ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	alerts_free(&alerts);
	return 0;
}

static bool
note(enum vault_err err, const char *principal, const char *tenant, int64_t now_ms)
{
	memset(&event, 0xee, sizeof event);
	return alerts_note(
		&alerts,
		&(struct alert_note){
			.err = err,
			.method = &op_rows[OP_token_sign],
			.principal = text_of(principal),
			.tenant = tenant == NULL ? (struct vault_text){ 0 } : text_of(tenant),
			.retry_after_ms = err == VAULT_LOCKED ? 30 * MINUTE : 0,
			.now_ms = now_ms,
			.wall = 1800000000 + now_ms / 1000,
		},
		&event);
}

/* The number of alerts that n refusals, one a millisecond, make. */
static unsigned
notes(enum vault_err err, const char *principal, const char *tenant, int64_t from_ms, int n)
{
	unsigned told = 0;

	for (int i = 0; i < n; i++)
		told += note(err, principal, tenant, from_ms + i);
	return told;
}

static void
test_which_outcomes_count(void **state)
{
	static const enum vault_err counted[] = { VAULT_DENIED, VAULT_LIMITED, VAULT_LOCKED,
						  VAULT_AUDIT_UNAVAILABLE, VAULT_STORAGE_FULL };
	unsigned n = 0;

	(void)state;
	for (int err = 0; err < VAULT_ERR_COUNT; err++)
		n += alerts_count((enum vault_err)err);
	assert_int_equal(n, sizeof counted / sizeof counted[0]);
	for (size_t i = 0; i < n; i++)
		assert_true(alerts_count(counted[i]));
	assert_int_equal(notes(VAULT_NOT_FOUND, "uid:1", "acme", 0, 1000), 0);
	assert_null(alerts.table);
}

static void
test_ten_denials_within_ten_seconds(void **state)
{
	(void)state;
	assert_int_equal(notes(VAULT_DENIED, "uid:1", "acme", 0, 9), 0);
	/* The tenth comes too late, and begins anew. */
	assert_int_equal(notes(VAULT_DENIED, "uid:1", "acme", ALERT_WINDOW_MS, 9), 0);
	/* Another's do not count. */
	assert_false(note(VAULT_DENIED, "uid:10", "acme", ALERT_WINDOW_MS + 20));
	assert_true(note(VAULT_DENIED, "uid:1", "acme", 2 * ALERT_WINDOW_MS - 1));
	assert_int_equal(event.kind, event_kind_denied);
	assert_string_equal(event.principal, "uid:1");
	assert_string_equal(event.tenant, "acme");
	assert_int_equal(event.count, 10);
	assert_int_equal(event.seconds, 10);
	assert_int_equal(event.time, 1800000019);
	assert_null(event.method);
	assert_null(event.class_name);
	assert_int_equal(event.suppressed, 0);
}

static void
test_once_a_minute(void **state)
{
	(void)state;
	assert_int_equal(notes(VAULT_DENIED, "uid:1", "acme", 0, 1000), 1);
	assert_int_equal(notes(VAULT_DENIED, "uid:2", "acme", 1000, 10), 1);
	assert_int_equal(event.suppressed, 99);
	assert_int_equal(notes(VAULT_DENIED, "uid:1", "acme", MINUTE - 1000, 10), 0);
	assert_int_equal(notes(VAULT_DENIED, "uid:1", "acme", MINUTE + 10, 10), 1);
	assert_int_equal(event.suppressed, 1);
	assert_int_equal(atomic_load(&alerts.told_total), 3);
	assert_int_equal(atomic_load(&alerts.suppressed_total), 100);
}

static void
test_tenants_of_a_burst(void **state)
{
	char tenant[32];
	unsigned told = 0;

	(void)state;
	for (int i = 0; i < 10; i++) {
		snprintf(tenant, sizeof tenant, "t%d", i);
		told += note(VAULT_DENIED, "uid:1", tenant, i);
	}
	assert_int_equal(told, 1);
	assert_string_equal(event.tenant, "");
	/* Whoever goes through many tenants is told of for a few. */
	told = 0;
	for (int i = 0; i < 1000; i++) {
		snprintf(tenant, sizeof tenant, "t%d", i / 10);
		told += note(VAULT_DENIED, "uid:1", tenant, 100 + i);
	}
	assert_int_equal(told, ALERT_TENANTS_MAX - 1);
	/* Without a tenant at all. */
	assert_int_equal(notes(VAULT_DENIED, "uid:2", NULL, 0, 10), 1);
	assert_string_equal(event.tenant, "");
}

static void
test_limit_storms(void **state)
{
	unsigned told = 0;

	(void)state;
	assert_int_equal(notes(VAULT_LIMITED, "uid:1", "acme", 0, 99), 0);
	assert_int_equal(notes(VAULT_LIMITED, "uid:1", "other", 0, 99), 0);
	assert_true(note(VAULT_LIMITED, "uid:2", "acme", 100));
	assert_int_equal(event.kind, event_kind_limited);
	assert_string_equal(event.tenant, "acme");
	assert_string_equal(event.class_name, "hot");
	/* It was not one principal's doing. */
	assert_string_equal(event.principal, "");
	assert_int_equal(event.count, 100);
	assert_true(note(VAULT_LIMITED, "uid:1", "other", 200));
	assert_string_equal(event.principal, "uid:1");
	for (int i = 0; i < 100; i++)
		told += alerts_note(&alerts,
				    &(struct alert_note){ .err = VAULT_LIMITED,
							  .method = &op_rows[OP_key_create],
							  .principal = TEXT_LITERAL("uid:1"),
							  .tenant = TEXT_LITERAL("acme"),
							  .now_ms = 300 },
				    &event);
	assert_int_equal(told, 1);
	assert_string_equal(event.class_name, "write");
}

static void
test_each_lock_once(void **state)
{
	(void)state;
	assert_true(note(VAULT_LOCKED, "uid:1", "acme", 0));
	assert_int_equal(event.kind, event_kind_lockout);
	assert_ptr_equal(event.method, &op_rows[OP_token_sign]);
	assert_int_equal(event.retry_after_ms, 30 * MINUTE);
	assert_int_equal(event.count, 0);
	/* Attempts meanwhile are the same lock, minutes later too. */
	for (int64_t ms = 1; ms < 30 * MINUTE; ms += 1000) {
		struct alert_note same = { .err = VAULT_LOCKED,
					   .method = &op_rows[OP_token_sign],
					   .principal = TEXT_LITERAL("uid:1"),
					   .tenant = TEXT_LITERAL("acme"),
					   .retry_after_ms = 30 * MINUTE - ms,
					   .now_ms = ms };

		assert_false(alerts_note(&alerts, &same, &event));
	}
	assert_true(note(VAULT_LOCKED, "uid:1", "acme", 30 * MINUTE));
	assert_int_equal(event.suppressed, 0);
	assert_true(note(VAULT_LOCKED, "uid:2", "acme", 30 * MINUTE));
	assert_true(note(VAULT_LOCKED, "uid:1", NULL, 30 * MINUTE));
}

static void
test_trouble(void **state)
{
	(void)state;
	assert_true(note(VAULT_AUDIT_UNAVAILABLE, "", NULL, 0));
	assert_int_equal(event.kind, event_kind_audit_unavailable);
	assert_string_equal(event.principal, "");
	assert_true(note(VAULT_STORAGE_FULL, "", NULL, 0));
	assert_int_equal(event.kind, event_kind_storage_full);
	assert_int_equal(notes(VAULT_STORAGE_FULL, "", NULL, 1, 1000), 0);
	assert_true(note(VAULT_STORAGE_FULL, "uid:7", "acme", MINUTE));
	/* The disk is nobody's. */
	assert_string_equal(event.principal, "");
	assert_string_equal(event.tenant, "");
}

static void
test_all_together_are_bounded(void **state)
{
	char principal[32];
	unsigned told = 0;

	(void)state;
	for (int i = 0; i < 500; i++) {
		snprintf(principal, sizeof principal, "uid:%d", i);
		told += notes(VAULT_DENIED, principal, "acme", i, 10);
	}
	assert_int_equal(told, ALERT_TOTAL_MAX);
	assert_int_equal(notes(VAULT_DENIED, "uid:9999", "acme", 2 * MINUTE, 10), 1);
	assert_int_equal(event.suppressed, 500 - ALERT_TOTAL_MAX);
}

/* More callers than the table has room for: the newest are still counted, memory does not grow. */
static void
test_more_callers_than_room(void **state)
{
	char principal[PRINCIPAL_MAX + 64], tenant[128];

	(void)state;
	for (int i = 0; i < 100000; i++) {
		snprintf(principal, sizeof principal, "uid:%d", i);
		assert_false(note(VAULT_DENIED, principal, "acme", i));
	}
	assert_int_equal(notes(VAULT_DENIED, "uid:100000", "acme", 100000, 10), 1);
	/* Texts beyond what a name can be are cut, not written past their room. */
	memset(principal, 'p', sizeof principal - 1);
	principal[sizeof principal - 1] = '\0';
	memset(tenant, 't', sizeof tenant - 1);
	tenant[sizeof tenant - 1] = '\0';
	(void)notes(VAULT_LOCKED, principal, tenant, 200000, 1);
	assert_true(strlen(event.principal) <= PRINCIPAL_MAX);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	static const struct CMUnitTest tests[] = {
		TEST(test_which_outcomes_count),
		TEST(test_ten_denials_within_ten_seconds),
		TEST(test_once_a_minute),
		TEST(test_tenants_of_a_burst),
		TEST(test_limit_storms),
		TEST(test_each_lock_once),
		TEST(test_trouble),
		TEST(test_all_together_are_bounded),
		TEST(test_more_callers_than_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
