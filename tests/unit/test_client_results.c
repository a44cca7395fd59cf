/*
 * libvaultclient where all goes well: batches, lists, generic calls, and the wiping of results.
 */
#include <string.h>

#include "tests/unit/lib/fake_daemon.h"

static bool
answer_backwards(struct fake *fake, const struct frame *frame, unsigned count)
{
	static const uint8_t notification[] = { 0x93, 0x02, 0xa5, 'e',	'v',
						'e',  'n',  't',  0x91, 0x80 };

	fake->ids[count - 1] = frame->msgid;
	for (unsigned i = count; count == 3 && i > 0; i--) {
		struct sys_ping_res res = { 100 + i };

		fake_result(fake, fake->ids[i - 1], OP_sys_ping, &res);
		fake_raw(fake, notification, sizeof notification);
	}
	return true;
}

static void
test_batch_in_any_order(void **state)
{
	struct vault_sys_ping_res res;
	struct vault_bytes raw;
	struct fake fake;
	struct vault *vault = fake_start(&fake, answer_backwards, FAKE_LONG_MS);
	uint32_t ids[3];

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(vault_sys_ping_send(vault, NULL, &ids[i]), VAULT_OK);
	assert_int_equal(vault_sys_ping_receive(vault, ids[1], &res), VAULT_OK);
	assert_int_equal(res.time, 102);
	assert_int_equal(vault_sys_ping_receive(vault, ids[0], &res), VAULT_OK);
	assert_int_equal(res.time, 101);
	assert_int_equal(vault_receive(vault, ids[2], &raw), VAULT_OK);
	assert_int_equal(raw.p[0], 0x81);
	assert_int_equal(vault_receive(vault, ids[2], &raw), VAULT_INVALID_REQUEST);
	assert_local(vault, VAULT_LOCAL_USE, "use");
	assert_true(vault_fd(vault) >= 0);
	fake_stop(&fake, vault);
}

#define ECHO_BYTES 8192 /* of each message; a thousand of them are far more than a socket holds */

static bool
answer_signature(struct fake *fake, const struct frame *frame, unsigned count)
{
	static const uint8_t message[ECHO_BYTES];
	struct codec_writer w = fake_writer(fake);

	(void)count;
	value_array(&w, 4);
	value_int(&w, 1);
	value_int(&w, frame->msgid);
	value_nil(&w);
	value_map(&w, 1);
	value_text(&w, TEXT_LITERAL("message"));
	value_bytes(&w, (struct vault_bytes){ message, sizeof message });
	return true;
}

static void
test_batch_larger_than_the_socket(void **state)
{
	static const uint8_t message[ECHO_BYTES];
	struct vault_key_sign_req req = { .tenant = vault_text("acme"),
					  .name = vault_text("k"),
					  .message = { message, sizeof message } };
	struct fake fake;
	struct vault *vault = fake_start(&fake, answer_signature, FAKE_LONG_MS);
	uint32_t ids[IN_FLIGHT_MAX], more;

	(void)state;
	for (int i = 0; i < IN_FLIGHT_MAX; i++)
		assert_int_equal(vault_key_sign_send(vault, &req, &ids[i]), VAULT_OK);
	assert_int_equal(vault_key_sign_send(vault, &req, &more), VAULT_BUSY);
	assert_local(vault, VAULT_LOCAL_MEMORY, "memory");
	for (int i = IN_FLIGHT_MAX; i > 0; i--)
		assert_int_equal(vault_receive(vault, ids[i - 1], NULL), VAULT_OK);
	fake_stop(&fake, vault);
}

