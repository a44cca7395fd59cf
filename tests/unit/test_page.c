#include "vaultd/core/page.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/lib/vault.h"

/* Makes n profiles, p000 on. */
static void
profiles(struct test_vault *t, unsigned n)
{
	test_vault_acme(t, key_algorithm_HS256);
	for (unsigned i = 0; i < n; i++) {
		char name[16];
		struct profile_put_req put = { .tenant = TEXT_LITERAL("acme"),
					       .key = TEXT_LITERAL("k") };

		snprintf(name, sizeof name, "p%03u", i);
		put.name = text_of(name);
		test_vault_do(t, OP_profile_put, &put, NULL);
	}
}

struct pages {
	unsigned pages;
	unsigned items;
	bool seen[1000];
};

/* Reads all pages; every profile must come exactly once. */
static struct pages
read_pages(struct test_vault *t, int64_t limit)
{
	struct profile_list_req req = { .tenant = TEXT_LITERAL("acme"), .limit = { limit, true } };
	struct pages read = { 0 };
	struct profile_list_res res;
	char cursor[CURSOR_MAX];

	do {
		test_vault_do(t, OP_profile_list, &req, &res);
		assert_true(res.items.n <= (size_t)limit);
		read.pages++;
		for (size_t i = 0; i < res.items.n; i++) {
			struct vault_text name = res.items.v[i].name;
			unsigned number = (unsigned)strtoul(name.p + 1, NULL, 10);

			read.items++;
			if (name.len != 4)
				continue;
			assert_true(number < 1000 && !read.seen[number]);
			read.seen[number] = true;
		}
		if (res.cursor.p != NULL)
			memcpy(cursor, res.cursor.p, res.cursor.len);
		req.cursor = (struct vault_text){ cursor, res.cursor.len };
	} while (res.cursor.p != NULL);
	return read;
}

static void
test_pages(void **state)
{
	struct test_vault *t = *state;

	profiles(t, 24);
	/* With p itself there are 25. */
	for (int64_t limit = 1; limit <= 30; limit++) {
		struct pages read = read_pages(t, limit);

		assert_int_equal(read.items, 25);
		assert_int_equal(read.pages, (25 + limit - 1) / limit);
	}
}

/* The largest page there may be is not the smallest. */
static void
test_the_largest_limit(void **state)
{
	struct test_vault *t = *state;
	struct pages read;

	profiles(t, 300);
	read = read_pages(t, PAGE_LIMIT_MAX);
	assert_int_equal(read.items, 301);
	assert_true(read.pages <= 2);
}

/* What comes and goes while the pages are read disturbs no other. */
static void
test_changes_between_pages(void **state)
{
	struct test_vault *t = *state;
	struct profile_list_req req = { .tenant = TEXT_LITERAL("acme"), .limit = { 5, true } };
	struct profile_list_res res;
	char cursor[CURSOR_MAX], last[8];
	unsigned items;

	profiles(t, 19);
	test_vault_do(t, OP_profile_list, &req, &res);
	items = (unsigned)res.items.n;
	assert_int_equal(items, 5);
	memcpy(cursor, res.cursor.p, res.cursor.len);
	req.cursor = (struct vault_text){ cursor, res.cursor.len };
	/* The row that the cursor stands on. */
	assert_true(res.items.v[4].name.len < sizeof last);
	memcpy(last, res.items.v[4].name.p, res.items.v[4].name.len);
	test_vault_do(t, OP_profile_delete,
		      &(struct profile_delete_req){ TEXT_LITERAL("acme"),
						    { last, res.items.v[4].name.len } },
		      NULL);
	req.limit.v = 100;
	test_vault_do(t, OP_profile_list, &req, &res);
	assert_int_equal(items + res.items.n, 20);
	assert_null(res.cursor.p);
}

static void
test_cursors_that_are_none(void **state)
{
	static const char *const cursors[] = { "x",
					       "AAAA",
					       "!!!!!!!!!!!!!!!!",
					       "AAAAAAAAAAAAAAAAAAAA",
					       "AAAAAAAAAAAAAAA=",
					       "AAAAAAAAAAAAAAA" };
	struct test_vault *t = *state;
	struct profile_list_req req = { .tenant = TEXT_LITERAL("acme") };
	struct profile_list_res res;

	profiles(t, 3);
	for (size_t i = 0; i < sizeof cursors / sizeof cursors[0]; i++) {
		req.cursor = text_of(cursors[i]);
		assert_int_equal(test_vault_ask(t, OP_profile_list, &req, &res),
				 VAULT_INVALID_PARAMS);
		assert_non_null(memmem(buf_data(&t->reply), buf_len(&t->reply), "cursor", 6));
	}
	/* One of the right form begins behind the tag it says. */
	req.cursor = TEXT_LITERAL("AAAAAAAAAAAAAAAA");
	test_vault_do(t, OP_profile_list, &req, &res);
	assert_int_equal(res.items.n, 4);
	req.cursor = TEXT_LITERAL("________________");
	test_vault_do(t, OP_profile_list, &req, &res);
	assert_int_equal(res.items.n, 0);
	assert_null(res.cursor.p);
}

static void
test_an_empty_list(void **state)
{
	struct test_vault *t = *state;
	struct tenant_list_res res;

	test_vault_do(t, OP_tenant_list, &(struct tenant_list_req){}, &res);
	assert_int_equal(res.items.n, 0);
	assert_non_null(res.items.v);
	assert_null(res.cursor.p);
}

/* A map that was sent as an empty array is told as the map it stands for. */
static void
test_an_empty_map_is_a_map(void **state)
{
	struct test_vault *t = *state;
	struct tenant_create_req create = { .tenant = TEXT_LITERAL("maps"),
					    .labels = { (const uint8_t *)"\x90", 1 } };
	struct tenant_get_res res;

	test_vault_do(t, OP_tenant_create, &create, NULL);
	test_vault_do(t, OP_tenant_get, &(struct tenant_get_req){ TEXT_LITERAL("maps") }, &res);
	assert_int_equal(res.labels.len, 1);
	assert_int_equal(res.labels.p[0], 0x80);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, test_vault_setup, test_vault_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_pages),
		TEST(test_the_largest_limit),
		TEST(test_changes_between_pages),
		TEST(test_cursors_that_are_none),
		TEST(test_an_empty_list),
		TEST(test_an_empty_map_is_a_map),
	};

	return cmocka_run_group_tests_name("page", tests, NULL, NULL);
}
