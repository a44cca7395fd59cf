#include "tests/unit/test_audit_fixture.h"

#include <pthread.h>

#include "vaultd/core/audit_walk.h"

#define THREADS 4
#define APPENDS 300

static void
expect_range(struct fixture *f, struct audit_range range, uint32_t from, uint32_t to)
{
	struct audit_scan *scan;
	struct audit_record rec;
	uint32_t next = from;
	uint64_t seq;

	assert_ok(audit_scan_open(f->audit, &range, &scan));
	while (audit_scan_next(scan, &rec, &seq) == VAULT_OK) {
		if (rec.event != AUDIT_EVENT_CALL)
			continue;
		assert_int_equal(rec.version, next);
		assert_int_equal(rec.uid, 1000);
		assert_memory_equal(rec.jti.p, fixture_jti, sizeof(fixture_jti));
		next = range.order == AUDIT_NEWEST ? next - 1 : next + 1;
	}
	assert_int_equal(audit_scan_next(scan, &rec, &seq), VAULT_NOT_FOUND);
	assert_int_equal(next, range.order == AUDIT_NEWEST ? to - 1 : to + 1);
	audit_scan_close(scan);
}

static void
what_was_appended_is_found_in_both_orders(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f);
	assert_int_equal(f.head.seq, 1);
	assert_ok(fixture_append_from(&f, 1, 10, AUDIT_READS));
	assert_ok(fixture_append_from(&f, 11, 5, AUDIT_CHANGES));
	assert_ok(audit_flush(f.audit, &f.head));
	assert_int_equal(f.head.seq, 16);
	expect_range(&f, (struct audit_range){ .order = AUDIT_OLDEST }, 1, 15);
	expect_range(&f, (struct audit_range){ .order = AUDIT_NEWEST }, 15, 1);
	fixture_verify_ok(&f);
	fixture_close(&f);
}

static void
segments_rotate_with_and_without_the_keeper(void **state)
{
	for (int keeper = 0; keeper < 2; keeper++) {
		struct fixture f;

		fixture_open(&f);
		for (uint32_t i = 0; i < 200; i++) {
			assert_ok(fixture_append_from(&f, 1 + i * 20, 20, AUDIT_READS));
			if (keeper)
				assert_ok(audit_tick(f.audit, i * SECOND / 2));
		}
		assert_true(f.head.segment > 3);
		fixture_verify_ok(&f);
		expect_range(&f, (struct audit_range){ .order = AUDIT_OLDEST }, 1, 4000);
		expect_range(&f, (struct audit_range){ .order = AUDIT_NEWEST }, 4000, 1);
		assert_ok(audit_stop(f.audit, &f.head));
		fixture_close(&f);
	}
	(void)state;
}

static void
cursors_and_times_bound_a_scan(void **state)
{
	struct fixture f;
	struct audit_range range = { 0 };

	(void)state;
	fixture_open(&f);
	for (uint32_t i = 0; i < 200; i++)
		assert_ok(fixture_append_from(&f, 1 + i * 20, 20, AUDIT_READS));
	/* Record n has sequence n + 1: the first is the audit's own. */
	for (uint32_t at = 1; at < 4000; at += 379) {
		range = (struct audit_range){ .order = AUDIT_OLDEST, .cursor = at + 1 };
		expect_range(&f, range, at + 1, 4000);
		range = (struct audit_range){ .order = AUDIT_NEWEST, .cursor = at + 1 };
		expect_range(&f, range, at - 1, 1);
		range = (struct audit_range){ .since_ns = at * SECOND,
					      .until_ns = (at + 25) * SECOND };
		range.order = AUDIT_OLDEST;
		expect_range(&f, range, at, at + 24 > 4000 ? 4000 : at + 24);
		range.order = AUDIT_NEWEST;
		expect_range(&f, range, at + 24 > 4000 ? 4000 : at + 24, at);
	}
	fixture_close(&f);
}

static void
a_large_turn_is_split_and_a_large_change_refused(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f);
	assert_ok(fixture_append_from(&f, 1, 3000, AUDIT_READS));
	expect_range(&f, (struct audit_range){ .order = AUDIT_OLDEST }, 1, 3000);
	assert_int_equal(fixture_append_from(&f, 1, 3000, AUDIT_CHANGES), VAULT_TOO_LARGE);
	fixture_verify_ok(&f);
	fixture_close(&f);
}

struct worker {
	struct fixture *f;
	enum audit_class what;
	atomic_bool *stop;
};

static void *
worker_run(void *arg)
{
	struct worker *w = arg;
	struct fixture own = *w->f;

	for (uint32_t i = 0; i < APPENDS; i++) {
		assert_ok(fixture_append_from(&own, 1, 1 + i % 20, w->what));
		if (w->what == AUDIT_CHANGES && i % 16 == 0)
			assert_ok(audit_flush(own.audit, &own.head));
	}
	return NULL;
}

static void *
keeper_run(void *arg)
{
	struct worker *w = arg;

	for (int64_t now = 0; !atomic_load(w->stop); now += SECOND / 3) {
		assert_ok(audit_tick(w->f->audit, now));
		usleep(500);
	}
	return NULL;
}

static void *
reader_run(void *arg)
{
	struct worker *w = arg;
	struct audit_range range = { .order = AUDIT_NEWEST };

	while (!atomic_load(w->stop)) {
		struct audit_scan *scan;
		struct audit_record rec;
		uint64_t seq, last = UINT64_MAX;

		assert_ok(audit_scan_open(w->f->audit, &range, &scan));
		for (int i = 0; i < 2000 && audit_scan_next(scan, &rec, &seq) == VAULT_OK; i++) {
			assert_true(last == UINT64_MAX || seq == last - 1);
			last = seq;
		}
		audit_scan_close(scan);
		fixture_verify_ok(w->f);
	}
	return NULL;
}

