#include "tests/unit/test_audit_fixture.h"

#include <sys/resource.h>

#include "vaultd/core/audit_walk.h"

/* The first event of that kind, newest first. */
static struct audit_record
event_find(struct fixture *f, enum audit_event event, struct audit_recovered *undone)
{
	struct audit_range range = { .order = AUDIT_NEWEST };
	struct audit_record rec = { 0 };
	struct audit_scan *scan;
	uint64_t seq;

	assert_ok(audit_scan_open(f->audit, &range, &scan));
	do
		assert_ok(audit_scan_next(scan, &rec, &seq));
	while (rec.event != event);
	if (undone != NULL)
		assert_ok(audit_record_recovered(&rec, undone));
	audit_scan_close(scan);
	return rec;
}

static void
what_a_crash_left_is_accepted(void **state)
{
	struct fixture f;
	struct audit_recovery found;
	struct audit_head stored;

	(void)state;
	fixture_open(&f);
	stored = f.head;
	assert_ok(fixture_append(&f, 5));
	assert_ok(audit_tick(f.audit, INT64_MAX)); /* zeros ahead, and an epoch's end */
	assert_ok(fixture_append(&f, 5));
	fixture_crash(&f);
	assert_ok(fixture_start(&f, &stored, &found));
	assert_false(found.clean);
	assert_int_equal(found.accepted, 3);
	assert_int_equal(found.undone.discarded, 0);
	assert_int_equal(found.undone.void_first, 0);
	assert_int_equal(f.head.seq, stored.seq + 5 + 1 + 5 + 1);
	event_find(&f, AUDIT_EVENT_RECOVERY, NULL);
	fixture_verify_ok(&f);
	fixture_close(&f);
}

static void
it_goes_on_over_a_rotation(void **state)
{
	struct fixture f;
	struct audit_recovery found;
	struct audit_head stored;

	(void)state;
	fixture_open(&f);
	stored = f.head;
	for (int i = 0; i < 100; i++)
		assert_ok(fixture_append(&f, 20));
	assert_true(f.head.segment > 2);
	fixture_crash(&f);
	assert_ok(fixture_start(&f, &stored, &found));
	assert_int_equal(found.accepted, 100);
	assert_int_equal(f.head.seq, stored.seq + 2001);
	fixture_verify_ok(&f);
	fixture_close(&f);
}

/* A crash between the flush of a change and its commit, then another before the recovery's own
 * commit. */
static void
a_change_that_was_not_committed_is_void(void **state)
{
	struct fixture f;
	struct audit_recovery found;
	struct audit_recovered undone;
	struct audit_head stored;
	struct audit_record rec;
	struct audit_range range = { .order = AUDIT_OLDEST };
	struct audit_scan *scan;
	uint64_t seq, voids = 0;

	(void)state;
	fixture_open(&f);
	assert_ok(fixture_append_from(&f, 1, 2, AUDIT_CHANGES));
	assert_ok(audit_flush(f.audit, &f.head));
	stored = f.head;
	assert_ok(fixture_append(&f, 5));
	assert_ok(fixture_append_from(&f, 1, 3, AUDIT_CHANGES));
	assert_ok(fixture_append(&f, 5));
	for (int i = 0; i < 3; i++) {
		fixture_crash(&f);
		assert_ok(fixture_start(&f, &stored, &found));
		/* Said once; the recoveries that come after read it in the segment's header. */
		assert_int_equal(found.undone.void_first, i == 0 ? stored.seq + 6 : 0);
		assert_int_equal(found.undone.void_last, i == 0 ? stored.seq + 8 : 0);
		event_find(&f, AUDIT_EVENT_RECOVERY, &undone);
		assert_int_equal(undone.void_first, found.undone.void_first);
		assert_int_equal(undone.void_last, found.undone.void_last);
	}
	for (int order = 0; order < 2; order++) {
		range.order = order == 0 ? AUDIT_OLDEST : AUDIT_NEWEST;
		assert_ok(audit_scan_open(f.audit, &range, &scan));
		while (audit_scan_next(scan, &rec, &seq) == VAULT_OK) {
			bool is = seq >= stored.seq + 6 && seq <= stored.seq + 8;

			assert_int_equal(rec.not_applied, is);
			if (is)
				assert_int_equal(rec.outcome, audit_outcome_error);
			voids += is;
		}
		audit_scan_close(scan);
	}
	assert_int_equal(voids, 6);
	stored = f.head;
	fixture_crash(&f);
	assert_ok(fixture_start(&f, &stored, &found));
	assert_int_equal(found.undone.void_first, 0);
	fixture_verify_ok(&f);
	fixture_close(&f);
}

