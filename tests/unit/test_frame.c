#include "protocol/frame.h"
#include "tests/unit/lib/wire.h"

static enum vault_err
parse(const char *bytes, size_t len, struct frame *frame)
{
	return frame_parse((const uint8_t *)bytes, len, frame);
}
#define PARSE(literal, frame) parse(literal, sizeof(literal) - 1, frame)

static void
test_request(void **state)
{
	struct frame f;

	(void)state;
	assert_ok(PARSE("\x94\x00\x07\xa1m\x91\x81\xa1k\x05", &f));
	assert_int_equal(f.type, FRAME_REQUEST);
	assert_int_equal(f.msgid, 7);
	assert_true(text_is(f.method, "m"));
	assert_int_equal(*f.params.p, 0x81);
	assert_int_equal(f.params.end - f.params.p, 4);
	/* Every encoding of the array, the numbers and the text. */
	assert_ok(PARSE("\xdd\x00\x00\x00\x04\xcb\x00\x00\x00\x00\x00\x00\x00\x00\xd3\x00\x00\x00"
			"\x00\xff\xff\xff\xff"
			"\xda\x00\x01m\xdc\x00\x01\xde\x00\x01\xa1k\x05",
			&f));
	assert_int_equal(f.msgid, UINT32_MAX);
	assert_true(text_is(f.method, "m"));
}

/* What stands for no fields at all. */
static void
test_empty_params(void **state)
{
	static const char *const forms[] = { "\x94\x01\x07\xa1m\x90", "\x94\x01\x07\xa1m\x91\xc0",
					     "\x94\x01\x07\xa1m\x91\x80",
					     "\x94\x01\x07\xa1m\x91\x90" };
	struct frame f;

	(void)state;
	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
		char bytes[8];
		size_t len = strlen(forms[i]);

		memcpy(bytes, forms[i], len);
		bytes[1] = 0;
		assert_ok(parse(bytes, len, &f));
		assert_ptr_equal(f.params.p, f.params.end);
		assert_true(text_is(f.method, "m"));
	}
}

static void
test_params_of_another_shape(void **state)
{
	struct frame f;

	(void)state;
	assert_int_equal(PARSE("\x94\x00\x07\xa1m\x92\x80\x80", &f), VAULT_INVALID_PARAMS);
	assert_int_equal(f.msgid, 7);
	assert_true(text_is(f.method, "m"));
	assert_int_equal(PARSE("\x94\x00\x07\xa1m\x91\x05", &f), VAULT_INVALID_PARAMS);
	assert_int_equal(PARSE("\x94\x00\x07\xa1m\x91\x91\xc0", &f), VAULT_INVALID_PARAMS);
	assert_int_equal(PARSE("\x94\x00\x07\xa1m\x91\xa0", &f), VAULT_INVALID_PARAMS);
	assert_int_equal(PARSE("\x94\x00\x07\xa1m\x92\xc0\xc0", &f), VAULT_INVALID_PARAMS);
}

static void
no_request(const char *bytes, size_t len, uint32_t msgid)
{
	struct frame f;

	assert_int_equal(parse(bytes, len, &f), VAULT_INVALID_REQUEST);
	assert_int_equal(f.msgid, msgid);
}
#define NO_REQUEST(literal, msgid) no_request(literal, sizeof(literal) - 1, msgid)

static void
test_not_msgpack_rpc(void **state)
{
	(void)state;
	NO_REQUEST("\xc0", 0);
	NO_REQUEST("\x80", 0);
	NO_REQUEST("\x90", 0);
	NO_REQUEST("\x92\x00\x07", 0);
	NO_REQUEST("\x95\x00\x07\xa1m\x90\x00", 0);
	NO_REQUEST("\x93\x00\x07\xa1m", 7);
	NO_REQUEST("\x94\x03\x07\xa1m\x90", 7);
	NO_REQUEST("\x94\xff\x07\xa1m\x90", 7);
	NO_REQUEST("\x94\xa1m\x07\xa1m\x90", 0);
	NO_REQUEST("\x94\x00\xff\xa1m\x90", 0);
	NO_REQUEST("\x94\x00\xcf\x00\x00\x00\x01\x00\x00\x00\x00\xa1m\x90", 0);
	NO_REQUEST("\x94\x00\xc0\xa1m\x90", 0);
	NO_REQUEST("\x94\x00\x07\x05\x90", 7);
	NO_REQUEST("\x94\x00\x07\xc4\x01m\x90", 7);
	NO_REQUEST("\x94\x00\x07\xa1m\x80", 7);
	NO_REQUEST("\x94\x00\x07\xa1m\xc0", 7);
}

