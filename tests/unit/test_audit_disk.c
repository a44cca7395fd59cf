#include "tests/unit/test_audit_fixture.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "vaultd/core/audit_walk.h"

/* One answer of audit_unavailable, then work again; the new segment tells of the loss. */
static void
expect_loss(struct fixture *f, uint64_t segment, uint64_t offset)
{
	struct audit_range range = { .order = AUDIT_NEWEST };
	struct audit_record rec;
	struct audit_status status;
	struct audit_lost lost;
	struct audit_scan *scan;
	uint64_t seq, before = f->head.seq;

	assert_int_equal(fixture_append(f, 1), VAULT_AUDIT_UNAVAILABLE);
	audit_status(f->audit, &status);
	assert_false(status.ok);
	assert_ok(fixture_append(f, 1));
	audit_status(f->audit, &status);
	assert_true(status.ok);
	assert_int_equal(f->head.segment, segment + 1);
	assert_int_equal(f->head.seq, before + 2);
	assert_ok(audit_flush(f->audit, &f->head));
	assert_ok(audit_scan_open(f->audit, &range, &scan));
	do
		assert_ok(audit_scan_next(scan, &rec, &seq));
	while (rec.event != AUDIT_EVENT_LOST);
	assert_ok(audit_record_lost(&rec, &lost));
	assert_int_equal(lost.segment, segment);
	assert_int_equal(lost.offset, offset);
	audit_scan_close(scan);
	assert_false(fixture_verify(f).ok);
}

static void
a_deleted_file_is_told_and_replaced(void **state)
{
	struct fixture f;
	char path[128];

	(void)state;
	for (int keeper = 0; keeper < 2; keeper++) {
		fixture_open(&f);
		assert_ok(fixture_append(&f, 2));
		fixture_segment(&f, 1, path);
		assert_int_equal(unlink(path), 0);
		if (keeper)
			assert_ok(audit_tick(f.audit, 0));
		expect_loss(&f, 1, f.head.offset);
		assert_ok(audit_tick(f.audit, 0));
		fixture_close(&f);
	}
}

static void
a_replaced_file_is_found_by_the_keeper(void **state)
{
	struct fixture f;
	char path[128], other[128];
	struct file file;

	(void)state;
	fixture_open(&f);
	assert_ok(fixture_append(&f, 2));
	fixture_segment(&f, 1, path);
	fixture_path(&f, "other", other);
	file = file_load(path);
	file.p[400] ^= 1;
	assert_int_equal(rename(path, other), 0);
	file_save(path, &file, file.len);
	assert_ok(audit_tick(f.audit, 0));
	expect_loss(&f, 1, f.head.offset);
	free(file.p);
	fixture_close(&f);
}

static void
a_truncated_file_is_told_and_replaced(void **state)
{
	struct fixture f;
	char path[128];

	(void)state;
	fixture_open(&f);
	assert_ok(fixture_append(&f, 2));
	fixture_segment(&f, 1, path);
	assert_int_equal(truncate(path, (off_t)f.head.offset - 1), 0);
	expect_loss(&f, 1, f.head.offset);
	fixture_close(&f);
}

/* Zeros cut off are no loss. */
static void
a_cut_zero_tail_is_no_loss(void **state)
{
	struct fixture f;
	char path[128];

	(void)state;
	fixture_open(&f);
	assert_ok(audit_tick(f.audit, 0));
	fixture_segment(&f, 1, path);
	assert_ok(fixture_append(&f, 2));
	assert_int_equal(truncate(path, (off_t)f.head.offset), 0);
	assert_ok(fixture_append(&f, 2));
	fixture_verify_ok(&f);
	fixture_close(&f);
}

static void
the_whole_directory_may_go(void **state)
{
	struct fixture f;
	struct audit_recovery found;

	(void)state;
	fixture_open(&f);
	assert_ok(fixture_append(&f, 2));
	fixture_remove_dir(f.dir);
	expect_loss(&f, 1, f.head.offset);
	assert_ok(audit_tick(f.audit, INT64_MAX));
	assert_ok(audit_stop(f.audit, &f.head));
	assert_ok(fixture_start(&f, &f.head, &found));
	fixture_close(&f);
}

static void
a_loss_before_the_stop_leaves_a_head_that_starts(void **state)
{
	struct fixture f;
	struct audit_recovery found;
	char path[128];

	(void)state;
	fixture_open(&f);
	assert_ok(fixture_append(&f, 2));
	fixture_segment(&f, 1, path);
	assert_int_equal(unlink(path), 0);
	assert_ok(audit_stop(f.audit, &f.head));
	assert_int_equal(f.head.segment, 2);
	assert_ok(fixture_start(&f, &f.head, &found));
	fixture_close(&f);
}

