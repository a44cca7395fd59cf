/*
 * libvaultclient where something goes wrong: errors, deadlines, lost connections, answers without
 * sense.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/lib/fake_daemon.h"

static bool
answer_sign(struct fake *fake, const struct frame *frame, unsigned count)
{
	struct token_sign_res res = { .token = TEXT_LITERAL("a.b.c"),
				      .jti = TEXT_LITERAL("jti"),
				      .expires_at = 1000 + count };

	fake_result(fake, frame->msgid, OP_token_sign, &res);
	return true;
}

static void
test_typed_call(void **state)
{
	struct vault_token_sign_req req = { .tenant = vault_text("acme"),
					    .profile = vault_text("launch") };
	struct vault_token_sign_res res;
	struct fake fake;
	struct vault *vault = fake_start(&fake, answer_sign, FAKE_LONG_MS);

	(void)state;
	assert_int_equal(vault_token_sign(vault, &req, &res), VAULT_OK);
	assert_true(text_is(res.token, "a.b.c"));
	assert_int_equal(res.expires_at, 1001);
	assert_int_equal(vault_token_sign(vault, &req, NULL), VAULT_OK);
	fake_stop(&fake, vault);
}

static bool
answer_error(struct fake *fake, const struct frame *frame, unsigned count)
{
	struct codec_writer w = fake_writer(fake);
	struct fail fail = { .message = "not so fast", .retry_after_ms = 1500, .field = "ttl" };

	codec_write_error(&w, frame->msgid, count == 1 ? VAULT_LIMITED : VAULT_NOT_FOUND,
			  count == 1 ? &fail : NULL);
	return true;
}

static void
test_error_is_told(void **state)
{
	struct vault_sys_ping_res res = { .time = 42 };
	const struct vault_failure *f;
	struct fake fake;
	struct vault *vault = fake_start(&fake, answer_error, FAKE_LONG_MS);

	(void)state;
	assert_int_equal(vault_sys_ping(vault, NULL, &res), VAULT_LIMITED);
	assert_int_equal(res.time, 42);
	f = vault_error(vault);
	assert_int_equal(f->local, VAULT_LOCAL_NONE);
	assert_string_equal(f->code, "limited");
	assert_string_equal(f->message, "not so fast");
	assert_string_equal(f->field, "ttl");
	assert_int_equal(f->retry_after_ms, 1500);
	assert_true(f->retryable);
	assert_int_equal(vault_sys_ping(vault, NULL, &res), VAULT_NOT_FOUND);
	f = vault_error(vault);
	assert_string_equal(f->field, "");
	assert_false(f->retryable);
	fake_stop(&fake, vault);
}

static bool
answer_new_error(struct fake *fake, const struct frame *frame, unsigned count)
{
	static const uint8_t map[] = "\x82\xa4"
				     "code\xa9"
				     "too_hairy\xa4"
				     "more\x93\x01\x02\x03\xc0";
	const uint8_t head[] = { 0x94, 1, (uint8_t)frame->msgid };

	(void)count;
	fake_raw(fake, head, sizeof head);
	fake_raw(fake, map, sizeof map - 1);
	return true;
}

static void
test_error_newer_than_this_library(void **state)
{
	struct fake fake;
	struct vault *vault = fake_start(&fake, answer_new_error, FAKE_LONG_MS);

	(void)state;
	assert_int_equal(vault_sys_ping(vault, NULL, NULL), VAULT_INTERNAL);
	assert_string_equal(vault_error(vault)->code, "too_hairy");
	assert_int_equal(vault_error(vault)->local, VAULT_LOCAL_NONE);
	assert_true(vault_fd(vault) >= 0);
	fake_stop(&fake, vault);
}

static bool
answer_nothing(struct fake *fake, const struct frame *frame, unsigned count)
{
	(void)fake;
	(void)frame;
	(void)count;
	return true;
}

static void
test_deadline(void **state)
{
	struct fake fake;
	struct vault *vault = fake_start(&fake, answer_nothing, FAKE_SHORT_MS);

	(void)state;
	assert_int_equal(vault_sys_ping(vault, NULL, NULL), VAULT_INTERNAL);
	assert_local(vault, VAULT_LOCAL_TIMEOUT, "timeout");
	assert_int_equal(vault_error(vault)->sys_errno, ETIMEDOUT);
	assert_broken(vault);
	assert_int_equal(vault_reconnect(vault), VAULT_INTERNAL);
	assert_local(vault, VAULT_LOCAL_CONNECT, "connect");
	fake_stop(&fake, vault);
}

static bool
answer_end(struct fake *fake, const struct frame *frame, unsigned count)
{
	(void)fake;
	(void)frame;
	(void)count;
	return false;
}

static void
test_lost_connection(void **state)
{
	struct fake fake;
	struct vault *vault = fake_start(&fake, answer_end, FAKE_LONG_MS);

	(void)state;
	assert_int_equal(vault_sys_ping(vault, NULL, NULL), VAULT_INTERNAL);
	assert_local(vault, VAULT_LOCAL_LOST, "lost");
	assert_false(vault_error(vault)->retryable);
	assert_broken(vault);
	fake_stop(&fake, vault);
}

static bool
answer_wrong_id(struct fake *fake, const struct frame *frame, unsigned count)
{
	struct sys_ping_res res = { 1 };

	(void)count;
	fake_result(fake, frame->msgid + 7, OP_sys_ping, &res);
	return true;
}

static bool
answer_too_large(struct fake *fake, const struct frame *frame, unsigned count)
{
	static const uint8_t bytes[] = { 0x94, 0x01, 0x02, 0xc0, 0xc6, 0x10, 0x00, 0x00, 0x00 };

	(void)frame;
	(void)count;
	fake_raw(fake, bytes, sizeof bytes);
	return true;
}

static bool
answer_not_msgpack(struct fake *fake, const struct frame *frame, unsigned count)
{
	(void)frame;
	(void)count;
	fake_raw(fake, "\xc1", 1);
	return true;
}

static bool
answer_with_request(struct fake *fake, const struct frame *frame, unsigned count)
{
	static const uint8_t bytes[] = { 0x94, 0x00, 0x02, 0xa1, 'x', 0x90 };

	(void)frame;
	(void)count;
	fake_raw(fake, bytes, sizeof bytes);
	return true;
}

static bool
answer_claiming_elements(struct fake *fake, const struct frame *frame, unsigned count)
{
	static const uint8_t bytes[] = { 0xdd, 0xff, 0x00, 0x00, 0x00 };

	(void)frame;
	(void)count;
	fake_raw(fake, bytes, sizeof bytes);
	return true;
}

static void
test_answers_without_sense(void **state)
{
	static const fake_answer answers[] = { answer_wrong_id, answer_too_large,
					       answer_not_msgpack, answer_with_request,
					       answer_claiming_elements };

	(void)state;
	for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
		struct fake fake;
		struct vault *vault = fake_start(&fake, answers[i], FAKE_LONG_MS);

		assert_int_equal(vault_sys_ping(vault, NULL, NULL), VAULT_INTERNAL);
		assert_local(vault, VAULT_LOCAL_REPLY, "reply");
		assert_broken(vault);
		fake_stop(&fake, vault);
	}
}

static bool
answer_id_0(struct fake *fake, const struct frame *frame, unsigned count)
{
	struct codec_writer w = fake_writer(fake);

	(void)frame;
	(void)count;
	codec_write_error(&w, 0, VAULT_TOO_LARGE, NULL);
	return true;
}

static void
test_error_about_the_connection(void **state)
{
	struct fake fake;
	struct vault *vault = fake_start(&fake, answer_id_0, FAKE_LONG_MS);

	(void)state;
	assert_int_equal(vault_sys_ping(vault, NULL, NULL), VAULT_TOO_LARGE);
	assert_string_equal(vault_error(vault)->code, "too_large");
	assert_broken(vault);
	fake_stop(&fake, vault);
}

static bool
answer_without_time(struct fake *fake, const struct frame *frame, unsigned count)
{
	const uint8_t bytes[] = { 0x94, 1, (uint8_t)frame->msgid, 0xc0, 0x81, 0xa1, 'x', 0x01 };

	(void)count;
	fake_raw(fake, bytes, sizeof bytes);
	return true;
}

static void
test_result_that_lacks_a_field(void **state)
{
	struct vault_sys_ping_res res = { .time = 42 };
	struct fake fake;
	struct vault *vault = fake_start(&fake, answer_without_time, FAKE_LONG_MS);

	(void)state;
	assert_int_equal(vault_sys_ping(vault, NULL, &res), VAULT_INTERNAL);
	assert_local(vault, VAULT_LOCAL_REPLY, "reply");
	assert_int_equal(res.time, 42);
	fake_stop(&fake, vault);
}

/* Three requests are answered together, the last first; a notification comes between. */

