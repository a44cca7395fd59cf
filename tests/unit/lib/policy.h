/*
 * Roles and grants in a test's store, and callers who ask.
 */
#ifndef TEST_POLICY_H
#define TEST_POLICY_H

#include <stdio.h>

#include "tests/unit/lib/keys.h"
#include "vaultd/core/op.h"
#include "vaultd/core/session.h"

#define TEXTS(...)                                                                                 \
	((struct vault_texts){ (const struct vault_text[]){ __VA_ARGS__ },                         \
			       sizeof((struct vault_text[]){ __VA_ARGS__ }) /                      \
				       sizeof(struct vault_text) })
#define T(s) TEXT_LITERAL(s)
#define TEST_NOW 1000000 /* seconds since 1970 */

/* Somebody who asks, and where he asks from. */
struct test_caller {
	struct vault vault;
	struct scratch scratch;
	struct session session;
	struct op op;
};

/* A caller on admin.sock, whose op is the committer's. */
static inline void
test_caller_start(struct test_caller *c, struct test_keys *t, uint32_t uid)
{
	*c = (struct test_caller){ .session = { .who = { .uid = uid, .gid = uid } } };
	c->session.who.admin_socket = true;
	/* A view: the keys stay the test's. */
	c->vault.keyring = t->keyring;
	assert_ok(scratch_init(&c->scratch, 1 << 16, 16 << 20));
	c->op = (struct op){ .row = &op_rows[OP_grant_put],
			     .vault = &c->vault,
			     .who = &c->session.who,
			     .session = &c->session,
			     .now = { .wall = TEST_NOW },
			     .txn = t->txn,
			     .change = &t->change,
			     .scratch = &c->scratch };
}

static inline void
test_caller_end(struct test_caller *c)
{
	scratch_free(&c->scratch);
}

/* Logs the caller in as the key acme/key, which uid 0 made. */
static inline void
test_caller_login(struct test_caller *c)
{
	c->session.logged_in = true;
	snprintf(c->session.login.principal, sizeof c->session.login.principal, "key:acme/key");
	snprintf(c->session.login.tenant, sizeof c->session.login.tenant, "acme");
	snprintf(c->session.login.creator, sizeof c->session.login.creator, "uid:0");
}

/* A grant of owner on everything, from where a test changes what it is about. */
static inline struct grant_record
test_grant(const char *id, const char *principal)
{
	static const struct vault_text all[] = { { "*", 1 } };

	return (struct grant_record){ .id = text_of(id),
				      .principal = text_of(principal),
				      .role = TEXT_LITERAL("owner"),
				      .tenants = { all, 1 },
				      .names = { all, 1 },
				      .may_grant = { all, 1 },
				      .created_at = 1 };
}

/* Writes it as it is, whoever could give it. */
static inline void
test_put_grant(struct test_keys *t, const struct grant_record *record)
{
	ROW_LOCAL(row);

	row.key = row_key_of(&t->keyring.store, ROW_GRANT, text_bytes(record->id));
	assert_ok(sealed_put(&t->change, &t->keyring.store, &row, grant_record_type(), record));
}

static inline void
test_put_role(struct test_keys *t, const char *name, struct vault_texts methods)
{
	struct role_record record = {
		.name = text_of(name), .methods = methods, .created_at = 1, .updated_at = 1
	};
	ROW_LOCAL(row);

	row.key = row_key_of(&t->keyring.store, ROW_ROLE, text_bytes(record.name));
	assert_ok(sealed_put(&t->change, &t->keyring.store, &row, role_record_type(), &record));
}

static inline struct policy *
test_load(struct test_keys *t)
{
	struct policy *policy = NULL;

	assert_ok(policy_load(t->txn, &t->keyring.store, &policy));
	return policy;
}

/* What the caller is answered about token.sign under a profile of a tenant. */
static inline enum decision
test_sign(const struct policy *policy, const struct test_caller *c, const char *tenant,
	  const char *profile)
{
	struct policy_request request = { .row = &op_rows[OP_token_sign],
					  .tenant = text_of(tenant),
					  .target = text_of(profile),
					  .now = c->op.now,
					  .open = true };

	return policy_decide(policy, &c->session, &request);
}

#endif
