#include "vaultd/store/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/lib/directory.h"

#define assert_ok(expression) assert_int_equal((expression), VAULT_OK)
#define MAP_BYTES (64u << 20)

struct fixture {
	char dir[DIRECTORY_MAX];
	struct store *store;
};

static void
reopen(struct fixture *f)
{
	struct store_config config = { f->dir, MAP_BYTES, 16 };

	store_close(f->store);
	f->store = NULL;
	assert_ok(store_open(&config, &f->store));
}

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	assert_non_null(f);
	directory_make(f->dir);
	reopen(f);
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

static struct row_key
key(uint32_t tenant, uint8_t kind, uint8_t tag)
{
	struct row_key k = { .tenant = tenant, .kind = kind };

	memset(k.tag, tag, sizeof k.tag);
	return k;
}

static struct vault_bytes
bytes(const char *s)
{
	return (struct vault_bytes){ (const uint8_t *)s, strlen(s) };
}

static uint64_t
insert(struct txn *txn, struct row_key k, const char *row)
{
	uint64_t id = 0;

	assert_ok(row_insert(txn, &k, bytes(row), &id));
	return id;
}

static void
expect_row(struct txn *txn, struct row_key k, uint64_t id, const char *row)
{
	struct vault_bytes found;
	uint64_t at;

	assert_ok(row_find(txn, &k, &at, &found));
	assert_int_equal(at, id);
	assert_int_equal(found.len, strlen(row));
	assert_memory_equal(found.p, row, found.len);
}

static void
expect_none(struct txn *txn, struct row_key k)
{
	struct vault_bytes found;
	uint64_t id;

	assert_int_equal(row_find(txn, &k, &id, &found), VAULT_NOT_FOUND);
	assert_int_equal(row_linked(txn, &k, &id), VAULT_NOT_FOUND);
}

static struct txn *
writing(struct fixture *f)
{
	struct txn *txn;

	assert_ok(txn_write(f->store, &txn));
	return txn;
}

static struct txn *
reading(struct fixture *f)
{
	struct txn *txn;

	assert_ok(txn_read(f->store, &txn));
	return txn;
}

static void
test_rows(void **state)
{
	struct fixture *f = *state;
	struct txn *txn = writing(f);
	uint64_t a = insert(txn, key(1, 4, 7), "a"), b = insert(txn, key(1, 5, 7), "b"),
		 c = insert(txn, key(2, 4, 7), "c");

	assert_true(a < b && b < c);
	expect_row(txn, key(1, 4, 7), a, "a");
	expect_row(txn, key(1, 5, 7), b, "b");
	expect_row(txn, key(2, 4, 7), c, "c");
	expect_none(txn, key(1, 4, 8));
	expect_none(txn, key(3, 4, 7));
	expect_none(txn, key(256, 4, 7));
	assert_ok(row_update(txn, b, bytes("longer than before")));
	assert_ok(txn_commit(txn));
	reopen(f);
	txn = writing(f);
	expect_row(txn, key(1, 5, 7), b, "longer than before");
	assert_ok(row_delete(txn, &(struct row_key[]){ key(1, 5, 7) }[0], b));
	expect_none(txn, key(1, 5, 7));
	expect_row(txn, key(1, 4, 7), a, "a");
	expect_row(txn, key(2, 4, 7), c, "c");
	txn_abort(txn);
	txn = reading(f);
	expect_row(txn, key(1, 5, 7), b, "longer than before");
	txn_abort(txn);
}

static void
test_a_large_row(void **state)
{
	struct fixture *f = *state;
	size_t len = 600 * 1024;
	uint8_t *large = malloc(len);
	struct vault_bytes found;
	struct row_key k = key(1, 4, 7);
	struct txn *txn = writing(f);
	uint64_t id;

	assert_non_null(large);
	for (size_t i = 0; i < len; i++)
		large[i] = (uint8_t)(i * 31);
	assert_ok(row_insert(txn, &k, (struct vault_bytes){ large, len }, &id));
	assert_ok(txn_commit(txn));
	txn = reading(f);
	assert_ok(row_find(txn, &k, &id, &found));
	assert_int_equal(found.len, len);
	assert_memory_equal(found.p, large, len);
	txn_abort(txn);
	free(large);
}

