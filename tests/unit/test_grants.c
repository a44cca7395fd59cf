#include "vaultd/core/grants.h"

#include <time.h>

#include "tests/unit/lib/policy.h"

#define GRANTOR 100
#define OTHER "uid:200"
#define LOAD_MS_MAX 100 /* of 1,000 grants; sanitizers included */

static enum vault_err
give(struct test_caller *c, const char *principal, const char *role, struct vault_texts tenants)
{
	struct grant_put_req req = { .principal = text_of(principal),
				     .role = text_of(role),
				     .tenants = tenants };
	struct vault_text id;

	c->op.fail = (struct fail){ 0 };
	return grant_put(&c->op, &req, &id);
}

static enum vault_err
take(struct test_caller *c, const char *id)
{
	c->op.row = &op_rows[OP_grant_delete];
	return grant_delete(&c->op, text_of(id));
}

static void
test_himself(void **state)
{
	static const uint32_t groups[] = { 300, 400, GID_NOBODY };
	struct test_keys *t = *state;
	struct test_caller c;
	struct grant_record record = test_grant("g", "uid:100");

	test_caller_start(&c, t, GRANTOR);
	c.session.who.gid = 500;
	c.session.who.groups = groups;
	c.session.who.group_count = 3;
	test_put_grant(t, &record);
	assert_int_equal(give(&c, "uid:100", "signer", TEXTS(T("t"))), VAULT_DENIED);
	assert_int_equal(give(&c, "gid:500", "signer", TEXTS(T("t"))), VAULT_DENIED);
	assert_int_equal(give(&c, "gid:300", "signer", TEXTS(T("t"))), VAULT_DENIED);
	assert_int_equal(give(&c, "gid:400", "signer", TEXTS(T("t"))), VAULT_DENIED);
	assert_int_equal(give(&c, "gid:65534", "signer", TEXTS(T("t"))), VAULT_DENIED);
	/* A number is of one kind. */
	assert_ok(give(&c, "gid:100", "signer", TEXTS(T("t"))));
	assert_ok(give(&c, "uid:500", "signer", TEXTS(T("t"))));
	assert_ok(give(&c, OTHER, "signer", TEXTS(T("t"))));
	test_caller_end(&c);
}

/* Logging in replaces what he may do, not who he is. */
static void
test_himself_behind_a_login(void **state)
{
	struct test_keys *t = *state;
	struct test_caller c;
	struct grant_record record = test_grant("g", "key:acme/key");

	test_caller_start(&c, t, GRANTOR);
	test_put_grant(t, &record);
	test_caller_login(&c);
	assert_int_equal(give(&c, "key:acme/key", "signer", TEXTS(T("t"))), VAULT_DENIED);
	assert_int_equal(give(&c, "uid:100", "signer", TEXTS(T("t"))), VAULT_DENIED);
	assert_int_equal(give(&c, "gid:100", "signer", TEXTS(T("t"))), VAULT_DENIED);
	assert_ok(give(&c, OTHER, "signer", TEXTS(T("t"))));
	/* A key that he could make is as good as himself. */
	assert_int_equal(give(&c, "key:acme/other", "signer", TEXTS(T("t"))), VAULT_DENIED);
	test_caller_end(&c);
}

/* What he could do on another connection or at another time counts as his. */
static void
test_could(void **state)
{
	struct test_keys *t = *state;
	struct test_caller c;
	struct method_set none = { 0 };
	struct grant_record record = test_grant("g", "uid:100");
	struct policy *policy;

	test_caller_start(&c, t, GRANTOR);
	record.tenants = TEXTS(T("acme"), T("be*"));
	record.unit = T("lms.service");
	record.not_before = (struct vault_opt_int){ TEST_NOW + 1, true };
	record.mfa = true;
	test_put_grant(t, &record);
	policy = test_load(t);
	session_narrow(&c.session, T("gamma"), &none);
	assert_true(caller_could(policy, &c.op, OP_key_create, T("acme")));
	assert_true(caller_could(policy, &c.op, OP_key_create, T("beta")));
	assert_false(caller_could(policy, &c.op, OP_key_create, T("gamma")));
	test_caller_login(&c);
	assert_true(caller_could(policy, &c.op, OP_key_create, T("acme")));
	policy_release(policy);
	test_caller_end(&c);
}