static bool
answer_list(struct fake *fake, const struct frame *frame, unsigned count)
{
	static const struct tenant_get_res items[] = {
		{ .tenant = TEXT_LITERAL("acme"), .state = tenant_state_active, .created_at = 5 },
		{ .tenant = TEXT_LITERAL("initech"),
		  .state = tenant_state_suspended,
		  .created_at = 6 },
	};
	struct tenant_list_res res = { .items = { items, 2 }, .cursor = TEXT_LITERAL("next-page") };
	struct tenant_list_req req;
	struct scratch scratch;
	struct codec_reader reader = { .mode = CODEC_STRICT, .scratch = &scratch };

	if (scratch_init(&scratch, 4096, 0) != VAULT_OK)
		return false;
	if (count == 2) {
		/* The second page must be asked for with the first one's cursor. */
		if (codec_read(&reader, tenant_list_req_type(), frame->params, &req) != VAULT_OK ||
		    !text_is(req.cursor, "next-page"))
			count = 0;
		res = (struct tenant_list_res){ .items = { items, count == 0 ? 0 : 1 } };
	}
	scratch_free(&scratch);
	fake_result(fake, frame->msgid, OP_tenant_list, &res);
	return true;
}

static void
test_lists_and_their_cursor(void **state)
{
	struct vault_tenant_list_req req = { .limit = vault_int(2) };
	struct vault_tenant_list_res res;
	struct fake fake;
	struct vault *vault = fake_start(&fake, answer_list, FAKE_LONG_MS);

	(void)state;
	assert_int_equal(vault_tenant_list(vault, &req, &res), VAULT_OK);
	assert_int_equal(res.items.n, 2);
	assert_true(text_is(res.items.v[1].tenant, "initech"));
	assert_int_equal(res.items.v[1].state, VAULT_TENANT_STATE_SUSPENDED);
	assert_null(res.items.v[1].display_name.p);
	/* The cursor is a view of the last result, and may be. */
	req.cursor = res.cursor;
	assert_int_equal(vault_tenant_list(vault, &req, &res), VAULT_OK);
	assert_int_equal(res.items.n, 1);
	assert_null(res.cursor.p);
	fake_stop(&fake, vault);
}

static bool
answer_secret(struct fake *fake, const struct frame *frame, unsigned count)
{
	struct key_rotate_res res = { .version = 2,
				      .secret = TEXT_LITERAL("whsec_this-is-the-secret") };

	if (count == 1)
		fake_result(fake, frame->msgid, OP_key_rotate, &res);
	else
		fake_result(fake, frame->msgid, OP_sys_ping, &(struct sys_ping_res){ 1 });
	return true;
}

static void
test_last_result_is_wiped(void **state)
{
	static const uint8_t zeros[24];
	struct vault_key_rotate_req req = { .tenant = vault_text("acme"),
					    .name = vault_text("hook") };
	struct vault_key_rotate_res res;
	struct fake fake;
	struct vault *vault = fake_start(&fake, answer_secret, FAKE_LONG_MS);

	(void)state;
	assert_int_equal(vault_key_rotate(vault, &req, &res), VAULT_OK);
	assert_true(text_is(res.secret, "whsec_this-is-the-secret"));
	assert_int_equal(vault_sys_ping(vault, NULL, NULL), VAULT_OK);
	/* The handle keeps the block, of which the short answer uses only the beginning. */
	assert_memory_equal(res.secret.p, zeros, res.secret.len);
	fake_stop(&fake, vault);
}

/* Answers the number of fields of the request, as its time. */
static bool
answer_count(struct fake *fake, const struct frame *frame, unsigned count)
{
	struct sys_ping_res res = { 0 };
	struct cursor c = frame->params;
	struct vault_text key;
	uint32_t n = 0;

	(void)count;
	if (c.p != c.end && cursor_map(&c, &n))
		res.time = n;
	for (uint32_t i = 0; i < n; i++)
		if (cursor_str(&c, &key) && cursor_skip(&c, NULL) && text_is(key, "request_id"))
			res.time += 100;
	fake_result(fake, frame->msgid, OP_sys_ping, &res);
	return true;
}

