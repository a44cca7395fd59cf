#include "vaultd/core/policy.h"

#include "tests/unit/lib/keys.h"

static const struct identity root = { .uid = 0, .admin_socket = true };
static const struct identity daemon_user = { .uid = 998, .admin_socket = true };
static const struct identity stranger = { .uid = 4711, .admin_socket = true };
static const struct identity nobody = { .uid = UID_NOBODY, .admin_socket = true };

static struct policy_request
request(enum op_id id)
{
	return (struct policy_request){ .row = &op_rows[id], .open = true, .owner_uid = 998 };
}

static enum decision
decide(const struct policy *policy, const struct identity *who, const struct policy_request *r)
{
	struct session session = { .who = *who };

	return policy_decide(policy, &session, r);
}

static struct policy *
empty(struct test_keys *t)
{
	struct policy *policy = NULL;

	assert_ok(policy_load(t->txn, &t->keyring.store, &policy));
	assert_int_equal(policy->grant_count, 0);
	return policy;
}

static struct policy *
owners(struct test_keys *t)
{
	struct policy *grants = NULL;

	assert_ok(grants_create_owner(&t->change, &t->keyring.store, 0, 1000));
	assert_ok(grants_create_owner(&t->change, &t->keyring.store, 998, 1000));
	assert_ok(policy_load(t->txn, &t->keyring.store, &grants));
	assert_int_equal(grants->grant_count, 2);
	return grants;
}

static void
put_grant(struct test_keys *t, struct grant_record record)
{
	struct row_key key =
		row_key_of(&t->keyring.store, ROW_GRANT,
			   (struct vault_bytes){ (const uint8_t *)record.id.p, record.id.len });
	ROW_LOCAL(row);

	row.key = key;
	assert_ok(sealed_put(&t->change, &t->keyring.store, &row, grant_record_type(), &record));
}

static const struct vault_text any[] = { { "*", 1 } };
static const struct vault_text acme[] = { { "acme", 4 }, { "beta-*", 6 } };
static const struct vault_text launch[] = { { "launch*", 7 } };

static struct grant_record
grant(const char *id, const char *principal)
{
	return (struct grant_record){ .id = text_of(id),
				      .principal = text_of(principal),
				      .role = TEXT_LITERAL("owner"),
				      .tenants = { any, 1 },
				      .names = { any, 1 },
				      .created_at = 1 };
}

/* Every operation, for everyone, on both sockets. */
static void
test_matrix(void **state)
{
	struct test_keys *t = *state;
	struct policy *grants = owners(t);

	for (int id = 0; id < OP_COUNT; id++) {
		struct policy_request r = request((enum op_id)id);
		bool open = (op_rows[id].flags & OP_OPEN) != 0,
		     admin = op_rows[id].class == CLASS_ADMIN;
		struct identity elsewhere = root;

		elsewhere.admin_socket = false;
		assert_int_equal(decide(grants, &root, &r), DECISION_ALLOW);
		assert_int_equal(decide(grants, &daemon_user, &r), DECISION_ALLOW);
		assert_int_equal(decide(grants, &elsewhere, &r),
				 admin ? DECISION_DENY : DECISION_ALLOW);
		assert_int_equal(decide(grants, &stranger, &r),
				 open ? DECISION_ALLOW : DECISION_DENY);
		assert_int_equal(decide(grants, &nobody, &r),
				 open ? DECISION_ALLOW : DECISION_DENY);
	}
	policy_release(grants);
}

/* Sealed, only root and the daemon's own user, whatever grants there were. */
static void
test_sealed(void **state)
{
	struct test_keys *t = *state;
	struct policy *none = empty(t);

	for (int id = 0; id < OP_COUNT; id++) {
		struct policy_request r = request((enum op_id)id);
		bool open = (op_rows[id].flags & OP_OPEN) != 0;

		r.open = false;
		assert_int_equal(decide(none, &root, &r), DECISION_ALLOW);
		assert_int_equal(decide(none, &daemon_user, &r), DECISION_ALLOW);
		assert_int_equal(decide(none, &stranger, &r),
				 open ? DECISION_ALLOW : DECISION_DENY);
		r.owner_uid = UID_NOBODY;
		assert_int_equal(decide(none, &nobody, &r), open ? DECISION_ALLOW : DECISION_DENY);
	}
	policy_release(none);
}

static void
test_no_grant_no_right(void **state)
{
	struct policy *none = empty(*state);
	struct policy_request r = request(OP_token_sign);

	assert_int_equal(decide(none, &root, &r), DECISION_DENY);
	policy_release(none);
}

