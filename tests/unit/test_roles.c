#include "vaultd/core/roles.h"

#include "tests/unit/lib/policy.h"

#define ADMIN 100

static enum vault_err
put(struct test_caller *c, const char *role, struct vault_texts methods)
{
	struct role_put_req req = { .role = text_of(role), .methods = methods };

	c->op.row = &op_rows[OP_role_put];
	return role_put(&c->op, &req);
}

static enum vault_err
drop(struct test_caller *c, const char *role)
{
	c->op.row = &op_rows[OP_role_delete];
	return role_delete(&c->op, text_of(role));
}

/* A caller with those grants, beside an owner who keeps the store grantable. */
static void
start(struct test_caller *c, struct test_keys *t, const struct grant_record *own)
{
	struct grant_record keeper = test_grant("keeper", "uid:0");

	test_put_grant(t, &keeper);
	if (own != NULL)
		test_put_grant(t, own);
	test_caller_start(c, t, ADMIN);
}

static void
test_within_what_he_may_grant(void **state)
{
	struct test_keys *t = *state;
	struct test_caller c;
	struct grant_record own = test_grant("g", "uid:100");

	own.role = T("security-admin");
	own.may_grant = TEXTS(T("signer"), T("raw-signer"));
	start(&c, t, &own);
	assert_ok(put(&c, "r", TEXTS(T("token.sign"), T("key.sign"))));
	assert_int_equal(put(&c, "r", TEXTS(T("token.verify"))), VAULT_DENIED);
	assert_int_equal(put(&c, "r", TEXTS(T("token.*"))), VAULT_DENIED);
	assert_int_equal(put(&c, "r", TEXTS(T("*"))), VAULT_DENIED);
	assert_int_equal(put(&c, "r", TEXTS(T("no.such"))), VAULT_INVALID_PARAMS);
	assert_int_equal(put(&c, "r", TEXTS(T("slot.add*"))), VAULT_INVALID_PARAMS);
	/* Also not by first making the role one that he may grant. */
	assert_int_equal(put(&c, "signer", TEXTS(T("token.sign"))), VAULT_CONFLICT);
	assert_ok(drop(&c, "r"));
	assert_int_equal(drop(&c, "r"), VAULT_NOT_FOUND);
	assert_int_equal(drop(&c, "signer"), VAULT_CONFLICT);
	test_caller_end(&c);
}

static void
test_only_who_may_grant_everywhere(void **state)
{
	struct test_keys *t = *state;
	struct test_caller c;
	struct grant_record own = test_grant("g", "uid:100");

	own.tenants = TEXTS(T("acme"), T("b*"));
	start(&c, t, &own);
	assert_int_equal(put(&c, "r", TEXTS(T("token.sign"))), VAULT_DENIED);
	assert_int_equal(drop(&c, "r"), VAULT_DENIED);
	test_caller_end(&c);
}

/* The names of one and the reach of another do not add up, in whichever order they stand. */
static void
test_one_whole_grant(void **state)
{
	struct test_keys *t = *state;
	struct test_caller c;
	struct grant_record wide = test_grant("g1", "uid:100"), small = test_grant("g2", "uid:100"),
			    more = test_grant("g0", "gid:100");

	wide.names = TEXTS(T("team-*"));
	small.role = more.role = T("security-admin");
	small.may_grant = TEXTS(T("signer"));
	more.may_grant = TEXTS(T("verifier"));
	test_put_grant(t, &more);
	test_put_grant(t, &small);
	start(&c, t, &wide);
	assert_int_equal(put(&c, "other", TEXTS(T("key.get"))), VAULT_DENIED);
	assert_ok(put(&c, "team-a", TEXTS(T("key.get"))));
	assert_ok(put(&c, "other", TEXTS(T("token.sign"))));
	assert_ok(put(&c, "third", TEXTS(T("token.verify"))));
	assert_int_equal(put(&c, "fourth", TEXTS(T("token.sign"), T("token.verify"))),
			 VAULT_DENIED);
	test_caller_end(&c);
}