/* The numbers of a segment's blocks, each a nonce, rise strictly; failed writes left gaps. */
static uint64_t
numbers_check(struct fixture *f, uint64_t segment)
{
	struct audit_opener opener = { .arena = f->arena,
				       .wrap_key = &f->wrap,
				       .store_id = f->keys.store_id };
	int dir = open(f->dir, O_RDONLY | O_DIRECTORY);
	uint64_t next = 0, gaps = 0;
	struct audit_block block;
	struct audit_walk walk;

	audit_walk_init(&walk, dir, &opener);
	assert_ok(audit_walk_begin(&walk, segment));
	while (audit_walk_next(&walk, &block) == VAULT_OK) {
		assert_true(block.number >= next);
		gaps += block.number - next;
		next = block.number + 1;
	}
	audit_walk_free(&walk);
	close(dir);
	return gaps;
}

/* RLIMIT_FSIZE makes a write end in the middle, without a file system of its own. */
static void
a_write_that_ends_in_the_middle_is_cut_back(void **state)
{
	struct fixture f;
	struct rlimit old, limit;
	struct stat st;
	char path[128];

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	fixture_open(&f);
	assert_ok(fixture_append(&f, 2));
	fixture_segment(&f, 1, path);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	limit = old;
	limit.rlim_cur = f.head.offset + 100;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(fixture_append(&f, 2), VAULT_AUDIT_UNAVAILABLE);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_size, f.head.offset);
	}
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_ok(fixture_append(&f, 2));
	assert_int_equal(numbers_check(&f, 1), 5);
	fixture_verify_ok(&f);
	fixture_close(&f);
}

static bool
small_disk(const char *dir)
{
	/* In a mount namespace of its own, so that nothing stays behind. */
	return unshare(CLONE_NEWNS) == 0 &&
	       mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("tmpfs", dir, "tmpfs", 0, "size=512k") == 0;
}

static int
ballast(const struct fixture *f)
{
	char path[128];
	uint8_t zeros[4096] = { 0 };
	int fd;

	fixture_path(f, "ballast", path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	while (write(fd, zeros, sizeof(zeros)) > 0)
		;
	assert_int_equal(errno, ENOSPC);
	return fd;
}

static void
a_full_disk_answers_and_recovers(void **state)
{
	struct fixture f;
	struct audit_recovery found;
	int fd, done = 0;

	(void)state;
	fixture_bare(&f);
	/* Needs root, as the suite does: a file system that could not be mounted is a failure. */
	assert_true(small_disk(f.dir));
	assert_ok(audit_create(f.audit, &f.keys, f.first_key, &f.head));
	for (int round = 0; round < 3; round++) {
		fd = ballast(&f);
		while (fixture_append(&f, 20) == VAULT_OK)
			assert_true(done++ < 1000);
		for (int i = 0; i < 5; i++) {
			assert_int_equal(fixture_append(&f, 20), VAULT_AUDIT_UNAVAILABLE);
			assert_int_not_equal(audit_tick(f.audit, i * 2 * SECOND), VAULT_INTERNAL);
		}
		fixture_verify_ok(&f);
		assert_int_equal(ftruncate(fd, 0), 0);
		close(fd);
		assert_ok(fixture_append(&f, 20));
		assert_ok(audit_flush(f.audit, &f.head));
		fixture_verify_ok(&f);
	}
	/* Stopped while full: the head is good without its last signature. */
	fd = ballast(&f);
	while (fixture_append(&f, 1) == VAULT_OK)
		;
	assert_int_not_equal(audit_stop(f.audit, &f.head), VAULT_INTERNAL);
	assert_int_equal(fixture_start(&f, &f.head, &found), VAULT_AUDIT_UNAVAILABLE);
	assert_int_equal(ftruncate(fd, 0), 0);
	close(fd);
	assert_ok(fixture_start(&f, &f.head, &found));
	fixture_verify_ok(&f);
	for (uint64_t segment = 1; segment <= f.head.segment; segment++)
		numbers_check(&f, segment);
	audit_free(f.audit);
	f.audit = NULL;
	assert_int_equal(umount2(f.dir, MNT_DETACH), 0);
	fixture_close(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_deleted_file_is_told_and_replaced),
		cmocka_unit_test(a_replaced_file_is_found_by_the_keeper),
		cmocka_unit_test(a_truncated_file_is_told_and_replaced),
		cmocka_unit_test(a_cut_zero_tail_is_no_loss),
		cmocka_unit_test(the_whole_directory_may_go),
		cmocka_unit_test(a_loss_before_the_stop_leaves_a_head_that_starts),
		cmocka_unit_test(a_write_that_ends_in_the_middle_is_cut_back),
		cmocka_unit_test(a_full_disk_answers_and_recovers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