static void
expect_walk(struct txn *txn, const uint8_t *after, const char *tags)
{
	struct vault_bytes row;
	struct row_walk walk;
	struct row_key k;
	uint64_t id;

	assert_ok(row_walk_open(txn, 7, 4, after, &walk));
	for (; *tags != '\0'; tags++) {
		assert_ok(row_walk_next(&walk, &k, &id, &row));
		assert_int_equal(k.tag[0], *tags);
		assert_int_equal(k.tenant, 7);
		assert_int_equal(k.kind, 4);
		assert_int_equal(row.p[0], *tags);
	}
	assert_int_equal(row_walk_next(&walk, &k, &id, &row), VAULT_NOT_FOUND);
	row_walk_close(&walk);
	row_walk_close(&walk);
}

static void
test_walk(void **state)
{
	static const char order[] = "qcxadz";
	struct fixture *f = *state;
	struct txn *txn = writing(f);
	uint64_t ids[sizeof order];
	uint8_t after[ROW_TAG_BYTES];

	expect_walk(txn, NULL, "");
	for (size_t i = 0; i < sizeof order - 1; i++) {
		char row[2] = { order[i], '\0' };

		ids[i] = insert(txn, key(7, 4, (uint8_t)order[i]), row);
		insert(txn, key(7, 3, (uint8_t)order[i]), "other kind");
		insert(txn, key(6, 4, (uint8_t)order[i]), "other tenant");
		insert(txn, key(8, 4, (uint8_t)order[i]), "other tenant");
	}
	expect_walk(txn, NULL, "acdqxz");
	memset(after, 'd', sizeof after);
	expect_walk(txn, after, "qxz");
	/* Behind a tag that is not there. */
	memset(after, 'e', sizeof after);
	expect_walk(txn, after, "qxz");
	memset(after, 'z', sizeof after);
	expect_walk(txn, after, "");
	memset(after, 0, sizeof after);
	expect_walk(txn, after, "acdqxz");
	assert_ok(row_delete(txn, &(struct row_key[]){ key(7, 4, 'q') }[0], ids[0]));
	memset(after, 'q', sizeof after);
	expect_walk(txn, after, "xz");
	expect_walk(txn, NULL, "acdxz");
	txn_abort(txn);
}

static void
test_links(void **state)
{
	struct fixture *f = *state;
	struct row_key more = key(1, 6, 9), first = key(1, 4, 7);
	struct txn *txn = writing(f);
	uint64_t id = insert(txn, first, "row");

	assert_ok(row_link(txn, &more, id));
	expect_row(txn, more, id, "row");
	assert_ok(row_unlink(txn, &more, id));
	expect_none(txn, more);
	expect_row(txn, first, id, "row");
	assert_int_equal(row_unlink(txn, &more, id), VAULT_NOT_FOUND);
	/* A link without its row is damage, not absence. */
	assert_ok(row_link(txn, &more, id));
	assert_ok(row_delete(txn, &first, id));
	assert_int_equal(row_find(txn, &more, &id, &(struct vault_bytes){ 0 }), VAULT_INTEGRITY);
	txn_abort(txn);
}

