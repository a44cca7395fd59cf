/*
 * The audit goes over to other wrapping keys while it runs, and after a crash at any point of that.
 */
#include "tests/unit/test_audit_fixture.h"

#define KEY_BYTES 32

/* The present key in front of all that were before it. */
static void
next_keys(struct fixture *f)
{
	struct secret keys = { 0 };

	assert_ok(secret_new(f->arena, f->wrap.len + KEY_BYTES, &keys));
	memset(keys.p, (int)(0x40 + f->wrap.len / KEY_BYTES), KEY_BYTES);
	memcpy(keys.p + KEY_BYTES, f->wrap.p, f->wrap.len);
	secret_free(&f->wrap);
	secret_move(&f->wrap, &keys);
}

static void
rekey(struct fixture *f)
{
	struct audit_rekey *prepared;

	next_keys(f);
	assert_ok(audit_rekey_prepare(f->audit, &f->keys, &prepared));
	audit_rekey(f->audit, prepared, SECOND);
}

static uint32_t
count_records(struct fixture *f)
{
	struct audit_range range = { .order = AUDIT_OLDEST };
	struct audit_record rec;
	struct audit_scan *scan;
	uint32_t n = 0;
	uint64_t seq;

	assert_ok(audit_scan_open(f->audit, &range, &scan));
	while (audit_scan_next(scan, &rec, &seq) == VAULT_OK)
		n += rec.event == AUDIT_EVENT_CALL;
	audit_scan_close(scan);
	return n;
}

static void
test_old_segments_stay_readable(void **state)
{
	struct audit_status status;
	struct audit_head stored;
	struct audit_recovery found;
	struct fixture f;

	(void)state;
	fixture_open(&f);
	for (int i = 0; i < 5; i++) {
		assert_ok(fixture_append(&f, 10));
		rekey(&f);
		audit_status(f.audit, &status);
		assert_int_equal(status.head.segment, i + 2);
		assert_true(status.ok);
	}
	assert_ok(fixture_append(&f, 10));
	assert_int_equal(count_records(&f), 60);
	fixture_verify_ok(&f);
	assert_ok(audit_stop(f.audit, &stored));
	assert_ok(fixture_start(&f, &stored, &found));
	assert_true(found.clean);
	assert_int_equal(count_records(&f), 60);
	fixture_verify_ok(&f);
	fixture_close(&f);
}

/* The store was committed under the new key, and the daemon died before the audit went over. */
static void
test_a_crash_before_going_over(void **state)
{
	struct audit_recovery found;
	struct audit_head stored;
	struct fixture f;

	(void)state;
	fixture_open(&f);
	assert_ok(fixture_append(&f, 10));
	stored = f.head;
	next_keys(&f);
	fixture_crash(&f);
	assert_ok(fixture_start(&f, &stored, &found)); /* the epoch's key is under the old one */
	assert_int_equal(count_records(&f), 10);
	assert_ok(audit_tick(f.audit, 10 * SECOND)); /* ends the epoch */
	fixture_verify_ok(&f);
	stored = f.head;
	fixture_crash(&f);
	assert_ok(fixture_start(&f, &stored, &found));
	fixture_verify_ok(&f);
	fixture_close(&f);
}

/* And after it: the new segment is there, and nothing in it. */
static void
test_a_crash_after_going_over(void **state)
{
	struct audit_recovery found;
	struct audit_head stored;
	struct fixture f;

	(void)state;
	fixture_open(&f);
	assert_ok(fixture_append(&f, 10));
	stored = f.head;
	rekey(&f);
	fixture_crash(&f);
	assert_ok(fixture_start(&f, &stored, &found));
	assert_int_equal(count_records(&f), 10);
	assert_ok(fixture_append(&f, 1));
	fixture_verify_ok(&f);
	fixture_close(&f);
}

/* The store was not committed: the old key alone must be enough. */
static void
test_a_rekey_that_came_to_nothing(void **state)
{
	struct audit_rekey *prepared;
	struct audit_recovery found;
	struct audit_head stored;
	struct secret old = { 0 };
	struct fixture f;

	(void)state;
	fixture_open(&f);
	assert_ok(fixture_append(&f, 10));
	assert_ok(secret_copy(f.arena, f.wrap.p, f.wrap.len, &old));
	next_keys(&f);
	assert_ok(audit_rekey_prepare(f.audit, &f.keys, &prepared));
	audit_rekey_drop(prepared);
	assert_ok(fixture_append(&f, 10));
	secret_free(&f.wrap);
	secret_move(&f.wrap, &old);
	assert_ok(audit_stop(f.audit, &stored));
	assert_ok(fixture_start(&f, &stored, &found));
	assert_int_equal(count_records(&f), 20);
	fixture_verify_ok(&f);
	fixture_close(&f);
}

/* Who has only the new key cannot read what was written under the old one, and the other way. */
static void
test_keys_are_needed(void **state)
{
	struct audit_recovery found;
	struct audit_head stored;
	struct secret both = { 0 };
	struct fixture f;

	(void)state;
	fixture_open(&f);
	assert_ok(fixture_append(&f, 10));
	rekey(&f);
	assert_ok(fixture_append(&f, 10));
	assert_ok(audit_stop(f.audit, &stored));
	secret_move(&both, &f.wrap);
	assert_ok(secret_copy(f.arena, both.p + KEY_BYTES, KEY_BYTES, &f.wrap));
	assert_int_equal(fixture_start(&f, &stored, &found), VAULT_INTEGRITY);
	secret_free(&f.wrap);
	assert_ok(secret_copy(f.arena, both.p, KEY_BYTES, &f.wrap));
	assert_ok(fixture_start(&f, &stored, &found));
	assert_false(fixture_verify(&f).ok);
	secret_free(&both);
	fixture_close(&f);
}

/* A scan goes on with the keys it began with. */
static void
test_a_scan_across_it(void **state)
{
	struct audit_range range = { .order = AUDIT_OLDEST };
	struct audit_record rec;
	struct audit_scan *scan;
	struct fixture f;
	uint64_t seq;
	uint32_t n = 0;

	(void)state;
	fixture_open(&f);
	assert_ok(fixture_append(&f, 10));
	rekey(&f);
	assert_ok(fixture_append(&f, 10));
	assert_ok(audit_scan_open(f.audit, &range, &scan));
	rekey(&f);
	rekey(&f);
	while (audit_scan_next(scan, &rec, &seq) == VAULT_OK)
		n += rec.event == AUDIT_EVENT_CALL;
	assert_int_equal(n, 20);
	audit_scan_close(scan);
	fixture_close(&f);
}

static void
test_slots_of_new_segments(void **state)
{
	struct audit_rekey *prepared;
	struct fixture f;
	struct file file;
	char path[128];

	(void)state;
	fixture_open(&f);
	snprintf(f.keys.slots[0].name, AUDIT_SLOT_NAME, "renamed");
	assert_ok(audit_rekey_prepare(f.audit, &f.keys, &prepared));
	audit_rekey(f.audit, prepared, SECOND);
	fixture_segment(&f, 2, path);
	file = file_load(path);
	assert_memory_equal(file.p + 144, "renamed", sizeof "renamed");
	free(file.p);
	fixture_close(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_old_segments_stay_readable),
		cmocka_unit_test(test_a_crash_before_going_over),
		cmocka_unit_test(test_a_crash_after_going_over),
		cmocka_unit_test(test_a_rekey_that_came_to_nothing),
		cmocka_unit_test(test_keys_are_needed),
		cmocka_unit_test(test_a_scan_across_it),
		cmocka_unit_test(test_slots_of_new_segments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
