#include "vaultd/core/policy.h"

#include "tests/unit/lib/policy.h"

static struct policy_request
ask(enum op_id id)
{
	return (struct policy_request){ .row = &op_rows[id], .open = true };
}

static void
test_what_covers(void **state)
{
	static const struct {
		const char *outer, *inner;
		bool covers;
	} rows[] = {
		{ "*", "*", true },	 { "*", "t", true },	  { "*", "t*", true },
		{ "t", "t", true },	 { "t", "t*", false },	  { "t", "*", false },
		{ "t*", "t", true },	 { "t*", "t*", true },	  { "t*", "t1*", true },
		{ "t1*", "t*", false },	 { "t1*", "t10*", true }, { "t10*", "t1*", false },
		{ "t1*", "t10", true },	 { "t10", "t1", false },  { "t1", "t10", false },
		{ "t1*", "*", false },	 { "t1*", "t", false },	  { "T", "t", false },
		{ "t1*", "t2*", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (pattern_covers(text_of(rows[i].outer), text_of(rows[i].inner)) !=
		    rows[i].covers)
			fail_msg("%s and %s", rows[i].outer, rows[i].inner);
	assert_true(patterns_cover(&TEXTS(T("a*"), T("b")), &TEXTS(T("b"), T("ax"), T("a*"))));
	assert_false(patterns_cover(&TEXTS(T("a*"), T("b")), &TEXTS(T("ax"), T("bx"))));
	/* Together they match all that "t*" does but "t" itself: each is looked at alone. */
	assert_false(patterns_cover(&TEXTS(T("ta*"), T("tb*")), &TEXTS(T("t*"))));
	assert_true(patterns_cover(&TEXTS(T("a")), &(struct vault_texts){ 0 }));
	assert_false(patterns_cover(&(struct vault_texts){ 0 }, &TEXTS(T("a"))));
	/* Where there is no tenant or name, only all of them will do. */
	assert_true(patterns_match(&TEXTS(T("a"), T("*")), (struct vault_text){ 0 }));
	assert_false(patterns_match(&TEXTS(T("a"), T("b*")), (struct vault_text){ 0 }));
}

/* From the first second to the last, the one named as its end excluded. */
static void
test_time_window(void **state)
{
	struct test_keys *t = *state;
	struct grant_record record = test_grant("g", "uid:7");
	struct test_caller c;
	struct policy *policy;
	static const struct {
		int64_t now;
		enum decision decision;
	} rows[] = {
		{ 0, DECISION_DENY },	  { 999, DECISION_DENY },  { 1000, DECISION_ALLOW },
		{ 1999, DECISION_ALLOW }, { 2000, DECISION_DENY }, { TIME_MAX, DECISION_DENY },
	};

	record.not_before = (struct vault_opt_int){ 1000, true };
	record.not_after = (struct vault_opt_int){ 2000, true };
	test_put_grant(t, &record);
	policy = test_load(t);
	test_caller_start(&c, t, 7);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		c.op.now.wall = rows[i].now;
		assert_int_equal(test_sign(policy, &c, "acme", "p"), rows[i].decision);
	}
	test_caller_end(&c);
	policy_release(policy);
}

static void
test_units(void **state)
{
	static const char *const others[] = { "", "lms", "lms.service2", "LMS.service",
					      "xlms.service" };
	struct test_keys *t = *state;
	struct grant_record record = test_grant("g", "uid:7");
	struct test_caller c;
	struct policy *policy;

	record.unit = T("lms.service");
	test_put_grant(t, &record);
	policy = test_load(t);
	test_caller_start(&c, t, 7);
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		snprintf(c.session.who.unit, sizeof c.session.who.unit, "%s", others[i]);
		assert_int_equal(test_sign(policy, &c, "acme", "p"), DECISION_DENY);
	}
	snprintf(c.session.who.unit, sizeof c.session.who.unit, "lms.service");
	assert_int_equal(test_sign(policy, &c, "acme", "p"), DECISION_ALLOW);
	test_caller_end(&c);
	policy_release(policy);
}