static void
test_nobody_has_no_grant(void **state)
{
	struct test_keys *t = *state;
	struct policy_request r = request(OP_token_sign);
	struct policy *grants = NULL;

	put_grant(t, grant("1", "uid:65534"));
	assert_ok(policy_load(t->txn, &t->keyring.store, &grants));
	assert_int_equal(grants->grant_count, 1);
	assert_int_equal(decide(grants, &nobody, &r), DECISION_DENY);
	policy_release(grants);
}

/* One whole grant must pass: tenants of one and names of another do not add up. */
static void
test_patterns(void **state)
{
	struct test_keys *t = *state;
	struct grant_record tenants = grant("1", "uid:4711"), names = grant("2", "uid:4711");
	struct policy_request r = request(OP_token_sign);
	struct policy *grants = NULL;
	static const struct {
		const char *tenant, *target;
		enum decision decision;
	} rows[] = {
		{ "acme", "launch", DECISION_ALLOW },	{ "beta-7", "launch/x", DECISION_ALLOW },
		{ "acme", "other", DECISION_DENY },	{ "gamma", "launch", DECISION_DENY },
		{ "acme2", "launch", DECISION_DENY },	{ "beta", "launch", DECISION_DENY },
		{ "zeta", "anything", DECISION_ALLOW }, { "acme", NULL, DECISION_DENY },
		{ NULL, "launch", DECISION_DENY },	{ NULL, NULL, DECISION_DENY },
	};
	static const struct vault_text zeta[] = { { "zeta", 4 } };

	tenants.tenants = (struct vault_texts){ acme, 2 };
	tenants.names = (struct vault_texts){ launch, 1 };
	names.tenants = (struct vault_texts){ zeta, 1 };
	put_grant(t, tenants);
	put_grant(t, names);
	assert_ok(policy_load(t->txn, &t->keyring.store, &grants));
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		r.tenant =
			rows[i].tenant == NULL ? (struct vault_text){ 0 } : text_of(rows[i].tenant);
		r.target =
			rows[i].target == NULL ? (struct vault_text){ 0 } : text_of(rows[i].target);
		assert_int_equal(decide(grants, &stranger, &r), rows[i].decision);
		assert_int_equal(decide(grants, &daemon_user, &r), DECISION_DENY);
	}
	policy_release(grants);
}

/* What does not read as a grant is damage, and gives nobody anything. */
static void
test_grants_that_are_none(void **state)
{
	static const char *const principals[] = { "uid:",   "uid:x", "uid:4294967296",
						  "uid:-1", "gid:",  "0",
						  "uid:0 ", "UID:0", "uid:00000000000" };
	struct test_keys *t = *state;

	for (size_t i = 0; i < sizeof principals / sizeof principals[0]; i++) {
		struct policy *grants = NULL;
		struct txn *child, *parent = t->txn;

		assert_ok(txn_child(parent, &child));
		t->txn = child;
		t->change.txn = child;
		put_grant(t, grant("1", principals[i]));
		assert_int_equal(policy_load(child, &t->keyring.store, &grants), VAULT_INTEGRITY);
		assert_null(grants);
		txn_abort(child);
		t->txn = t->change.txn = parent;
	}
}

static void
test_a_role_that_is_none(void **state)
{
	struct test_keys *t = *state;
	struct grant_record record = grant("1", "uid:4711");
	struct policy *grants = NULL;

	record.role = TEXT_LITERAL("no-such-role");
	put_grant(t, record);
	assert_int_equal(policy_load(t->txn, &t->keyring.store, &grants), VAULT_INTEGRITY);
	assert_null(grants);
}

/* A grant whose row was changed stops loading: it is not passed over. */
static void
test_a_damaged_row(void **state)
{
	struct test_keys *t = *state;
	struct policy *grants = owners(t), *again = NULL;
	struct row_key key = row_key_of(&t->keyring.store, ROW_GRANT, test_bytes("uid:0"));
	struct vault_bytes found;
	uint8_t bytes[512];
	uint64_t id;

	assert_ok(row_find(t->txn, &key, &id, &found));
	assert_true(found.len < sizeof bytes);
	memcpy(bytes, found.p, found.len);
	bytes[found.len - 1] ^= 1;
	assert_ok(row_update(t->txn, id, (struct vault_bytes){ bytes, found.len }));
	assert_int_equal(policy_load(t->txn, &t->keyring.store, &again), VAULT_INTEGRITY);
	assert_null(again);
	/* On an error what was loaded before stays. */
	assert_int_equal(policy_load(t->txn, &t->keyring.store, &grants), VAULT_INTEGRITY);
	assert_int_equal(grants->grant_count, 2);
	policy_release(grants);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, test_keys_setup, test_keys_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_matrix),
		TEST(test_sealed),
		TEST(test_no_grant_no_right),
		TEST(test_patterns),
		TEST(test_nobody_has_no_grant),
		TEST(test_grants_that_are_none),
		TEST(test_a_role_that_is_none),
		TEST(test_a_damaged_row),
	};

	return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