static void
test_notification(void **state)
{
	struct frame f;

	(void)state;
	assert_ok(PARSE("\x93\x02\xa5"
			"event\x91\x81\xa1k\x05",
			&f));
	assert_int_equal(f.type, FRAME_NOTIFICATION);
	assert_int_equal(f.msgid, 0);
	assert_true(text_is(f.method, "event"));
	NO_REQUEST("\x94\x02\xa1m\x90\xc0", 0);
	NO_REQUEST("\x93\x02\x05\x90", 0);
}

static void
test_reply(void **state)
{
	struct frame f;

	(void)state;
	assert_ok(PARSE("\x94\x01\x07\xc0\x81\xa1k\x05", &f));
	assert_int_equal(f.type, FRAME_REPLY);
	assert_int_equal(f.msgid, 7);
	assert_int_equal(f.error.end - f.error.p, 1);
	assert_int_equal(f.result.end - f.result.p, 4);
	NO_REQUEST("\x93\x01\x07\xc0", 7);
	NO_REQUEST("\x94\x01\x07\xc0", 7);
	NO_REQUEST("\x94\x01\x07\xc0\xc1", 7);
}

/* No prefix of a message passes for one, and none is read beyond. */
static void
test_cut_short(void **state)
{
	static const char request[] = "\x94\x00\xcd\x01\x02\xa6method\x91\x82\xa1k\x05\xa1l\xc0";
	struct frame f;

	(void)state;
	assert_ok(PARSE(request, &f));
	for (size_t cut = 0; cut < 13; cut++) {
		char *copy = malloc(cut + 1);

		assert_non_null(copy);
		memcpy(copy, request, cut);
		assert_int_not_equal(parse(copy, cut, &f), VAULT_OK);
		free(copy);
	}
}

/* What the writers send is what the parser reads. */
static void
test_what_is_written(void **state)
{
	struct fail fail = { .message = "why", .retry_after_ms = 1500, .field = "name" };
	struct key_get_req req = { .tenant = TEXT_LITERAL("acme"), .name = TEXT_LITERAL("k") };
	struct buf out = { 0 };
	struct codec_writer writer = wire_writer(&out);
	struct vault_text key, value;
	struct frame f;
	uint32_t n;
	int64_t retry;

	(void)state;
	codec_write_request(&writer, &(struct codec_request){ .msgid = 1000,
							      .method = TEXT_LITERAL("key.get"),
							      .type = key_get_req_type(),
							      .fields = &req });
	assert_ok(frame_parse(buf_data(&out), buf_len(&out), &f));
	assert_int_equal(f.type, FRAME_REQUEST);
	assert_int_equal(f.msgid, 1000);
	assert_true(text_is(f.method, "key.get"));
	buf_truncate(&out, 0);
	codec_write_error(&writer, UINT32_MAX, VAULT_LOCKED, &fail);
	assert_ok(frame_parse(buf_data(&out), buf_len(&out), &f));
	assert_int_equal(f.type, FRAME_REPLY);
	assert_int_equal(f.msgid, UINT32_MAX);
	assert_true(cursor_nil(&f.result));
	assert_true(cursor_map(&f.error, &n) && n == 4);
	assert_true(cursor_str(&f.error, &key) && cursor_str(&f.error, &value));
	assert_true(text_is(key, "code") && text_is(value, "locked"));
	assert_true(cursor_str(&f.error, &key) && cursor_str(&f.error, &value));
	assert_true(text_is(key, "message") && text_is(value, "why"));
	assert_true(cursor_str(&f.error, &key) && cursor_str(&f.error, &value));
	assert_true(text_is(key, "field") && text_is(value, "name"));
	assert_true(cursor_str(&f.error, &key) && cursor_int(&f.error, &retry));
	assert_true(text_is(key, "retry_after_ms") && retry == 1500);
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_empty_params),
		cmocka_unit_test(test_params_of_another_shape),
		cmocka_unit_test(test_not_msgpack_rpc),
		cmocka_unit_test(test_notification),
		cmocka_unit_test(test_reply),
		cmocka_unit_test(test_cut_short),
		cmocka_unit_test(test_what_is_written),
	};

	return cmocka_run_group_tests_name("frame", tests, NULL, NULL);
}
