#include "vaultd/dispatch.h"

#include <stdlib.h>

#include "tests/unit/lib/vault.h"

static void
test_a_token(void **state)
{
	struct test_vault *t = *state;
	struct token_sign_req sign = { .tenant = TEXT_LITERAL("acme"),
				       .profile = TEXT_LITERAL("p"),
				       .subject = TEXT_LITERAL("s") };
	struct token_verify_req verify = { .tenant = TEXT_LITERAL("acme"),
					   .profile = TEXT_LITERAL("p") };
	struct token_sign_res signed_;
	struct token_verify_res verified;
	char token[4096];

	test_vault_acme(t, key_algorithm_HS256);
	test_vault_do(t, OP_token_sign, &sign, &signed_);
	assert_true(signed_.token.len < sizeof token);
	memcpy(token, signed_.token.p, signed_.token.len);
	verify.token = (struct vault_text){ token, signed_.token.len };
	test_vault_do(t, OP_token_verify, &verify, &verified);
	assert_true(verified.valid);
	token[signed_.token.len / 2] ^= 1;
	test_vault_do(t, OP_token_verify, &verify, &verified);
	assert_false(verified.valid);
}

/*
 * A caller without a grant learns nothing of what there is: every byte of the answers is the same.
 */
static void
test_denied_says_nothing(void **state)
{
	static const char *const tenants[] = { "acme", "nobody" };
	struct test_vault *t = *state;
	struct buf first = { 0 };

	test_vault_acme(t, key_algorithm_HS256);
	for (size_t i = 0; i < 2; i++) {
		struct token_sign_req sign = { .tenant = text_of(tenants[i]),
					       .profile = TEXT_LITERAL("p"),
					       .subject = TEXT_LITERAL("s") };
		struct key_get_req get = { .tenant = text_of(tenants[i]),
					   .name = TEXT_LITERAL("k") };
		struct key_rotate_req rotate = { .tenant = text_of(tenants[i]),
						 .name = TEXT_LITERAL("k") };
		const struct {
			enum op_id id;
			const void *req;
		} asks[] = { { OP_token_sign, &sign },
			     { OP_key_get, &get },
			     { OP_key_rotate, &rotate } };

		for (size_t j = 0; j < 3; j++) {
			assert_int_equal(
				test_vault_call(t, &test_stranger, asks[j].id, asks[j].req),
				VAULT_DENIED);
			if (buf_len(&first) == 0)
				assert_ok(buf_append(&first, buf_data(&t->reply),
						     buf_len(&t->reply)));
			assert_int_equal(buf_len(&t->reply), buf_len(&first));
			assert_memory_equal(buf_data(&t->reply), buf_data(&first), buf_len(&first));
		}
	}
	/* Who has a grant is told. */
	assert_int_equal(
		test_vault_ask(t, OP_key_get,
			       &(struct key_get_req){ TEXT_LITERAL("nobody"), TEXT_LITERAL("k") },
			       NULL),
		VAULT_NOT_FOUND);
	buf_free(&first);
}

static void
test_admin_is_for_the_other_socket(void **state)
{
	struct test_vault *t = *state;
	struct identity root = test_root;
	struct tenant_list_req list = { 0 };

	assert_ok(test_vault_call(t, &root, OP_tenant_list, &list));
	root.admin_socket = false;
	assert_int_equal(test_vault_call(t, &root, OP_tenant_list, &list), VAULT_DENIED);
}

/* Every operation, asked for with nothing, answers something and leaves a vault that works. */
static void
test_every_operation_without_fields(void **state)
{
	struct test_vault *t = *state;

	for (int id = 0; id < OP_COUNT; id++) {
		struct buf frame = { 0 };
		struct codec_writer writer = { .out = &frame };

		if (id == OP_sys_seal)
			continue;
		value_array(&writer, 4);
		value_int(&writer, 0);
		value_int(&writer, id);
		value_text(&writer, text_of(op_rows[id].method));
		value_array(&writer, 0);
		test_vault_send(t, &test_root,
				(struct vault_bytes){ buf_data(&frame), buf_len(&frame) });
		assert_true(buf_len(&t->reply) > 4);
		assert_int_equal(buf_data(&t->reply)[1], FRAME_REPLY);
		buf_free(&frame);
	}
	test_vault_acme(t, key_algorithm_EdDSA);
}

/*
 * It was postponed when the slow lane was asked for a pair. One more each time that it fails would
 * double what is due every ten minutes.
 */
