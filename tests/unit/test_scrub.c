/* What was deleted stands nowhere in the file any more, and what was not is as it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/unit/lib/directory.h"
#include "vaultd/store/scrub.h"

#define assert_ok(expression) assert_int_equal((expression), VAULT_OK)
#define ROWS 4000
#define VALUE_MAX 9000
#define STEPS_MAX 10000

struct fixture {
	char dir[DIRECTORY_MAX];
	struct store *store;
	struct scrub scrub;
	uint64_t ids[ROWS];
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	struct store_config config = { .map_size = 1u << 30, .max_readers = 8 };

	directory_make(f->dir);
	config.path = f->dir;
	assert_ok(store_open(&config, &f->store));
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	store_close(f->store);
	directory_remove(f->dir);
	free(f);
	return 0;
}

/* A third of them is the secret ones; their text is so long that no page holds it by chance. */
static size_t
value_of(unsigned n, char value[static VALUE_MAX])
{
	int head =
		snprintf(value, VALUE_MAX, "%s-%08u-", n % 3 == 0 ? "GONE-FOR-GOOD" : "stays", n);
	size_t len = n % 50 == 0 ? VALUE_MAX : 40 + n % 700;

	memset(value + head, 'a' + (int)(n % 26), len - (size_t)head);
	return len;
}

static struct row_key
key_of(unsigned n)
{
	struct row_key key = { .tenant = 1 + n % 3, .kind = (uint8_t)(4 + n % 5) };

	memcpy(key.tag, &n, sizeof n);
	return key;
}

/* Many groups, in an order that mixes the pages. */
static void
fill(struct fixture *f)
{
	struct txn *txn = NULL;
	char value[VALUE_MAX];

	for (unsigned i = 0; i < ROWS; i++) {
		unsigned n = i * 7 % ROWS;
		struct row_key key = key_of(n);
		size_t len = value_of(n, value);

		if (i % 100 == 0)
			assert_ok(txn_write(f->store, &txn));
		assert_ok(row_insert(txn, &key, (struct vault_bytes){ (uint8_t *)value, len },
				     &f->ids[n]));
		if (i % 100 == 99)
			assert_ok(txn_commit(txn));
	}
}

static void delete (struct fixture *f)
{
	struct txn *txn = NULL;

	for (unsigned n = 0, i = 0; n < ROWS; n += 3, i++) {
		struct row_key key = key_of(n);

		if (i % 50 == 0)
			assert_ok(txn_write(f->store, &txn));
		assert_ok(row_delete(txn, &key, f->ids[n]));
		if (i % 50 == 49 || n + 3 >= ROWS)
			assert_ok(txn_commit(txn));
	}
}

static unsigned
count_in_file(const struct fixture *f, const char *text, size_t *size)
{
	char path[DIRECTORY_MAX + 16];
	size_t len = strlen(text), n;
	unsigned count = 0;
	struct stat st;
	char *data;
	FILE *file;

	snprintf(path, sizeof path, "%s/data.mdb", f->dir);
	file = fopen(path, "rb");
	assert_non_null(file);
	assert_int_equal(fstat(fileno(file), &st), 0);
	data = malloc((size_t)st.st_size);
	n = fread(data, 1, (size_t)st.st_size, file);
	fclose(file);
	for (const char *at = data; (at = memmem(at, n - (size_t)(at - data), text, len)) != NULL;
	     at += len)
		count++;
	free(data);
	if (size != NULL)
		*size = n;
	return count;
}

static unsigned
run(struct fixture *f)
{
	unsigned steps = 0;
	bool done = false;

	while (!done) {
		assert_ok(store_scrub(f->store, &f->scrub, &done));
		assert_true(++steps < STEPS_MAX);
	}
	return steps;
}