static void
test_mfa(void **state)
{
	struct test_keys *t = *state;
	struct grant_record record = test_grant("g", "uid:7"), late = test_grant("h", "uid:7");
	struct test_caller c;
	struct policy *policy;

	record.mfa = true;
	record.tenants = TEXTS(T("acme"), T("b*"));
	test_put_grant(t, &record);
	/* What fails on more than the code is no reason to ask for one. */
	late.mfa = true;
	late.not_after = (struct vault_opt_int){ 1, true };
	late.tenants = TEXTS(T("gone"));
	test_put_grant(t, &late);
	policy = test_load(t);
	test_caller_start(&c, t, 7);
	c.op.now.boot_ms = 5000;
	assert_int_equal(test_sign(policy, &c, "acme", "p"), DECISION_MFA);
	assert_int_equal(test_sign(policy, &c, "beta", "p"), DECISION_MFA);
	assert_int_equal(test_sign(policy, &c, "gone", "p"), DECISION_DENY);
	c.session.mfa_until_ms = 5000;
	assert_int_equal(test_sign(policy, &c, "acme", "p"), DECISION_MFA);
	c.session.mfa_until_ms = 5001;
	assert_int_equal(test_sign(policy, &c, "acme", "p"), DECISION_ALLOW);
	assert_int_equal(test_sign(policy, &c, "gone", "p"), DECISION_DENY);
	test_caller_end(&c);
	policy_release(policy);
}

/* One that needs no code is enough, wherever it stands among those that do. */
static void
test_mfa_and_without(void **state)
{
	struct test_keys *t = *state;
	struct grant_record with = test_grant("g", "uid:7"), without = test_grant("h", "gid:7"),
			    more = test_grant("i", "gid:8");
	struct test_caller c;
	struct policy *policy;
	static const uint32_t groups[] = { 8 };

	with.mfa = more.mfa = true;
	test_put_grant(t, &with);
	test_put_grant(t, &without);
	test_put_grant(t, &more);
	policy = test_load(t);
	test_caller_start(&c, t, 7);
	c.session.who.groups = groups;
	c.session.who.group_count = 1;
	assert_int_equal(test_sign(policy, &c, "acme", "p"), DECISION_ALLOW);
	test_caller_end(&c);
	policy_release(policy);
}

static void
test_groups(void **state)
{
	static const uint32_t groups[] = { 20, 30, GID_NOBODY, 40 };
	struct test_keys *t = *state;
	struct test_caller c;
	static const struct {
		const char *principal;
		enum decision decision;
	} rows[] = {
		{ "gid:10", DECISION_ALLOW }, { "gid:20", DECISION_ALLOW },
		{ "gid:30", DECISION_ALLOW }, { "gid:40", DECISION_ALLOW },
		{ "gid:7", DECISION_DENY },   { "gid:50", DECISION_DENY },
		{ "uid:10", DECISION_DENY },  { "uid:20", DECISION_DENY },
		{ "gid:0", DECISION_DENY },   { "gid:65534", DECISION_DENY },
	};

	test_caller_start(&c, t, 7);
	c.session.who.gid = 10;
	c.session.who.groups = groups;
	c.session.who.group_count = 4;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct txn *child, *parent = t->txn;
		struct grant_record record = test_grant("g", rows[i].principal);
		struct policy *policy;

		assert_ok(txn_child(parent, &child));
		t->txn = t->change.txn = child;
		test_put_grant(t, &record);
		policy = test_load(t);
		assert_int_equal(test_sign(policy, &c, "acme", "p"), rows[i].decision);
		policy_release(policy);
		txn_abort(child);
		t->txn = t->change.txn = parent;
	}
	test_caller_end(&c);
}

/* A user whom the namespace does not map has no grant of his own; his groups are what they are. */
static void
test_nobody(void **state)
{
	struct test_keys *t = *state;
	struct grant_record user = test_grant("g", "uid:65534"),
			    group = test_grant("h", "gid:65534"),
			    mapped = test_grant("i", "gid:10");
	struct test_caller c;
	struct policy *policy;

	test_put_grant(t, &user);
	test_put_grant(t, &group);
	mapped.tenants = TEXTS(T("acme"));
	test_put_grant(t, &mapped);
	policy = test_load(t);
	test_caller_start(&c, t, UID_NOBODY);
	c.session.who.gid = GID_NOBODY;
	assert_int_equal(test_sign(policy, &c, "acme", "p"), DECISION_DENY);
	c.session.who.gid = 10;
	assert_int_equal(test_sign(policy, &c, "acme", "p"), DECISION_ALLOW);
	assert_int_equal(test_sign(policy, &c, "beta", "p"), DECISION_DENY);
	test_caller_end(&c);
	policy_release(policy);
}