static void
test_a_rotation_that_failed_with_its_pair_made_has_one_entry(void **state)
{
	const struct due_entry entry = { .target = { .tenant = 1, .kind = ROW_KEY } };
	struct due_call call = { .entry = &entry, .result = VAULT_INTEGRITY };
	struct test_vault *t = *state;
	struct change change;
	enum vault_err err;
	struct txn *txn;
	int64_t at;

	test_vault_acme(t, key_algorithm_HS256);
	assert_ok(txn_write(t->vault.store, &txn));
	change_start(&change, txn);
	call.change = &change;
	dispatch_due_failed(&t->runner, &call);
	err = due_first(txn, &at);
	txn_abort(txn);
	assert_ok(err);
	assert_ok(call.result);
	assert_int_equal(at, DUE_NEVER);
	assert_int_equal(audit_batch_count(&t->runner.audit), 1);
	audit_batch_reset(&t->runner.audit);
}

/* key.rotate of acme's k under the id; what was answered stands in t->reply. */
static void
rotate_once(struct test_vault *t, const char *id)
{
	struct key_rotate_req req = { .tenant = TEXT_LITERAL("acme"), .name = TEXT_LITERAL("k") };
	struct op_common common = { .request_id = text_of(id) };
	struct buf frame = { 0 };
	struct codec_writer writer = { .out = &frame };

	codec_write_request(&writer, &(struct codec_request){ .msgid = 9,
							      .method = TEXT_LITERAL("key.rotate"),
							      .type = key_rotate_req_type(),
							      .fields = &req,
							      .common = &common });
	test_vault_send(t, &test_root, (struct vault_bytes){ buf_data(&frame), buf_len(&frame) });
	buf_free(&frame);
}

static bool
reply_says(const struct test_vault *t, const char *word)
{
	return memmem(buf_data(&t->reply), buf_len(&t->reply), word, strlen(word)) != NULL;
}

/* The store's grants again, or as if there were none. */
static void
publish(struct test_vault *t, bool none)
{
	struct policy *policy;
	struct txn *txn;

	assert_ok(txn_read(t->vault.store, &txn));
	assert_ok(policy_load(txn, &t->vault.keyring.store, &policy));
	if (none)
		memset(policy->holders, 0, (policy->mask + 1) * sizeof policy->holders[0]);
	policy_publish(&t->vault.policy, policy);
	txn_abort(txn);
}

/* The checks come before what was answered earlier, or a right that was lost would live on. */
static void
test_who_lost_the_right_gets_no_earlier_answer(void **state)
{
	struct test_vault *t = *state;

	test_vault_acme(t, key_algorithm_HS256);
	rotate_once(t, "a");
	assert_true(reply_says(t, "version") && !reply_says(t, "replayed"));
	rotate_once(t, "a");
	assert_true(reply_says(t, "version") && reply_says(t, "replayed"));
	publish(t, true);
	rotate_once(t, "a");
	assert_true(reply_says(t, "denied") && !reply_says(t, "version"));
	publish(t, false);
	rotate_once(t, "a");
	assert_true(reply_says(t, "replayed"));
}

/* The records of one method, newest first, as the audit gives them. */
static size_t
records_of(struct test_vault *t, enum op_id id, struct audit_record *recs, size_t max)
{
	struct audit_range range = { .order = AUDIT_NEWEST };
	struct audit_record rec;
	struct audit_scan *scan;
	size_t n = 0;
	uint64_t seq;

	assert_ok(audit_scan_open(t->vault.audit, &range, &scan));
	while (audit_scan_next(scan, &rec, &seq) == VAULT_OK)
		if (rec.event == AUDIT_EVENT_CALL && rec.method == op_rows[id].number && n < max)
			recs[n++] = rec;
	audit_scan_close(scan);
	return n;
}