static void
check_rest(struct fixture *f)
{
	struct txn *txn;
	char value[VALUE_MAX];

	assert_ok(txn_read(f->store, &txn));
	for (unsigned n = 0; n < ROWS; n++) {
		struct row_key key = key_of(n);
		size_t len = value_of(n, value);
		struct vault_bytes found;
		uint64_t id;

		if (n % 3 == 0) {
			assert_int_equal(row_find(txn, &key, &id, &found), VAULT_NOT_FOUND);
			continue;
		}
		assert_ok(row_find(txn, &key, &id, &found));
		assert_int_equal(id, f->ids[n]);
		assert_int_equal(found.len, len);
		assert_memory_equal(found.p, value, len);
	}
	txn_abort(txn);
}

static void
test_gone(void **state)
{
	struct fixture *f = *state;
	size_t before, after;

	fill(f);
	delete (f);
	assert_true(count_in_file(f, "GONE-FOR-GOOD", &before) > 0);
	(void)run(f);
	assert_int_equal(count_in_file(f, "GONE-FOR-GOOD", &after), 0);
	assert_true(after < before + (24u << 20));
	check_rest(f);
	/* Another one does not make it grow. */
	(void)run(f);
	assert_int_equal(count_in_file(f, "GONE-FOR-GOOD", &before), 0);
	assert_true(before <= after + (1u << 20));
	check_rest(f);
}

/* An old snapshot holds pages: nothing is taken from it, and it goes on once that is let go of. */
static void
test_waits_for_readers(void **state)
{
	struct fixture *f = *state;
	enum vault_err err = VAULT_OK;
	struct row_key key = key_of(0);
	struct vault_bytes found;
	struct txn *reader;
	bool done = false;
	uint64_t id;

	fill(f);
	assert_ok(txn_read(f->store, &reader));
	delete (f);
	for (unsigned i = 0; i < STEPS_MAX && err == VAULT_OK; i++) {
		err = store_scrub(f->store, &f->scrub, &done);
		assert_false(done);
	}
	assert_int_equal(err, VAULT_BUSY);
	assert_ok(row_find(reader, &key, &id, &found));
	assert_memory_equal(found.p, "GONE-FOR-GOOD", 13);
	txn_abort(reader);
	(void)run(f);
	assert_int_equal(count_in_file(f, "GONE-FOR-GOOD", NULL), 0);
	check_rest(f);
}

/* It may end after any step, as by a crash; the next one does all of it. */
static void
test_interrupted(void **state)
{
	struct fixture *f = *state;
	struct store_config config = { .map_size = 1u << 30, .max_readers = 8, .path = f->dir };
	unsigned steps;
	bool done;

	fill(f);
	delete (f);
	steps = run(f);
	for (unsigned stop = 1; stop < steps; stop += 3) {
		for (unsigned i = 0; i < stop; i++)
			assert_ok(store_scrub(f->store, &f->scrub, &done));
		store_close(f->store);
		f->scrub = (struct scrub){ 0 };
		assert_ok(store_open(&config, &f->store));
		check_rest(f);
	}
	(void)run(f);
	check_rest(f);
}

/* What is written meanwhile is there afterwards. */
static void
test_writes_between(void **state)
{
	struct fixture *f = *state;
	bool done = false;
	unsigned n = 0;

	fill(f);
	delete (f);
	while (!done) {
		struct row_key key = { .tenant = 9, .kind = 4 };
		struct txn *txn;
		uint64_t id;

		memcpy(key.tag, &n, sizeof n);
		assert_ok(txn_write(f->store, &txn));
		assert_ok(row_insert(txn, &key, (struct vault_bytes){ key.tag, sizeof key.tag },
				     &id));
		assert_ok(txn_commit(txn));
		n++;
		assert_ok(store_scrub(f->store, &f->scrub, &done));
		assert_true(n < STEPS_MAX);
	}
	assert_int_equal(count_in_file(f, "GONE-FOR-GOOD", NULL), 0);
	check_rest(f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_gone),
		TEST(test_waits_for_readers),
		TEST(test_interrupted),
		TEST(test_writes_between),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
