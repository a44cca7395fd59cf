/* Rows that are forgotten at a time, and clocks that jump. */
#include "tests/unit/lib/vault.h"

#include <stdlib.h>
#include <string.h>

#include "vaultd/core/expiry.h"

#define START INT64_C(1800000000)
#define DAY 86400

/* A committer's operation, by a clock of the test's own. */
struct bed {
	struct test_vault *t;
	struct txn *txn;
	struct change change;
	struct op op;
};

static int
setup(void **state)
{
	struct bed *bed = calloc(1, sizeof *bed);

	bed->t = test_vault_new();
	test_vault_init(bed->t);
	assert_ok(txn_write(bed->t->vault.store, &bed->txn));
	change_start(&bed->change, bed->txn);
	bed->op = (struct op){ .vault = &bed->t->vault,
			       .txn = bed->txn,
			       .change = &bed->change,
			       .now = { .wall = START, .boot_ms = 5000 } };
	*state = bed;
	return 0;
}

static int
teardown(void **state)
{
	struct bed *bed = *state;

	txn_abort(bed->txn);
	test_vault_free(bed->t);
	free(bed);
	return 0;
}

static void
pass(struct bed *bed, int64_t seconds)
{
	bed->op.now.wall += seconds;
	bed->op.now.boot_ms += seconds * 1000;
}

static struct row
put(struct bed *bed, uint8_t n, int64_t before, int64_t at)
{
	struct row row = { .key = { .tenant = 70000, .kind = ROW_TOKEN_USE } };
	const struct vault_bytes sealed = { (const uint8_t *)"row", 3 };

	/* Many begin alike, so that the id has to tell which it is. */
	memset(row.key.tag, 7, ROW_TAG_BYTES);
	row.key.tag[ROW_TAG_BYTES - 1] = n;
	assert_ok(row_insert(bed->txn, &row.key, sealed, &row.id));
	assert_ok(expiry_put(&bed->op, &row.key, row.id, 0, at));
	if (before != 0)
		assert_ok(expiry_put(&bed->op, &row.key, row.id, at, before));
	return row;
}

static bool
there(struct bed *bed, const struct row *row)
{
	uint64_t id;

	return row_linked(bed->txn, &row->key, &id) == VAULT_OK;
}

static void
sweep(struct bed *bed)
{
	assert_ok(expiry_sweep(&bed->op, 2));
}

static void
the_oldest_go_first_and_few_at_a_time(void **state)
{
	struct bed *bed = *state;
	struct row rows[5];

	for (uint8_t i = 0; i < 5; i++)
		rows[i] = put(bed, i, 0, START + (5 - i) * DAY);
	sweep(bed);
	pass(bed, 10 * DAY);
	sweep(bed);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(there(bed, &rows[i]), i < 3);
	assert_int_equal(bed->change.count, 2);
	sweep(bed);
	sweep(bed);
	for (unsigned i = 0; i < 5; i++)
		assert_false(there(bed, &rows[i]));
	sweep(bed);
	assert_int_equal(bed->change.count, 5);
}

static void
none_goes_before_its_time(void **state)
{
	struct bed *bed = *state;
	struct row row = put(bed, 1, 0, START + DAY);

	sweep(bed);
	pass(bed, DAY - 1);
	sweep(bed);
	assert_true(there(bed, &row));
	/* Within the hour after it. */
	pass(bed, 3601);
	sweep(bed);
	assert_false(there(bed, &row));
}

static void
a_later_time_replaces_the_one_before(void **state)
{
	struct bed *bed = *state;
	struct row row = put(bed, 1, START + 9 * DAY, START + DAY);

	sweep(bed);
	pass(bed, 5 * DAY);
	sweep(bed);
	assert_true(there(bed, &row));
	pass(bed, 5 * DAY);
	sweep(bed);
	assert_false(there(bed, &row));
}

/* A token's revocation may have to last until the year 9999 (a profile's legacy_until). */
static void
a_time_beyond_the_index_is_not_taken_for_an_early_one(void **state)
{
	struct bed *bed = *state;
	int64_t end = (INT64_C(1) << 24) * 3600; /* hours of three bytes */
	struct row far = put(bed, 1, 0, end + DAY), farthest = put(bed, 2, 0, TIME_MAX);
	struct row moved = put(bed, 3, end + DAY, START + DAY);

	sweep(bed);
	pass(bed, 5 * DAY);
	sweep(bed);
	assert_true(there(bed, &far) && there(bed, &farthest) && there(bed, &moved));
	assert_int_equal(bed->change.count, 0);
}

static void
a_row_that_went_already(void **state)
{
	struct bed *bed = *state;
	struct row gone = put(bed, 1, 0, START + DAY), next = put(bed, 2, 0, START + DAY);

	assert_ok(row_delete(bed->txn, &gone.key, gone.id));
	sweep(bed);
	pass(bed, 2 * DAY);
	sweep(bed);
	assert_false(there(bed, &next));
}

static void
nothing_goes_right_after_the_start(void **state)
{
	struct bed *bed = *state;
	struct row row = put(bed, 1, 0, START - DAY);

	sweep(bed);
	pass(bed, EXPIRY_STEADY_SECONDS - 1);
	sweep(bed);
	assert_true(there(bed, &row));
	pass(bed, 1);
	sweep(bed);
	assert_false(there(bed, &row));
}

/* A year ahead, and back again before anything was forgotten. */
static void
nothing_goes_after_a_jump(void **state)
{
	struct bed *bed = *state;
	struct row row = put(bed, 1, 0, START + 30 * DAY);

	sweep(bed);
	pass(bed, DAY);
	bed->op.now.wall += 365 * DAY;
	sweep(bed);
	sweep(bed);
	pass(bed, EXPIRY_STEADY_SECONDS - 1);
	sweep(bed);
	assert_true(there(bed, &row));
	bed->op.now.wall -= 365 * DAY;
	sweep(bed);
	pass(bed, EXPIRY_STEADY_SECONDS);
	sweep(bed);
	assert_true(there(bed, &row));
	/* Slewing by less is no jump. */
	bed->op.now.wall += EXPIRY_DRIFT_SECONDS - 1;
	pass(bed, 31 * DAY);
	sweep(bed);
	assert_false(there(bed, &row));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(the_oldest_go_first_and_few_at_a_time),
		TEST(none_goes_before_its_time),
		TEST(a_later_time_replaces_the_one_before),
		TEST(a_row_that_went_already),
		TEST(nothing_goes_right_after_the_start),
		TEST(nothing_goes_after_a_jump),
		TEST(a_time_beyond_the_index_is_not_taken_for_an_early_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
