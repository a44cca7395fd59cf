#include "tests/unit/lib/wire.h"

#define STRUCT_MAX 1024 /* bytes of the largest struct that travels */

static struct scratch scratch;

static int
setup(void **state)
{
	(void)state;
	return scratch_init(&scratch, 1 << 20, 64 << 20) == VAULT_OK ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	scratch_free(&scratch);
	return 0;
}

static struct fill
filling(enum fill_mode mode, uint64_t seed)
{
	return (struct fill){ .scratch = &scratch,
			      .mode = mode,
			      .seed = seed + 1,
			      .length_max = 70000,
			      .count_max = 64,
			      .object_max = 3 };
}

static void
round_trip(const struct object_type *type, enum fill_mode mode, uint64_t seed)
{
	_Alignas(16) uint8_t in[STRUCT_MAX], out[STRUCT_MAX];
	struct fill fill = filling(mode, seed);
	struct buf map = { 0 };
	struct fail fail;
	const char *differs;

	assert_true(type->size <= STRUCT_MAX);
	memset(out, 0xa5, sizeof out);
	fill_struct(&fill, type, in);
	wire_write(&map, type, in);
	if (wire_read(type, &map, &scratch, &fail, out) != VAULT_OK)
		fail_msg("%s: %s: %s", type->name, fail.field, fail.message);
	differs = generic_difference(type, in, out);
	if (differs != NULL)
		fail_msg("%s: %s is not what was written", type->name, differs);
	buf_free(&map);
	scratch_reset(&scratch, false);
}

static void
test_what_is_written_is_read(void **state)
{
	(void)state;
	assert_true(wire_types_count > 2 * OP_COUNT);
	for (size_t i = 0; i < wire_types_count; i++) {
		round_trip(wire_types[i](), FILL_REQUIRED, i);
		round_trip(wire_types[i](), FILL_LOW, i);
		round_trip(wire_types[i](), FILL_HIGH, i);
		for (uint64_t seed = 0; seed < 20; seed++)
			round_trip(wire_types[i](), FILL_RANDOM, 1000 * i + seed);
	}
}

/* A filled message of the type, and the same once more for comparison. */
static void
message(const struct object_type *type, enum fill_mode mode, struct buf *map)
{
	_Alignas(16) uint8_t in[STRUCT_MAX];
	struct fill fill = filling(mode, 7);

	fill.length_max = 100;
	fill_struct(&fill, type, in);
	wire_write(map, type, in);
}

/* The map is refused, naming the field, or where field is NULL taken. */
static void
expect(const struct object_type *type, const struct buf *map, enum vault_err want,
       const char *field)
{
	_Alignas(16) uint8_t out[STRUCT_MAX];
	struct fail fail;
	enum vault_err err = wire_read(type, map, &scratch, &fail, out);

	if (err != want)
		fail_msg("%s.%s: %s (%s) instead of %s", type->name, field == NULL ? "" : field,
			 vault_err_code(err), fail.field, vault_err_code(want));
	if (field != NULL && want != VAULT_OK)
		assert_string_equal(fail.field, field);
	scratch_reset(&scratch, false);
}

static void
test_nil_means_absent(void **state)
{
	struct buf nil = { 0 };
	size_t fields = 0;

	(void)state;
	assert_ok(buf_append(&nil, "\xc0", 1));
	for (size_t i = 0; i < wire_types_count; i++) {
		const struct object_type *type = wire_types[i]();
		struct buf map = { 0 }, with = { 0 };

		message(type, FILL_REQUIRED, &map);
		for (unsigned j = 0; j < type->count; j++, fields++) {
			const struct field *field = &type->fields[j];

			wire_exchange(&with, &map, field->name, &nil);
			expect(type, &with, field->required ? VAULT_INVALID_PARAMS : VAULT_OK,
			       field->name);
			buf_truncate(&with, 0);
		}
		buf_free(&with);
		buf_free(&map);
	}
	assert_true(fields > 200);
	buf_free(&nil);
}

static void
test_required(void **state)
{
	struct buf empty = { 0 };

	(void)state;
	assert_ok(buf_append(&empty, "\x80", 1));
	for (size_t i = 0; i < wire_types_count; i++) {
		const struct object_type *type = wire_types[i]();
		const char *first = NULL;

		for (unsigned j = 0; j < type->count && first == NULL; j++)
			first = type->fields[j].required ? type->fields[j].name : NULL;
		expect(type, &empty, first == NULL ? VAULT_OK : VAULT_INVALID_PARAMS, first);
	}
	buf_free(&empty);
}