static void
test_one_whole_grant(void **state)
{
	struct test_keys *t = *state;
	struct test_caller c;
	struct grant_record one = test_grant("g1", "uid:100"), two = test_grant("g2", "gid:100");

	test_caller_start(&c, t, GRANTOR);
	one.tenants = TEXTS(T("t1"));
	two.may_grant = TEXTS(T("signer"));
	test_put_grant(t, &one);
	test_put_grant(t, &two);
	assert_ok(give(&c, OTHER, "owner", TEXTS(T("t1"))));
	assert_ok(give(&c, OTHER, "signer", TEXTS(T("t2"))));
	assert_int_equal(give(&c, OTHER, "owner", TEXTS(T("t2"))), VAULT_DENIED);
	assert_int_equal(give(&c, OTHER, "owner", TEXTS(T("t1"), T("t2"))), VAULT_DENIED);
	assert_int_equal(give(&c, OTHER, "owner", TEXTS(T("t1*"))), VAULT_DENIED);
	test_caller_end(&c);
}

static void
test_forms(void **state)
{
	static const struct vault_text bad[] = {
		{ "", 0 },   { "A", 1 },  { "a**", 3 }, { "a*b", 3 }, { "a\0", 2 },
		{ "-a", 2 }, { " a", 2 }, { "-*", 2 },	{ "a/b", 3 }, { "a b*", 4 },
	};
	struct test_keys *t = *state;
	struct test_caller c;
	struct grant_record record = test_grant("g", "uid:100");
	struct grant_put_req req = { .principal = T(OTHER), .role = T("signer") };
	struct vault_text id;

	test_caller_start(&c, t, GRANTOR);
	test_put_grant(t, &record);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		req.tenants = (struct vault_texts){ &bad[i], 1 };
		assert_int_equal(grant_put(&c.op, &req, &id), VAULT_INVALID_PARAMS);
	}
	req.tenants = TEXTS(T("t"));
	req.unit = T("lms.slice");
	assert_int_equal(grant_put(&c.op, &req, &id), VAULT_INVALID_PARAMS);
	req.unit = T("../lms.service");
	assert_int_equal(grant_put(&c.op, &req, &id), VAULT_INVALID_PARAMS);
	req.unit = T("lms.service");
	req.not_before = req.not_after = (struct vault_opt_int){ 5, true };
	assert_int_equal(grant_put(&c.op, &req, &id), VAULT_INVALID_PARAMS);
	req.not_after.v++;
	assert_ok(grant_put(&c.op, &req, &id));
	req.role = T("no-such-role");
	assert_int_equal(grant_put(&c.op, &req, &id), VAULT_NOT_FOUND);
	test_caller_end(&c);
}

/* Whether that grant alone leaves somebody who can grant; it is undone again. */
static bool
leaves(struct test_keys *t, const struct grant_record *record)
{
	struct txn *child, *parent = t->txn;
	struct policy *policy;
	bool left;

	assert_ok(txn_child(parent, &child));
	t->txn = t->change.txn = child;
	test_put_grant(t, record);
	policy = test_load(t);
	left = grants_leave_holder(policy, (struct vault_text){ 0 });
	assert_false(grants_leave_holder(policy, record->id));
	policy_release(policy);
	txn_abort(child);
	t->txn = t->change.txn = parent;
	return left;
}

/* Only a user's own grant on everything, without any condition, keeps the store grantable. */
static void
test_who_is_left(void **state)
{
	struct test_keys *t = *state;
	struct grant_record good = test_grant("g", "uid:1"), bad[12];
	bool left;

	for (size_t i = 0; i < 12; i++)
		bad[i] = good;
	bad[0].role = T("signer");
	bad[1].principal = T("uid:65534");
	bad[2].principal = T("gid:1");
	bad[3].principal = T("key:acme/x");
	bad[4].tenants = TEXTS(T("a*"));
	bad[5].names = TEXTS(T("a*"));
	bad[6].may_grant = (struct vault_texts){ 0 };
	bad[7].not_before = (struct vault_opt_int){ 1, true };
	bad[8].not_after = (struct vault_opt_int){ TIME_MAX, true };
	bad[9].unit = T("a.service");
	bad[10].mfa = true;
	bad[11].tenants = TEXTS(T("acme"), T("b*"));
	assert_true(leaves(t, &good));
	good.role = T("security-admin");
	good.may_grant = TEXTS(T("signer"));
	assert_true(leaves(t, &good));
	for (size_t i = 0; i < 12; i++) {
		left = leaves(t, &bad[i]);
		if (left)
			fail_msg("number %zu could not grant for good", i);
	}
}