static void
test_one_that_he_holds(void **state)
{
	static const uint32_t groups[] = { 300 };
	static const char *const principals[] = { "uid:100", "gid:100", "gid:300" };
	struct test_keys *t = *state;
	struct test_caller c;
	struct grant_record own = test_grant("g", "uid:100");

	start(&c, t, &own);
	c.session.who.groups = groups;
	c.session.who.group_count = 1;
	for (size_t i = 0; i < 3; i++) {
		struct grant_record held = test_grant("held", principals[i]);
		struct txn *child, *parent = t->txn;

		assert_ok(txn_child(parent, &child));
		t->txn = t->change.txn = c.op.txn = child;
		test_put_role(t, "mine", TEXTS(T("token.sign")));
		held.role = T("mine");
		held.tenants = TEXTS(T("elsewhere"));
		held.not_after = (struct vault_opt_int){ 1, true };
		test_put_grant(t, &held);
		assert_int_equal(put(&c, "mine", TEXTS(T("key.get"))), VAULT_DENIED);
		assert_int_equal(drop(&c, "mine"), VAULT_DENIED);
		/* Behind a login he is still who he is. */
		if (i < 2) {
			test_caller_login(&c);
			assert_int_equal(put(&c, "mine", TEXTS(T("key.get"))), VAULT_DENIED);
			c.session.logged_in = false;
		}
		txn_abort(child);
		t->txn = t->change.txn = c.op.txn = parent;
	}
	test_caller_end(&c);
}

/* Those who have a role lose what it loses: only who could have given it all may change it. */
static void
test_one_that_is_above_him(void **state)
{
	struct test_keys *t = *state;
	struct test_caller c;
	struct grant_record own = test_grant("g", "uid:100");

	own.role = T("security-admin");
	own.may_grant = TEXTS(T("signer"));
	test_put_role(t, "auditors", TEXTS(T("audit.query")));
	start(&c, t, &own);
	assert_int_equal(put(&c, "auditors", TEXTS(T("token.sign"))), VAULT_DENIED);
	assert_int_equal(drop(&c, "auditors"), VAULT_DENIED);
	test_caller_end(&c);
}

static void
test_the_last_holders_role(void **state)
{
	struct test_keys *t = *state;
	struct test_caller c;
	struct grant_record keeper = test_grant("k", "uid:1"), own = test_grant("g", "uid:100");

	test_put_role(t, "keepers", TEXTS(T("grant.*")));
	test_put_role(t, "roles", TEXTS(T("role.*")));
	keeper.role = T("keepers");
	own.role = T("roles");
	test_put_grant(t, &keeper);
	test_put_grant(t, &own);
	test_caller_start(&c, t, ADMIN);
	assert_int_equal(put(&c, "keepers", TEXTS(T("grant.list"))), VAULT_CONFLICT);
	assert_int_equal(drop(&c, "keepers"), VAULT_CONFLICT);
	assert_ok(put(&c, "keepers", TEXTS(T("grant.put"))));
	test_caller_end(&c);
}

/* A role is shown by the methods that it holds, page by page. */
static void
test_shown(void **state)
{
	struct test_keys *t = *state;
	struct test_caller c;
	struct role_get_res role;
	struct role_list_req list = { .limit = { 5, true } };
	struct role_list_res page;
	struct policy *policy;
	size_t n = 0;

	test_put_role(t, "mine", TEXTS(T("token.*"), T("key.get")));
	start(&c, t, NULL);
	policy = test_load(t);
	c.op.policy = policy;
	assert_ok(role_get(&c.op, T("mine"), &role));
	assert_false(role.built_in);
	assert_true(texts_hold(&role.methods, T("token.sign")));
	assert_true(texts_hold(&role.methods, T("key.get")));
	assert_false(texts_hold(&role.methods, T("key.sign")));
	assert_int_equal(role_get(&c.op, T("none"), &role), VAULT_NOT_FOUND);
	do {
		page = (struct role_list_res){ 0 };
		assert_ok(role_page(&c.op, &list, &page));
		n += page.items.n;
		list.cursor = page.cursor;
	} while (page.cursor.p != NULL);
	assert_int_equal(n, policy->role_count);
	list.cursor = T("bm9uZQ");
	assert_int_equal(role_page(&c.op, &list, &page), VAULT_INVALID_PARAMS);
	policy_release(policy);
	test_caller_end(&c);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, test_keys_setup, test_keys_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_within_what_he_may_grant),
		TEST(test_only_who_may_grant_everywhere),
		TEST(test_one_whole_grant),
		TEST(test_one_that_he_holds),
		TEST(test_one_that_is_above_him),
		TEST(test_the_last_holders_role),
		TEST(test_shown),
	};

	return cmocka_run_group_tests_name("roles", tests, NULL, NULL);
}