static bool
answer_ping(struct fake *fake, const struct frame *frame, unsigned count)
{
	struct sys_ping_res res = { count };

	fake_result(fake, frame->msgid, OP_sys_ping, &res);
	return true;
}

/* The request leaves by itself, and the answer is there for whoever receives it. */
static void
test_waiting_for_an_answer(void **state)
{
	struct vault_sys_ping_res res;
	struct fake fake;
	struct vault *vault = fake_start(&fake, answer_ping, FAKE_LONG_MS);
	bool arrived = false;
	uint32_t first, second;

	(void)state;
	assert_int_equal(vault_sys_ping_send(vault, NULL, &first), VAULT_OK);
	assert_int_equal(vault_sys_ping_send(vault, NULL, &second), VAULT_OK);
	assert_int_equal(vault_wait(vault, second, FAKE_LONG_MS, &arrived), VAULT_OK);
	assert_true(arrived);
	assert_int_equal(vault_wait(vault, second, 0, &arrived), VAULT_OK);
	assert_true(arrived);
	assert_int_equal(vault_sys_ping_receive(vault, first, &res), VAULT_OK);
	assert_int_equal(res.time, 1);
	assert_int_equal(vault_sys_ping_receive(vault, second, &res), VAULT_OK);
	assert_int_equal(res.time, 2);
	assert_int_equal(vault_wait(vault, second, 0, &arrived), VAULT_INVALID_REQUEST);
	assert_false(arrived);
	fake_stop(&fake, vault);
}

