#include "vaultd/core/unseal_guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <unistd.h>

#include "tests/unit/lib/directory.h"

#define assert_ok(expression) assert_int_equal((expression), VAULT_OK)
#define MINUTE 60

struct fixture {
	char dir[DIRECTORY_MAX];
	int fd;
	struct unseal_guard guard;
	struct clock_now now;
	uint8_t boot[BOOT_ID_BYTES]; /* another after each restart */
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	assert_non_null(f);
	directory_make(f->dir);
	f->fd = open(f->dir, O_RDONLY | O_DIRECTORY);
	f->now = (struct clock_now){ .wall = 1800000000, .boot_ms = 5000000 };
	unseal_guard_load(&f->guard, f->fd, f->boot, &f->now);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	close(f->fd);
	directory_remove(f->dir);
	free(f);
	return 0;
}

static void
pass(struct fixture *f, int64_t seconds)
{
	f->now.wall += seconds;
	f->now.boot_ms += seconds * 1000;
}

/* Another process, after another boot, with the wall clock moved by so much. */
static void
restart(struct fixture *f, int64_t moved)
{
	f->now.wall += moved;
	f->now.boot_ms = 1000;
	f->boot[0]++;
	unseal_guard_load(&f->guard, f->fd, f->boot, &f->now);
}

static void
failures(struct fixture *f, int n)
{
	for (int i = 0; i < n; i++)
		assert_ok(unseal_guard_failed(&f->guard, &f->now));
}

/* Milliseconds for which it is locked; 0: it is not. */
static int64_t
locked(struct fixture *f)
{
	int64_t retry = -1;

	if (unseal_guard_check(&f->guard, &f->now, &retry) == VAULT_OK) {
		assert_int_equal(retry, -1);
		return 0;
	}
	assert_true(retry > 0);
	return retry;
}

static void
write_guard_file(struct fixture *f, const char *text)
{
	char path[DIRECTORY_MAX + 32];
	FILE *file;

	snprintf(path, sizeof path, "%s/unseal.failures", f->dir);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static bool
guard_file_exists(struct fixture *f)
{
	return faccessat(f->fd, "unseal.failures", F_OK, 0) == 0;
}

/* Another process in the same boot, with the wall clock moved by so much. */
static void
start_again(struct fixture *f, int64_t moved)
{
	f->now.wall += moved;
	unseal_guard_load(&f->guard, f->fd, f->boot, &f->now);
}

static void
test_a_moved_clock_within_one_boot(void **state)
{
	static const int64_t moves[] = { 0, -365 * 86400, 3600, INT64_C(3650) * 86400 };
	struct fixture *f = *state;

	memset(f->boot, 7, sizeof f->boot);
	start_again(f, 0);
	failures(f, 3);
	for (size_t i = 0; i < sizeof moves / sizeof *moves; i++)
		start_again(f, moves[i]);
	failures(f, 1);
	assert_int_equal(locked(f), 0);
	failures(f, 1);
	assert_int_equal(locked(f), UNSEAL_LOCK_MS);
	for (size_t i = 0; i < sizeof moves / sizeof *moves; i++) {
		pass(f, MINUTE);
		start_again(f, moves[i]);
		assert_int_equal(locked(f), UNSEAL_LOCK_MS - ((int64_t)i + 1) * MINUTE * 1000);
	}
	pass(f, 26 * MINUTE);
	start_again(f, -365 * 86400);
	assert_int_equal(locked(f), 0);
}

static void
test_five_failures_lock(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(locked(f), 0);
	failures(f, 4);
	assert_int_equal(locked(f), 0);
	failures(f, 1);
	assert_int_equal(locked(f), UNSEAL_LOCK_MS);
	pass(f, 30 * MINUTE - 1);
	assert_int_equal(locked(f), 1000);
	pass(f, 1);
	assert_int_equal(locked(f), 0);
	failures(f, 4);
	assert_int_equal(locked(f), 0);
	failures(f, 1);
	assert_int_equal(locked(f), UNSEAL_LOCK_MS);
}

static void
test_only_within_the_window(void **state)
{
	struct fixture *f = *state;

	failures(f, 2);
	pass(f, 10 * MINUTE);
	failures(f, 2);
	pass(f, 20 * MINUTE);
	/* The first two no longer count. */
	failures(f, 2);
	assert_int_equal(locked(f), 0);
	failures(f, 1);
	assert_int_equal(locked(f), UNSEAL_LOCK_MS);
}

static void
test_one_at_a_time_never_locks(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 50; i++) {
		failures(f, 1);
		assert_int_equal(locked(f), 0);
		pass(f, 8 * MINUTE);
	}
}

static void
test_success_forgets(void **state)
{
	struct fixture *f = *state;

	failures(f, 4);
	assert_true(guard_file_exists(f));
	assert_ok(unseal_guard_succeeded(&f->guard));
	assert_false(guard_file_exists(f));
	assert_ok(unseal_guard_succeeded(&f->guard));
	failures(f, 4);
	assert_int_equal(locked(f), 0);
}