/* The unseal after a crash is itself a change; it too may be cut short before its commit, again and
 * again. */
static void
crashes_in_a_row_each_leave_their_void_change(void **state)
{
	struct fixture f;
	struct audit_recovery found;
	struct audit_head stored;
	struct audit_record rec;
	struct audit_range range = { .order = AUDIT_OLDEST };
	struct audit_scan *scan;
	uint64_t seq, voids = 0;

	(void)state;
	fixture_open(&f);
	stored = f.head;
	for (int i = 0; i < 4; i++) {
		assert_ok(fixture_append_from(&f, 1, 1, AUDIT_CHANGES));
		seq = f.head.seq;
		fixture_crash(&f);
		assert_ok(fixture_start(&f, &stored, &found));
		assert_int_equal(found.undone.void_first, seq);
		assert_int_equal(found.undone.void_last, seq);
	}
	assert_ok(audit_scan_open(f.audit, &range, &scan));
	while (audit_scan_next(scan, &rec, &seq) == VAULT_OK)
		voids += rec.not_applied;
	audit_scan_close(scan);
	assert_int_equal(voids, 4);
	fixture_verify_ok(&f);
	fixture_close(&f);
}

/* A clean start between them settles nothing. */
static void
two_changes_over_a_restart_are_an_old_store(void **state)
{
	struct fixture f;
	struct audit_recovery found;
	struct audit_head stored;

	(void)state;
	fixture_open(&f);
	stored = f.head;
	assert_ok(fixture_append_from(&f, 1, 1, AUDIT_CHANGES));
	assert_ok(audit_stop(f.audit, &f.head));
	assert_ok(fixture_start(&f, &f.head, &found));
	assert_ok(fixture_append_from(&f, 2, 1, AUDIT_CHANGES));
	fixture_crash(&f);
	assert_int_equal(fixture_start(&f, &stored, &found), VAULT_INTEGRITY);
	fixture_close(&f);
}

static void
two_changes_behind_the_head_are_an_old_store(void **state)
{
	struct fixture f;
	struct audit_recovery found;
	struct audit_head stored;

	(void)state;
	fixture_open(&f);
	stored = f.head;
	assert_ok(fixture_append_from(&f, 1, 1, AUDIT_CHANGES));
	assert_ok(fixture_append_from(&f, 2, 1, AUDIT_CHANGES));
	fixture_crash(&f);
	assert_int_equal(fixture_start(&f, &stored, &found), VAULT_INTEGRITY);
	fixture_close(&f);
}

struct snapshot {
	struct file segment, epoch;
	char segment_path[128], epoch_path[128];
};

static void
snapshot_take(struct fixture *f, struct snapshot *s)
{
	fixture_segment(f, 1, s->segment_path);
	fixture_path(f, "epoch.key", s->epoch_path);
	s->segment = file_load(s->segment_path);
	s->epoch = file_load(s->epoch_path);
}

static void
snapshot_put(struct fixture *f, const struct snapshot *s, size_t len)
{
	audit_free(f->audit);
	fixture_remove_dir(f->dir);
	assert_int_equal(mkdir(f->dir, 0700), 0);
	file_save(s->segment_path, &s->segment, len);
	file_save(s->epoch_path, &s->epoch, s->epoch.len);
	fixture_new_audit(f);
}

static void
snapshot_free(struct snapshot *s)
{
	free(s->segment.p);
	free(s->epoch.p);
}

/* A cut anywhere behind the stored head loses the block it hits; one before it refuses unsealing.
 */