static void
threads_get_contiguous_sequences(void **state)
{
	struct fixture f;
	atomic_bool stop = false;
	struct worker workers[THREADS], side = { &f, AUDIT_READS, &stop };
	pthread_t threads[THREADS], keeper, reader;
	struct audit_scan *scan;
	struct audit_range range = { .order = AUDIT_OLDEST };
	struct audit_record rec;
	uint64_t seq, next = 1, calls = 0;

	(void)state;
	fixture_open(&f);
	pthread_create(&keeper, NULL, keeper_run, &side);
	pthread_create(&reader, NULL, reader_run, &side);
	for (int i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){ &f, i == 0 ? AUDIT_CHANGES : AUDIT_READS, &stop };
		pthread_create(&threads[i], NULL, worker_run, &workers[i]);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	atomic_store(&stop, true);
	pthread_join(keeper, NULL);
	pthread_join(reader, NULL);
	assert_ok(audit_scan_open(f.audit, &range, &scan));
	while (audit_scan_next(scan, &rec, &seq) == VAULT_OK) {
		assert_int_equal(seq, next);
		next++;
		calls += rec.event == AUDIT_EVENT_CALL;
	}
	audit_scan_close(scan);
	assert_int_equal(calls, THREADS * APPENDS / 20 * 210);
	fixture_verify_ok(&f);
	fixture_close(&f);
}

static void
the_tail_is_zeros_written_ahead_and_a_stop_cuts_it(void **state)
{
	struct fixture f;
	struct audit_recovery found;
	struct stat st;
	char path[128];

	(void)state;
	fixture_open(&f);
	fixture_segment(&f, 1, path);
	assert_ok(fixture_append(&f, 3));
	assert_ok(audit_tick(f.audit, SECOND));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, SEGMENT);
	fixture_verify_ok(&f);
	assert_ok(audit_stop(f.audit, &f.head));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, f.head.offset);
	assert_ok(fixture_start(&f, &f.head, &found));
	assert_true(found.clean);
	assert_int_equal(f.head.segment, 2);
	fixture_verify_ok(&f);
	fixture_close(&f);
}

static void
stopped_it_answers_sealed(void **state)
{
	struct fixture f;
	struct audit_check check = { 0 };
	struct audit_range range = { 0 };
	struct audit_verdict verdict;
	struct audit_status status;
	struct audit_scan *scan;

	(void)state;
	fixture_open(&f);
	assert_ok(audit_stop(f.audit, &f.head));
	assert_int_equal(fixture_append(&f, 1), VAULT_SEALED);
	assert_int_equal(audit_flush(f.audit, &f.head), VAULT_SEALED);
	assert_int_equal(audit_tick(f.audit, 0), VAULT_SEALED);
	assert_int_equal(audit_scan_open(f.audit, &range, &scan), VAULT_SEALED);
	assert_int_equal(audit_verify(f.audit, &check, &verdict), VAULT_SEALED);
	assert_int_equal(audit_stop(f.audit, &f.head), VAULT_SEALED);
	audit_status(f.audit, &status);
	assert_false(status.running || status.ok);
	fixture_close(&f);
}

/* Who has a slot's secret can read old segments: the key in a header's slot table is the one that
 * sealed its blocks. */
static void
a_slot_opens_a_segment(void **state)
{
	struct fixture f;
	struct file file;
	struct audit_block block;
	char path[128];
	uint8_t *row, records[256];

	SECRET_LOCAL(key);

	(void)state;
	fixture_open(&f);
	fixture_segment(&f, 1, path);
	file = file_load(path);
	row = file.p + AUDIT_HEADER_FIXED;
	assert_string_equal((char *)row, "initial");
	assert_ok(secret_new(f.arena, AEAD_KEY_BYTES, &key));
	assert_ok(box_open(
		f.keys.slots[0].public_key, &f.slot_secret,
		(struct vault_bytes){ row + AUDIT_SLOT_NAME, AEAD_KEY_BYTES + BOX_OVERHEAD },
		key.p));
	row += AUDIT_SLOT_ROW + AUDIT_HEADER_TAIL;
	assert_ok(audit_block_read(row, &block));
	assert_ok(audit_block_open(&key, &block, row, records));
	secret_free(&key);
	free(file.p);
	fixture_close(&f);
}

static void
a_new_store_sets_old_segments_aside(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f);
	assert_ok(fixture_append(&f, 2));
	fixture_crash(&f);
	assert_ok(audit_create(f.audit, &f.keys, f.first_key, &f.head));
	assert_int_equal(f.head.seq, 1);
	fixture_verify_ok(&f);
	fixture_close(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_appended_is_found_in_both_orders),
		cmocka_unit_test(segments_rotate_with_and_without_the_keeper),
		cmocka_unit_test(cursors_and_times_bound_a_scan),
		cmocka_unit_test(a_large_turn_is_split_and_a_large_change_refused),
		cmocka_unit_test(threads_get_contiguous_sequences),
		cmocka_unit_test(the_tail_is_zeros_written_ahead_and_a_stop_cuts_it),
		cmocka_unit_test(stopped_it_answers_sealed),
		cmocka_unit_test(a_slot_opens_a_segment),
		cmocka_unit_test(a_new_store_sets_old_segments_aside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
