/* What is told of long work. */
#include "vaultd/core/work.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define ROUNDS 20000

static void
test_begin_and_end(void **state)
{
	struct work work = { 0 };
	struct work_seen seen;

	(void)state;
	assert_false(work_read(&work, &seen));
	work_more(&work, 3); /* of nobody's */
	work_end(&work);
	assert_false(work_read(&work, &seen));
	work_begin(&work, OP_audit_verify, "records", 77);
	assert_true(work_read(&work, &seen));
	assert_int_equal(seen.op, OP_audit_verify);
	assert_string_equal(seen.unit, "records");
	assert_int_equal(seen.since, 77);
	assert_int_equal(seen.done, 0);
	assert_int_equal(seen.total, 0);
	work_tell(&work, 2, 10);
	work_more(&work, 3);
	assert_true(work_read(&work, &seen));
	assert_int_equal(seen.done, 5);
	assert_int_equal(seen.total, 10);
	work_more(&work, 30);
	assert_true(work_read(&work, &seen));
	assert_int_equal(seen.done, 10);
	/* Another one in its place. */
	work_begin(&work, OP_sys_check, "entries", 78);
	assert_true(work_read(&work, &seen));
	assert_int_equal(seen.op, OP_sys_check);
	assert_int_equal(seen.done, 0);
	work_end(&work);
	work_end(&work);
	assert_false(work_read(&work, &seen));
}

static void *
change(void *arg)
{
	struct work *work = arg;

	for (int i = 0; i < ROUNDS; i++) {
		bool check = i % 2 == 0;

		work_begin(work, check ? OP_sys_check : OP_audit_verify,
			   check ? "entries" : "records", check);
		work_tell(work, 1, 2);
		if (i % 3 == 0)
			work_end(work);
	}
	work_end(work);
	return NULL;
}

/* A reader never sees one's method beside another's unit. */
static void
test_read_while_it_changes(void **state)
{
	struct work work = { 0 };
	struct work_seen seen;
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, change, &work), 0);
	for (int i = 0; i < ROUNDS; i++)
		if (work_read(&work, &seen)) {
			bool check = seen.op == OP_sys_check;

			assert_string_equal(seen.unit, check ? "entries" : "records");
			assert_int_equal(seen.since, check);
			assert_true(seen.total == 0 || seen.done <= seen.total);
		}
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_false(work_read(&work, &seen));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_begin_and_end),
		cmocka_unit_test(test_read_while_it_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