static void
test_waiting_in_vain(void **state)
{
	struct fake fake;
	struct vault *vault = fake_start(&fake, answer_nothing, FAKE_LONG_MS);
	bool arrived = true;
	uint32_t msgid;

	(void)state;
	assert_int_equal(vault_sys_ping_send(vault, NULL, &msgid), VAULT_OK);
	assert_int_equal(vault_wait(vault, msgid, 1, &arrived), VAULT_OK);
	assert_false(arrived);
	assert_true(vault_fd(vault) >= 0);
	fake_stop(&fake, vault);
	vault = fake_start(&fake, answer_end, FAKE_LONG_MS);
	assert_int_equal(vault_sys_ping_send(vault, NULL, &msgid), VAULT_OK);
	assert_int_equal(vault_wait(vault, msgid, FAKE_LONG_MS, &arrived), VAULT_INTERNAL);
	assert_broken(vault);
	fake_stop(&fake, vault);
}

static void
test_request_too_large(void **state)
{
	struct vault_key_sign_req req = { .tenant = vault_text("acme"), .name = vault_text("k") };
	struct fake fake;
	struct vault *vault = fake_start(&fake, answer_ping, FAKE_LONG_MS);
	uint8_t *large = calloc(1, FRAME_MAX);

	(void)state;
	assert_non_null(large);
	req.message = (struct vault_bytes){ large, FRAME_MAX };
	assert_int_equal(vault_key_sign(vault, &req, NULL), VAULT_INVALID_REQUEST);
	assert_int_equal(vault_error(vault)->sys_errno, EMSGSIZE);
	assert_int_equal(vault_sys_ping(vault, NULL, NULL), VAULT_OK);
	free(large);
	fake_stop(&fake, vault);
}

static void
test_child_may_not_use_it(void **state)
{
	struct fake fake;
	struct vault *vault = fake_start(&fake, answer_ping, FAKE_LONG_MS);
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		bool refused = vault_sys_ping(vault, NULL, NULL) == VAULT_INVALID_REQUEST &&
			       vault_reconnect(vault) == VAULT_INVALID_REQUEST;

		vault_close(vault);
		_exit(refused ? 0 : 1);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(vault_sys_ping(vault, NULL, NULL), VAULT_OK);
	fake_stop(&fake, vault);
}

static void
test_no_daemon(void **state)
{
	char long_path[300];
	struct vault *vault;

	(void)state;
	assert_int_equal(vault_open("/nonexistent/vaultd.sock", NULL, &vault), VAULT_INTERNAL);
	assert_local(vault, VAULT_LOCAL_CONNECT, "connect");
	assert_int_equal(vault_error(vault)->sys_errno, ENOENT);
	assert_true(vault_error(vault)->retryable);
	assert_broken(vault);
	vault_close(vault);
	memset(long_path, 'x', sizeof long_path - 1);
	long_path[sizeof long_path - 1] = '\0';
	assert_int_equal(vault_open(long_path, NULL, &vault), VAULT_INTERNAL);
	assert_int_equal(vault_error(vault)->sys_errno, ENAMETOOLONG);
	vault_close(vault);
	vault_close(NULL);
	assert_string_equal(vault_error(NULL)->code, "memory");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_typed_call),
		cmocka_unit_test(test_error_is_told),
		cmocka_unit_test(test_error_newer_than_this_library),
		cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_lost_connection),
		cmocka_unit_test(test_answers_without_sense),
		cmocka_unit_test(test_error_about_the_connection),
		cmocka_unit_test(test_result_that_lacks_a_field),
		cmocka_unit_test(test_waiting_for_an_answer),
		cmocka_unit_test(test_waiting_in_vain),
		cmocka_unit_test(test_request_too_large),
		cmocka_unit_test(test_child_may_not_use_it),
		cmocka_unit_test(test_no_daemon),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