/* A login replaces what the connection may do. */
static void
test_keys_when_logged_in(void **state)
{
	struct test_keys *t = *state;
	struct grant_record user = test_grant("g", "uid:7"), key = test_grant("h", "key:acme/key"),
			    creator = test_grant("i", "uid:0");
	struct test_caller c;
	struct policy *policy;

	user.tenants = TEXTS(T("beta"));
	key.tenants = TEXTS(T("acme"));
	test_put_grant(t, &user);
	test_put_grant(t, &key);
	test_put_grant(t, &creator);
	policy = test_load(t);
	test_caller_start(&c, t, 7);
	assert_int_equal(test_sign(policy, &c, "acme", "p"), DECISION_DENY);
	assert_int_equal(test_sign(policy, &c, "beta", "p"), DECISION_ALLOW);
	test_caller_login(&c);
	assert_int_equal(test_sign(policy, &c, "acme", "p"), DECISION_ALLOW);
	assert_int_equal(test_sign(policy, &c, "beta", "p"), DECISION_DENY);
	snprintf(c.session.login.principal, sizeof c.session.login.principal, "key:acme/other");
	assert_int_equal(test_sign(policy, &c, "acme", "p"), DECISION_DENY);
	test_caller_end(&c);
	policy_release(policy);
}

static void
test_narrowed(void **state)
{
	struct test_keys *t = *state;
	struct grant_record record = test_grant("g", "uid:7");
	struct method_set sign = { 0 }, get = { 0 }, all = method_set_all();
	struct policy_request whoami = ask(OP_auth_whoami), list = ask(OP_role_list),
			      grants = ask(OP_grant_list);
	struct test_caller c;
	struct policy *policy;

	method_set_add(&sign, OP_token_sign);
	method_set_add(&get, OP_key_get);
	test_put_grant(t, &record);
	policy = test_load(t);
	test_caller_start(&c, t, 7);
	session_narrow(&c.session, T("acme"), &all);
	assert_int_equal(test_sign(policy, &c, "acme", "p"), DECISION_ALLOW);
	assert_int_equal(test_sign(policy, &c, "acme2", "p"), DECISION_DENY);
	assert_int_equal(test_sign(policy, &c, "acm", "p"), DECISION_DENY);
	assert_int_equal(policy_decide(policy, &c.session, &whoami), DECISION_ALLOW);
	/* What is of no tenant is not of this one. */
	assert_int_equal(policy_decide(policy, &c.session, &list), DECISION_DENY);
	/* What the handler asks about, the handler refuses. */
	grants.any_tenant = grants.any_target = true;
	assert_int_equal(policy_decide(policy, &c.session, &grants), DECISION_ALLOW);
	session_narrow(&c.session, (struct vault_text){ 0 }, &sign);
	assert_int_equal(test_sign(policy, &c, "acme", "p"), DECISION_ALLOW);
	assert_int_equal(policy_decide(policy, &c.session, &grants), DECISION_DENY);
	session_narrow(&c.session, (struct vault_text){ 0 }, &get);
	session_narrow(&c.session, (struct vault_text){ 0 }, &all);
	assert_int_equal(test_sign(policy, &c, "acme", "p"), DECISION_DENY);
	test_caller_end(&c);
	policy_release(policy);
}

/* An owner for good: recover-owner gives the grant anew where this is not said. */
static void
test_has_owner(void **state)
{
	struct test_keys *t = *state;
	struct grant_record record = test_grant("g", "uid:7");
	struct policy *policy;

	record.may_grant = TEXTS(T("signer"));
	test_put_grant(t, &record);
	record = test_grant("h", "uid:7");
	record.mfa = true;
	test_put_grant(t, &record);
	policy = test_load(t);
	assert_false(policy_has_owner(policy, 7));
	policy_release(policy);
	record = test_grant("i", "uid:7");
	test_put_grant(t, &record);
	policy = test_load(t);
	assert_true(policy_has_owner(policy, 7));
	assert_false(policy_has_owner(policy, 8));
	policy_release(policy);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, test_keys_setup, test_keys_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_what_covers), TEST(test_time_window),		TEST(test_units),
		TEST(test_mfa),		TEST(test_mfa_and_without),	TEST(test_groups),
		TEST(test_nobody),	TEST(test_keys_when_logged_in), TEST(test_narrowed),
		TEST(test_has_owner),
	};

	return cmocka_run_group_tests_name("policy_conditions", tests, NULL, NULL);
}