static void
test_restart(void **state)
{
	struct fixture *f = *state;

	failures(f, 3);
	restart(f, 0);
	failures(f, 1);
	restart(f, 5 * MINUTE);
	assert_int_equal(locked(f), 0);
	failures(f, 1);
	assert_int_equal(locked(f), UNSEAL_LOCK_MS);
	pass(f, 10 * MINUTE);
	restart(f, 0);
	assert_int_equal(locked(f), 20 * MINUTE * 1000);
	restart(f, 20 * MINUTE);
	assert_int_equal(locked(f), 0);
}

/* Failures before a restart age on after it. */
static void
test_restart_after_the_window(void **state)
{
	struct fixture *f = *state;

	failures(f, 4);
	restart(f, 31 * MINUTE);
	failures(f, 4);
	assert_int_equal(locked(f), 0);
}

static void
test_clock_moved(void **state)
{
	struct fixture *f = *state;

	failures(f, 5);
	/* Back by a year: no longer than a whole lock. */
	restart(f, -365 * 24 * 60 * MINUTE);
	assert_int_equal(locked(f), UNSEAL_LOCK_MS);
	pass(f, 30 * MINUTE);
	assert_int_equal(locked(f), 0);
	/* While it runs the wall clock does not matter. */
	failures(f, 5);
	f->now.wall += 365 * 24 * 60 * MINUTE;
	assert_int_equal(locked(f), UNSEAL_LOCK_MS);
	f->now.wall -= 2 * 365 * 24 * 60 * MINUTE;
	assert_int_equal(locked(f), UNSEAL_LOCK_MS);
}

/* Failures from the future count as of now, and age. */
static void
test_clock_moved_back_with_failures(void **state)
{
	struct fixture *f = *state;

	failures(f, 4);
	restart(f, -365 * 24 * 60 * MINUTE);
	pass(f, 31 * MINUTE);
	failures(f, 1);
	assert_int_equal(locked(f), 0);
	failures(f, 4);
	assert_int_equal(locked(f), UNSEAL_LOCK_MS);
}

/* A lock that has run out leaves nothing behind that a clock moved back could bring to life. */
static void
test_success_after_a_lock_forgets(void **state)
{
	struct fixture *f = *state;

	failures(f, 5);
	pass(f, 31 * MINUTE);
	assert_int_equal(locked(f), 0);
	assert_ok(unseal_guard_succeeded(&f->guard));
	assert_false(guard_file_exists(f));
	restart(f, -20 * MINUTE);
	assert_int_equal(locked(f), 0);
}

static void
test_files_that_are_none(void **state)
{
	static const char *const texts[] = {
		"",	    "\n\n",	 "locked\n",	"locked x\n",
		"failed\n", "garbage\n", "locked -5\n", "failed -5\n"
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		write_guard_file(f, texts[i]);
		restart(f, 0);
		assert_int_equal(locked(f), 0);
		failures(f, 4);
		assert_int_equal(locked(f), 0);
	}
}

/*
 * More failures in the file than the guard itself would keep are five, not an array's end overrun.
 */
static void
test_a_file_of_many_failures(void **state)
{
	struct fixture *f = *state;
	char text[512] = "";

	for (int i = 0; i < 8; i++)
		snprintf(text + strlen(text), sizeof text - strlen(text), "failed %lld\n",
			 (long long)f->now.wall);
	write_guard_file(f, text);
	restart(f, 0);
	failures(f, 1);
	assert_true(f->guard.count <= UNSEAL_FAILURES_MAX);
	assert_int_equal(locked(f), UNSEAL_LOCK_MS);
}

static void
test_a_file_of_times_beyond_reason(void **state)
{
	struct fixture *f = *state;

	write_guard_file(f, "locked 9223372036854775807\n");
	restart(f, 0);
	assert_int_equal(locked(f), UNSEAL_LOCK_MS);
	write_guard_file(f, "failed -9223372036854775808\nfailed 9223372036854775807\n");
	restart(f, 0);
	failures(f, 3);
	assert_int_equal(locked(f), 0);
}

/* Where it cannot be written, the caller must not be answered. */
static void
test_an_unwritable_directory(void **state)
{
	struct fixture *f = *state;

	f->guard.dir = -1;
	assert_int_equal(unseal_guard_failed(&f->guard, &f->now), VAULT_INTERNAL);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_five_failures_lock),
		TEST(test_a_moved_clock_within_one_boot),
		TEST(test_only_within_the_window),
		TEST(test_one_at_a_time_never_locks),
		TEST(test_success_forgets),
		TEST(test_restart),
		TEST(test_restart_after_the_window),
		TEST(test_clock_moved),
		TEST(test_clock_moved_back_with_failures),
		TEST(test_success_after_a_lock_forgets),
		TEST(test_files_that_are_none),
		TEST(test_a_file_of_many_failures),
		TEST(test_a_file_of_times_beyond_reason),
		TEST(test_an_unwritable_directory),
	};

	return cmocka_run_group_tests_name("unseal_guard", tests, NULL, NULL);
}