static void
test_delete(void **state)
{
	struct test_keys *t = *state;
	struct test_caller c;
	struct grant_record keeper = test_grant("keeper", "uid:0"),
			    own = test_grant("own", "uid:100"),
			    theirs = test_grant("theirs", OTHER),
			    above = test_grant("above", OTHER);

	own.role = T("security-admin");
	own.tenants = TEXTS(T("t1"));
	own.may_grant = TEXTS(T("signer"), T("security-admin"));
	theirs.role = T("signer");
	theirs.tenants = TEXTS(T("t2"));
	theirs.may_grant.n = 0;
	above.role = T("security-admin");
	above.tenants = TEXTS(T("t1"));
	test_put_grant(t, &keeper);
	test_put_grant(t, &own);
	test_put_grant(t, &theirs);
	test_put_grant(t, &above);
	test_caller_start(&c, t, GRANTOR);
	assert_int_equal(take(&c, "theirs"), VAULT_DENIED);
	assert_int_equal(take(&c, "above"), VAULT_DENIED);
	assert_int_equal(take(&c, "none"), VAULT_DENIED);
	assert_ok(take(&c, "own"));
	assert_int_equal(take(&c, "own"), VAULT_DENIED);
	test_caller_end(&c);
	test_caller_start(&c, t, 0);
	assert_int_equal(take(&c, "none"), VAULT_NOT_FOUND);
	assert_ok(take(&c, "theirs"));
	assert_ok(take(&c, "above"));
	assert_int_equal(take(&c, "keeper"), VAULT_CONFLICT);
	test_caller_end(&c);
}

static void
fill(struct test_keys *t, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++) {
		char id[16], principal[24], tenant[24];
		struct vault_text tenants[2];
		struct grant_record record;

		snprintf(id, sizeof id, "g%06u", i);
		snprintf(principal, sizeof principal, "uid:%u", 1000 + i % 5000);
		snprintf(tenant, sizeof tenant, "t%u", i);
		record = test_grant(id, principal);
		record.role = T("signer");
		tenants[0] = text_of(tenant);
		tenants[1] = T("shared-*");
		record.tenants = (struct vault_texts){ tenants, 2 };
		record.may_grant.n = 0;
		test_put_grant(t, &record);
	}
}

static int64_t
load_ms(struct test_keys *t, size_t n)
{
	struct timespec began, ended;
	struct policy *policy;

	clock_gettime(CLOCK_MONOTONIC, &began);
	policy = test_load(t);
	clock_gettime(CLOCK_MONOTONIC, &ended);
	assert_int_equal(policy->grant_count, n);
	policy_release(policy);
	return (ended.tv_sec - began.tv_sec) * 1000 + (ended.tv_nsec - began.tv_nsec) / 1000000;
}

static void
test_load_time(void **state)
{
	struct test_keys *t = *state;
	int64_t ms, best = INT64_MAX;

	fill(t, 0, 1000);
	for (int i = 0; i < 5; i++) {
		ms = load_ms(t, 1000);
		best = ms < best ? ms : best;
	}
	print_message("1000 grants: %d ms\n", (int)best);
	assert_true(best < LOAD_MS_MAX);
}

static void
test_as_many_as_may_be(void **state)
{
	struct test_keys *t = *state;
	struct test_caller c, holder;
	struct grant_record record = test_grant("g", "uid:100");
	struct policy *policy;

	fill(t, 1, GRANTS_MAX - 1);
	test_put_grant(t, &record);
	test_caller_start(&c, t, GRANTOR);
	assert_ok(give(&c, OTHER, "signer", TEXTS(T("t"))));
	policy = test_load(t);
	assert_int_equal(policy->grant_count, GRANTS_MAX);
	/* The first, the last and one in the middle are found among all of them. */
	for (unsigned i = 1; i < GRANTS_MAX - 1; i += (GRANTS_MAX - 3) / 2) {
		char tenant[24], next[24];

		test_caller_start(&holder, t, 1000 + i % 5000);
		snprintf(tenant, sizeof tenant, "t%u", i);
		snprintf(next, sizeof next, "t%u", i + 1);
		assert_int_equal(test_sign(policy, &holder, tenant, "p"), DECISION_ALLOW);
		assert_int_equal(test_sign(policy, &holder, "shared-1", "p"), DECISION_ALLOW);
		assert_int_equal(test_sign(policy, &holder, next, "p"), DECISION_DENY);
		test_caller_end(&holder);
	}
	policy_release(policy);
	assert_int_equal(give(&c, OTHER, "signer", TEXTS(T("t"))), VAULT_CONFLICT);
	/* One goes, one may come. */
	assert_ok(take(&c, "g000001"));
	c.op.row = &op_rows[OP_grant_put];
	assert_ok(give(&c, OTHER, "signer", TEXTS(T("t"))));
	test_caller_end(&c);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, test_keys_setup, test_keys_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_himself),
		TEST(test_himself_behind_a_login),
		TEST(test_could),
		TEST(test_one_whole_grant),
		TEST(test_forms),
		TEST(test_who_is_left),
		TEST(test_delete),
		TEST(test_load_time),
		TEST(test_as_many_as_may_be),
	};

	return cmocka_run_group_tests_name("grants", tests, NULL, NULL);
}
