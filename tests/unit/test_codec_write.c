/* The writer of structs against msgpack-c, which writes free-form values: byte for byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "protocol/text.h"
#include "tests/unit/lib/wire.h"

#define LENGTH_MAX 70000

/* Both sides of every length that changes a head's form. */
static const size_t lengths[] = { 0, 1, 15, 16, 31, 32, 255, 256, 65535, 65536, LENGTH_MAX };

static void
same(struct buf *a, struct buf *b)
{
	assert_int_equal(buf_len(a), buf_len(b));
	assert_memory_equal(buf_data(a), buf_data(b), buf_len(a));
	buf_free(a);
	buf_free(b);
}

static void
test_integers(void **state)
{
	static const int64_t values[] = {
		0,	    1,
		127,	    128,
		255,	    256,
		32767,	    32768,
		65535,	    65536,
		INT32_MAX,  INT64_C(2147483648),
		UINT32_MAX, INT64_C(4294967296),
		INT64_MAX,  -1,
		-32,	    -33,
		-128,	    -129,
		-32768,	    -32769,
		INT32_MIN,  INT64_C(-2147483649),
		INT64_MIN,
	};

	(void)state;
	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
		struct sys_ping_res res = { .time = values[i] };
		struct buf ours = { 0 }, theirs = { 0 };
		struct codec_writer writer = wire_writer(&theirs);

		wire_write(&ours, sys_ping_res_type(), &res);
		value_map(&writer, 1);
		value_text(&writer, TEXT_LITERAL("time"));
		value_int(&writer, values[i]);
		same(&ours, &theirs);
	}
}

static void
test_texts_and_bytes(void **state)
{
	char *text = calloc(1, LENGTH_MAX);

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		struct key_public_res public = { .jwks = { text, lengths[i] }, .max_age = 1 };
		struct key_sign_res sign = { .signature = { (uint8_t *)text, lengths[i] },
					     .version = 1 };
		struct buf ours = { 0 }, theirs = { 0 };
		struct codec_writer writer = wire_writer(&theirs);

		wire_write(&ours, key_public_res_type(), &public);
		wire_write(&ours, key_sign_res_type(), &sign);
		value_map(&writer, 2);
		value_text(&writer, TEXT_LITERAL("jwks"));
		value_text(&writer, public.jwks);
		value_text(&writer, TEXT_LITERAL("max_age"));
		value_int(&writer, 1);
		value_map(&writer, 2);
		value_text(&writer, TEXT_LITERAL("signature"));
		value_bytes(&writer, sign.signature);
		value_text(&writer, TEXT_LITERAL("version"));
		value_int(&writer, 1);
		same(&ours, &theirs);
	}
	free(text);
}

static void
test_lists(void **state)
{
	int64_t *numbers = calloc(LENGTH_MAX, sizeof *numbers);

	(void)state;
	assert_non_null(numbers);
	for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		struct key_revoke_res res = { .revoked = { numbers, lengths[i] } };
		struct buf ours = { 0 }, theirs = { 0 };
		struct codec_writer writer = wire_writer(&theirs);

		wire_write(&ours, key_revoke_res_type(), &res);
		value_map(&writer, 1);
		value_text(&writer, TEXT_LITERAL("revoked"));
		value_array(&writer, lengths[i]);
		for (size_t n = 0; n < lengths[i]; n++)
			value_int(&writer, 0);
		same(&ours, &theirs);
	}
	free(numbers);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_integers),
		cmocka_unit_test(test_texts_and_bytes),
		cmocka_unit_test(test_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