/* A change that fails spoils none before or after it. */
static void
test_children(void **state)
{
	struct fixture *f = *state;
	struct txn *group = writing(f), *child;
	uint64_t a, c;

	assert_ok(txn_child(group, &child));
	a = insert(child, key(1, 4, 'a'), "a");
	assert_ok(txn_commit(child));
	assert_ok(txn_child(group, &child));
	insert(child, key(1, 4, 'b'), "b");
	assert_ok(row_update(child, a, bytes("spoiled")));
	assert_ok(meta_put(child, "m", bytes("spoiled")));
	txn_abort(child);
	assert_ok(txn_child(group, &child));
	c = insert(child, key(1, 4, 'c'), "c");
	assert_ok(txn_commit(child));
	assert_ok(txn_commit(group));
	reopen(f);
	group = reading(f);
	expect_row(group, key(1, 4, 'a'), a, "a");
	expect_none(group, key(1, 4, 'b'));
	expect_row(group, key(1, 4, 'c'), c, "c");
	assert_true(c > a);
	assert_int_equal(meta_get(group, "m", &(struct vault_bytes){ 0 }), VAULT_NOT_FOUND);
	txn_abort(group);
}

static void
test_ids_are_never_used_again(void **state)
{
	struct fixture *f = *state;
	uint64_t last = 0;

	for (int round = 0; round < 5; round++) {
		struct row_key k = key(1, 4, (uint8_t)round);
		struct txn *txn = writing(f);
		uint64_t id = insert(txn, k, "row");

		assert_true(id > last);
		last = id;
		assert_ok(txn_commit(txn));
		txn = writing(f);
		assert_ok(row_delete(txn, &k, id));
		assert_ok(txn_commit(txn));
		if (round % 2 == 0)
			reopen(f);
	}
}

static void
test_snapshots(void **state)
{
	struct fixture *f = *state;
	struct txn *before = reading(f), *txn = writing(f);
	uint64_t id = insert(txn, key(1, 4, 7), "row");

	expect_none(before, key(1, 4, 7));
	assert_ok(txn_commit(txn));
	expect_none(before, key(1, 4, 7));
	assert_ok(txn_renew(before));
	expect_row(before, key(1, 4, 7), id, "row");
	txn_rest(before);
	txn_rest(before);
	txn = writing(f);
	assert_ok(row_update(txn, id, bytes("new")));
	assert_ok(txn_commit(txn));
	assert_ok(txn_renew(before));
	expect_row(before, key(1, 4, 7), id, "new");
	txn_abort(before);
	txn_abort(NULL);
}

static void
test_meta(void **state)
{
	struct fixture *f = *state;
	struct txn *txn = writing(f);
	struct vault_bytes value;

	assert_int_equal(meta_get(txn, "name", &value), VAULT_NOT_FOUND);
	assert_ok(meta_put(txn, "name", bytes("one")));
	assert_ok(meta_put(txn, "name", bytes("other")));
	assert_ok(txn_commit(txn));
	reopen(f);
	txn = reading(f);
	assert_ok(meta_get(txn, "name", &value));
	assert_int_equal(value.len, 5);
	assert_memory_equal(value.p, "other", 5);
	txn_abort(txn);
}

static void
test_what_is_no_store(void **state)
{
	struct fixture *f = *state;
	struct store_config config = { f->dir, MAP_BYTES, 16 };
	char path[DIRECTORY_MAX + 16];
	uint64_t bytes_free = 0;
	struct stat st;
	FILE *file;

	assert_ok(store_free_space(f->store, &bytes_free));
	assert_true(bytes_free > 0);
	store_close(f->store);
	f->store = NULL;
	store_close(NULL);
	snprintf(path, sizeof path, "%s/data.mdb", f->dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	file = fopen(path, "w");
	assert_non_null(file);
	for (int i = 0; i < 8192; i++)
		fputc('x', file);
	fclose(file);
	assert_int_equal(store_open(&config, &f->store), VAULT_INTEGRITY);
	assert_null(f->store);
	config.path = "/nonexistent/directory";
	assert_int_not_equal(store_open(&config, &f->store), VAULT_OK);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_rows),      TEST(test_a_large_row), TEST(test_walk),
		TEST(test_links),     TEST(test_children),    TEST(test_ids_are_never_used_again),
		TEST(test_snapshots), TEST(test_meta),	      TEST(test_what_is_no_store),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