static void
a_cut_at_each_offset_is_recovered_or_refused(void **state)
{
	struct fixture f;
	struct snapshot s;
	struct audit_recovery found;
	struct audit_head stored, heads[4];
	int whole = 0;

	(void)state;
	fixture_open(&f);
	assert_ok(fixture_append(&f, 1));
	stored = heads[0] = f.head;
	for (int i = 1; i < 4; i++) {
		assert_ok(fixture_append_from(&f, 1, 2, i == 2 ? AUDIT_CHANGES : AUDIT_READS));
		heads[i] = f.head;
	}
	snapshot_take(&f, &s);
	for (size_t len = 0; len <= s.segment.len; len += len + 40 < stored.offset ? 37 : 1) {
		snapshot_put(&f, &s, len);
		if (len < stored.offset) {
			assert_int_equal(fixture_start(&f, &stored, &found), VAULT_INTEGRITY);
			continue;
		}
		while (whole < 3 && heads[whole + 1].offset <= len)
			whole++;
		assert_ok(fixture_start(&f, &stored, &found));
		assert_int_equal(found.accepted, whole);
		assert_int_equal(found.undone.void_first != 0, whole >= 2);
		assert_true(found.undone.discarded <= len - heads[whole].offset);
		assert_int_equal(f.head.seq, heads[whole].seq + 1);
		fixture_verify_ok(&f);
	}
	snapshot_free(&s);
	fixture_close(&f);
}

/* A flip before the head refuses; one behind it is a torn write: what is before it stays, what it
 * hits is cut off. */
static void
a_flip_at_each_offset_is_recovered_or_refused(void **state)
{
	struct fixture f;
	struct snapshot s;
	struct audit_recovery found;
	struct audit_head stored;

	(void)state;
	fixture_open(&f);
	assert_ok(fixture_append(&f, 1));
	stored = f.head;
	assert_ok(fixture_append(&f, 1));
	assert_ok(fixture_append(&f, 1));
	snapshot_take(&f, &s);
	for (size_t at = 0; at < s.segment.len; at++) {
		s.segment.p[at] ^= 0x10;
		snapshot_put(&f, &s, s.segment.len);
		s.segment.p[at] ^= 0x10;
		if (at < stored.offset) {
			assert_int_equal(fixture_start(&f, &stored, &found), VAULT_INTEGRITY);
			continue;
		}
		assert_ok(fixture_start(&f, &stored, &found));
		assert_true(found.undone.discarded > 0);
		assert_true(found.accepted < 2);
		fixture_verify_ok(&f);
	}
	snapshot_free(&s);
	fixture_close(&f);
}

static void
zeros_ahead_are_not_discarded_bytes(void **state)
{
	struct fixture f;
	struct audit_recovery found;
	struct stat st;
	char path[128];

	(void)state;
	fixture_open(&f);
	assert_ok(audit_tick(f.audit, 0));
	fixture_segment(&f, 1, path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, SEGMENT);
	fixture_crash(&f);
	assert_ok(fixture_start(&f, &f.head, &found));
	assert_int_equal(found.undone.discarded, 0);
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_size < SEGMENT);
	fixture_verify_ok(&f);
	fixture_close(&f);
}

static void
missing_files_refuse(void **state)
{
	const char *names[] = { "00000001.seg", "epoch.key" };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct fixture f;
		struct audit_recovery found;
		char path[128];

		fixture_open(&f);
		fixture_crash(&f);
		fixture_path(&f, names[i], path);
		assert_int_equal(unlink(path), 0);
		assert_int_equal(fixture_start(&f, &f.head, &found), VAULT_INTEGRITY);
		fixture_close(&f);
	}
}

static void
other_keys_and_heads_refuse(void **state)
{
	struct fixture f;
	struct audit_recovery found;
	struct audit_head wrong;

	(void)state;
	fixture_open(&f);
	assert_ok(fixture_append(&f, 1));
	assert_ok(audit_stop(f.audit, &f.head));
	for (int i = 0; i < 4; i++) {
		wrong = f.head;
		wrong.segment += i == 0;
		wrong.offset -= i == 1;
		wrong.seq += i == 2;
		wrong.hash[31] ^= i == 3;
		assert_int_equal(fixture_start(&f, &wrong, &found), VAULT_INTEGRITY);
	}
	f.wrap.p[0] ^= 1;
	assert_int_equal(fixture_start(&f, &f.head, &found), VAULT_INTEGRITY);
	f.wrap.p[0] ^= 1;
	f.keys.store_id[0] ^= 1;
	assert_int_equal(fixture_start(&f, &f.head, &found), VAULT_INTEGRITY);
	f.keys.store_id[0] ^= 1;
	assert_ok(fixture_start(&f, &f.head, &found));
	fixture_verify_ok(&f);
	fixture_close(&f);
}