static void
test_given_twice(void **state)
{
	(void)state;
	for (size_t i = 0; i < wire_types_count; i++) {
		const struct object_type *type = wire_types[i]();
		struct buf map = { 0 }, with = { 0 };
		struct cursor c;
		uint32_t n;

		message(type, FILL_LOW, &map);
		c = wire_cursor(&map);
		assert_true(cursor_map(&c, &n));
		for (uint32_t j = 0; j < n; j++) {
			struct buf again = { 0 };
			struct vault_bytes value;
			struct vault_text name;
			char field[64] = { 0 };

			assert_true(cursor_str(&c, &name) && cursor_skip(&c, &value));
			memcpy(field, name.p, name.len);
			assert_ok(buf_append(&again, value.p, value.len));
			wire_add(&with, &map, name, &again);
			expect(type, &with, VAULT_INVALID_PARAMS, field);
			/* Also where one of the two is nil. */
			buf_truncate(&again, 0);
			assert_ok(buf_append(&again, "\xc0", 1));
			buf_truncate(&with, 0);
			wire_add(&with, &map, name, &again);
			expect(type, &with, VAULT_INVALID_PARAMS, field);
			buf_free(&again);
			buf_truncate(&with, 0);
		}
		buf_free(&with);
		buf_free(&map);
	}
}

static void
test_unknown(void **state)
{
	struct buf value = { 0 };

	(void)state;
	assert_ok(buf_append(&value, "\x93\x01\x81\xa1k\xc0\x03", 7));
	for (size_t i = 0; i < wire_types_count; i++) {
		const struct object_type *type = wire_types[i]();
		_Alignas(16) uint8_t strict[STRUCT_MAX], lenient[STRUCT_MAX];
		struct codec_reader reader = { .mode = CODEC_LENIENT, .scratch = &scratch };
		struct buf map = { 0 }, with = { 0 };
		struct fail fail;

		message(type, FILL_LOW, &map);
		wire_add(&with, &map, TEXT_LITERAL("no_such_field"), &value);
		expect(type, &with, VAULT_INVALID_PARAMS, "no_such_field");
		/* A client passes over it and reads the rest. */
		assert_ok(codec_read(&reader, type, wire_cursor(&with), lenient));
		assert_ok(wire_read(type, &map, &scratch, &fail, strict));
		assert_null(generic_difference(type, strict, lenient));
		buf_free(&with);
		buf_free(&map);
		scratch_reset(&scratch, false);
	}
	buf_free(&value);
}

static void
test_unknown_names_are_told_back_whole_or_not_at_all(void **state)
{
	char longer[FAIL_FIELD_MAX + 10], told[FAIL_FIELD_MAX + 1] = { 0 };
	struct buf map = { 0 }, with = { 0 }, value = { 0 };

	(void)state;
	assert_ok(buf_append(&value, "\xc0", 1));
	assert_ok(buf_append(&map, "\x80", 1));
	memset(longer, 'x', sizeof longer);
	memset(told, 'x', FAIL_FIELD_MAX);
	wire_add(&with, &map, (struct vault_text){ longer, sizeof longer }, &value);
	expect(sys_ping_req_type(), &with, VAULT_INVALID_PARAMS, told);
	buf_truncate(&with, 0);
	wire_add(&with, &map, (struct vault_text){ "\xff\xfe", 2 }, &value);
	expect(sys_ping_req_type(), &with, VAULT_INVALID_PARAMS, "");
	buf_free(&with);
	buf_free(&value);
	buf_free(&map);
}

/* Fields are left out by their flags at any depth, and the count of the map says so. */
static void
test_what_is_left_out(void **state)
{
	static const char kept[] = "\x82\xa7version\x05\xa8signs_at\x06";
	struct key_rotate_res res = { .version = 5, .signs_at = 6, .secret = TEXT_LITERAL("s") };
	struct key_version version = { .version = 1, .state = version_state_current };
	struct key_get_res get = { .name = TEXT_LITERAL("k"), .versions = { &version, 1 } };
	struct buf b = { 0 };
	struct codec_writer writer = { .out = &b, .without = F_ONCE };
	struct vault_bytes raw;
	struct cursor c;

	(void)state;
	codec_write(&writer, key_rotate_res_type(), &res);
	assert_int_equal(buf_len(&b), sizeof kept - 1);
	assert_memory_equal(buf_data(&b), kept, sizeof kept - 1);
	buf_truncate(&b, 0);
	writer.without = F_TIME;
	codec_write(&writer, key_get_res_type(), &get);
	assert_false(writer.failed);
	assert_null(memmem(buf_data(&b), buf_len(&b), "created_at", 10));
	c = wire_cursor(&b);
	assert_true(cursor_skip(&c, &raw));
	assert_true(c.p == c.end);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_written_is_read),
		cmocka_unit_test(test_nil_means_absent),
		cmocka_unit_test(test_required),
		cmocka_unit_test(test_given_twice),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_unknown_names_are_told_back_whole_or_not_at_all),
		cmocka_unit_test(test_what_is_left_out),
	};

	return cmocka_run_group_tests_name("codec", tests, setup, teardown);
}