/* The time in the result of a generic sys.ping. */
static int64_t
generic_time(struct vault *vault, struct vault_map params)
{
	struct vault_bytes result;
	struct vault_text key;
	struct cursor c;
	int64_t time = -1;
	uint32_t n;

	assert_int_equal(vault_call(vault, "sys.ping", params, &result), VAULT_OK);
	c = (struct cursor){ result.p, result.p + result.len };
	assert_true(cursor_map(&c, &n) && cursor_str(&c, &key) && cursor_int(&c, &time));
	return time;
}

static void
test_generic_call(void **state)
{
	static const uint8_t two[] = { 0x82, 0xa1, 'a', 0x01, 0xa1, 'b', 0x02 };
	static const uint8_t broken[] = { 0x82, 0xa1, 'a', 0x01, 0xa1 };
	struct vault_sys_ping_res res;
	struct fake fake;
	struct vault *vault = fake_start(&fake, answer_count, FAKE_LONG_MS);

	(void)state;
	assert_int_equal(generic_time(vault, (struct vault_map){ NULL, 0 }), 0);
	assert_int_equal(generic_time(vault, (struct vault_map){ two, sizeof two }), 2);
	assert_int_equal(vault_set_actor(vault, vault_text("alice")), VAULT_OK);
	assert_int_equal(vault_set_request_id(vault, vault_text("r1")), VAULT_OK);
	assert_int_equal(generic_time(vault, (struct vault_map){ two, sizeof two }), 104);
	assert_int_equal(generic_time(vault, (struct vault_map){ two, sizeof two }), 3);
	assert_int_equal(vault_sys_ping(vault, NULL, &res), VAULT_OK);
	assert_int_equal(res.time, 1);
	assert_int_equal(
		vault_call(vault, "sys.ping", (struct vault_map){ broken, sizeof broken }, NULL),
		VAULT_INVALID_REQUEST);
	assert_local(vault, VAULT_LOCAL_USE, "use");
	fake_stop(&fake, vault);
}

/* The first is answered whole, the next as replayed: nothing kept, then without the secret. */
static bool
answer_again(struct fake *fake, const struct frame *frame, unsigned count)
{
	static const uint8_t kept[] = "\x82\xa7version\x02\xa8signs_at\x03";
	struct key_rotate_res res = { .version = 2, .secret = TEXT_LITERAL("whsec_shown-once") };
	struct codec_writer writer = fake_writer(fake);
	struct vault_map result = { kept, sizeof kept - 1 };

	if (count == 2)
		codec_write_replayed(&writer, frame->msgid, (struct vault_map){ NULL, 0 });
	else if (count == 3)
		codec_write_replayed(&writer, frame->msgid, result);
	else
		fake_result(fake, frame->msgid, OP_key_rotate, &res);
	return true;
}

static void
test_a_replayed_result(void **state)
{
	struct vault_key_rotate_req req = { .tenant = vault_text("t"), .name = vault_text("n") };
	struct vault_key_rotate_res res = { 0 };
	struct fake fake;
	struct vault *vault = fake_start(&fake, answer_again, FAKE_LONG_MS);

	(void)state;
	assert_int_equal(vault_key_rotate(vault, &req, &res), VAULT_OK);
	assert_false(vault_replayed(vault));
	assert_int_equal(vault_key_rotate(vault, &req, &res), VAULT_OK);
	assert_true(vault_replayed(vault));
	assert_true(res.version == 0 && res.secret.p == NULL);
	assert_int_equal(vault_key_rotate(vault, &req, &res), VAULT_OK);
	assert_true(vault_replayed(vault));
	assert_true(res.version == 2 && res.signs_at == 3 && res.secret.p == NULL);
	assert_int_equal(vault_key_rotate(vault, &req, &res), VAULT_OK);
	assert_false(vault_replayed(vault));
	assert_true(text_is(res.secret, "whsec_shown-once"));
	fake_stop(&fake, vault);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_batch_in_any_order),
		cmocka_unit_test(test_batch_larger_than_the_socket),
		cmocka_unit_test(test_lists_and_their_cursor),
		cmocka_unit_test(test_last_result_is_wiped),
		cmocka_unit_test(test_generic_call),
		cmocka_unit_test(test_a_replayed_result),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