/* A crash at each step of an epoch's end: what is on disk then is what epoch.key and the segment
 * held at that step. */
static void
a_crash_at_each_step_of_an_epochs_end(void **state)
{
	struct fixture f;
	struct snapshot before, after;
	struct audit_recovery found;
	struct audit_head stored;

	(void)state;
	fixture_open(&f);
	assert_ok(fixture_append(&f, 1));
	stored = f.head;
	snapshot_take(&f, &before);
	assert_ok(audit_tick(f.audit, INT64_MAX));
	snapshot_take(&f, &after);
	for (int step = 0; step < 4; step++) {
		struct snapshot s = step < 2 ? before : after;
		struct file both = { before.epoch.len, malloc(before.epoch.len + after.epoch.len) };

		/* Epoch 1 has the second slot, epoch 2 the first. */
		both.len = before.epoch.len > after.epoch.len ? before.epoch.len : after.epoch.len;
		memcpy(both.p, after.epoch.p, after.epoch.len);
		memcpy(both.p + 4096, before.epoch.p + 4096, before.epoch.len - 4096);
		if (step == 1 || step == 2)
			s.epoch = both;
		snapshot_put(&f, &s, s.segment.len);
		assert_ok(fixture_start(&f, &stored, &found));
		assert_ok(fixture_append(&f, 1));
		assert_ok(audit_tick(f.audit, 0)); /* the clock went back: signs */
		fixture_verify_ok(&f);
		free(both.p);
	}
	snapshot_free(&before);
	snapshot_free(&after);
	fixture_close(&f);
}

/* Too few descriptors to read what follows the head is no reason to cut it off. */
static void
what_cannot_be_read_is_not_cut_off(void **state)
{
	struct fixture f;
	struct audit_recovery found;
	struct audit_head stored;
	struct rlimit old, limit;
	int fd;

	(void)state;
	fixture_open(&f);
	stored = f.head;
	for (int i = 0; i < 100; i++)
		assert_ok(fixture_append(&f, 20));
	fixture_crash(&f);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	for (int free_fds = 0; free_fds < 3; free_fds++) {
		fd = open("/dev/null", O_RDONLY);
		limit = old;
		limit.rlim_cur = (rlim_t)fd + (rlim_t)free_fds;
		close(fd);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
		assert_int_not_equal(fixture_start(&f, &stored, &found), VAULT_OK);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	}
	assert_ok(fixture_start(&f, &stored, &found));
	assert_int_equal(found.accepted, 100);
	fixture_verify_ok(&f);
	fixture_close(&f);
}

static void
segments_that_do_not_join_up_are_set_aside(void **state)
{
	struct fixture f;
	struct audit_recovery found;
	struct file file;
	char path[128], next[128];

	(void)state;
	fixture_open(&f);
	fixture_segment(&f, 1, path);
	fixture_segment(&f, 2, next);
	file = file_load(path);
	fixture_crash(&f);
	file_save(next, &file, file.len);
	assert_ok(fixture_start(&f, &f.head, &found));
	assert_int_equal(f.head.segment, 2);
	fixture_verify_ok(&f);
	free(file.p);
	fixture_close(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_crash_left_is_accepted),
		cmocka_unit_test(it_goes_on_over_a_rotation),
		cmocka_unit_test(a_change_that_was_not_committed_is_void),
		cmocka_unit_test(crashes_in_a_row_each_leave_their_void_change),
		cmocka_unit_test(two_changes_over_a_restart_are_an_old_store),
		cmocka_unit_test(two_changes_behind_the_head_are_an_old_store),
		cmocka_unit_test(a_cut_at_each_offset_is_recovered_or_refused),
		cmocka_unit_test(a_flip_at_each_offset_is_recovered_or_refused),
		cmocka_unit_test(zeros_ahead_are_not_discarded_bytes),
		cmocka_unit_test(missing_files_refuse),
		cmocka_unit_test(other_keys_and_heads_refuse),
		cmocka_unit_test(a_crash_at_each_step_of_an_epochs_end),
		cmocka_unit_test(what_cannot_be_read_is_not_cut_off),
		cmocka_unit_test(segments_that_do_not_join_up_are_set_aside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