static void
test_audit_records(void **state)
{
	struct test_vault *t = *state;
	struct token_sign_req sign = { .tenant = TEXT_LITERAL("acme"),
				       .profile = TEXT_LITERAL("p"),
				       .subject = TEXT_LITERAL("s") };
	struct token_verify_req verify = { .tenant = TEXT_LITERAL("acme"),
					   .profile = TEXT_LITERAL("p"),
					   .token = TEXT_LITERAL("x") };
	struct audit_record recs[4];

	test_vault_acme(t, key_algorithm_HS256);
	assert_int_equal(records_of(t, OP_key_create, recs, 4), 1);
	assert_int_equal(recs[0].outcome, audit_outcome_ok);
	assert_int_equal(recs[0].code, VAULT_OK);
	assert_int_equal(recs[0].tenant, 1);
	assert_int_equal(recs[0].row_hash.len, AUDIT_HASH_BYTES);
	assert_int_equal(recs[0].uid, 0);
	test_vault_do(t, OP_token_sign, &sign, NULL);
	assert_int_equal(records_of(t, OP_token_sign, recs, 4), 1);
	assert_int_equal(recs[0].jti.len, AUDIT_JTI_BYTES);
	assert_int_equal(recs[0].tenant, 1);
	test_vault_do(t, OP_token_verify, &verify, NULL);
	assert_int_equal(records_of(t, OP_token_verify, recs, 4), 1);
	assert_int_equal(recs[0].outcome, audit_outcome_invalid);
	assert_int_equal(recs[0].reason, verify_reason_malformed);
	assert_int_equal(test_vault_call(t, &test_stranger, OP_token_sign, &sign), VAULT_DENIED);
	assert_int_equal(records_of(t, OP_token_sign, recs, 4), 2);
	assert_int_equal(recs[0].outcome, audit_outcome_denied);
	assert_int_equal(recs[0].uid, 4711);
	assert_null(recs[0].jti.p);
	sign.profile = TEXT_LITERAL("none");
	assert_int_equal(test_vault_ask(t, OP_token_sign, &sign, NULL), VAULT_NOT_FOUND);
	assert_int_equal(records_of(t, OP_token_sign, recs, 4), 3);
	assert_int_equal(recs[0].outcome, audit_outcome_error);
	assert_int_equal(recs[0].code, VAULT_NOT_FOUND);
	/* Quiet ones leave none. */
	test_vault_do(t, OP_sys_ping, &(struct sys_ping_req){}, NULL);
	assert_int_equal(records_of(t, OP_sys_ping, recs, 4), 0);
}

static void
test_sealed(void **state)
{
	struct test_vault *t = *state;
	struct key_list_req list = { .tenant = TEXT_LITERAL("acme") };
	struct sys_status_res status;

	test_vault_acme(t, key_algorithm_HS256);
	test_vault_restart(t);
	assert_int_equal(test_vault_ask(t, OP_key_list, &list, NULL), VAULT_SEALED);
	test_vault_do(t, OP_sys_status, &(struct sys_status_req){}, &status);
	assert_true(status.sealed && status.initialized);
	assert_int_equal(
		test_vault_call(t, &test_stranger, OP_sys_status, &(struct sys_status_req){}),
		VAULT_DENIED);
	assert_ok(test_vault_call(t, &test_stranger, OP_sys_ping, &(struct sys_ping_req){}));
	test_vault_unseal(t);
	test_vault_do(t, OP_key_list, &list, NULL);
}

/* What was revoked is refused from the next request on, also by a thread that has it cached. */
static void
test_revoked_is_refused_at_once(void **state)
{
	struct test_vault *t = *state;
	struct token_sign_req sign = { .tenant = TEXT_LITERAL("acme"),
				       .profile = TEXT_LITERAL("p"),
				       .subject = TEXT_LITERAL("s") };
	struct key_revoke_req revoke = { .tenant = TEXT_LITERAL("acme"),
					 .name = TEXT_LITERAL("k") };

	test_vault_acme(t, key_algorithm_HS256);
	test_vault_do(t, OP_token_sign, &sign, NULL);
	test_vault_do(t, OP_key_revoke, &revoke, NULL);
	assert_int_equal(test_vault_ask(t, OP_token_sign, &sign, NULL), VAULT_CONFLICT);
}

static void
test_frames_that_are_none(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		enum verdict verdict;
	} rows[] = { { "\xc0", 1, VERDICT_CLOSE },
		     { "\x94\x01\x07\xc0\xc0", 5, VERDICT_CLOSE },
		     { "\x94\x00\x07\xa1m\x90", 6, VERDICT_DONE },
		     { "\x94\x00\x07\xa8sys.ping\x91\x05", 14, VERDICT_DONE } };
	struct test_vault *t = *state;

	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(
			test_vault_send(t, &test_root,
					(struct vault_bytes){ (const uint8_t *)rows[i].bytes,
							      rows[i].len }),
			rows[i].verdict);
		assert_true(buf_len(&t->reply) > 0);
	}
	/* A client's notification is ignored. */
	assert_int_equal(test_vault_send(t, &test_root,
					 (struct vault_bytes){
						 (const uint8_t *)"\x93\x02\xa8sys.ping\x90", 12 }),
			 VERDICT_DONE);
	assert_int_equal(buf_len(&t->reply), 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, test_vault_setup, test_vault_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_a_token),
		TEST(test_denied_says_nothing),
		TEST(test_admin_is_for_the_other_socket),
		TEST(test_every_operation_without_fields),
		TEST(test_a_rotation_that_failed_with_its_pair_made_has_one_entry),
		TEST(test_who_lost_the_right_gets_no_earlier_answer),
		TEST(test_audit_records),
		TEST(test_sealed),
		TEST(test_revoked_is_refused_at_once),
		TEST(test_frames_that_are_none),
	};

	return cmocka_run_group_tests_name("dispatch", tests, NULL, NULL);
}
