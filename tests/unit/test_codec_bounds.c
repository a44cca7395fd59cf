/*
 * Each bound of each field of everything that travels, from both sides, by the descriptors alone.
 */
#include "tests/unit/lib/wire.h"

#include <stdio.h>

#define STRUCT_MAX 1024

static struct scratch scratch;
static size_t refusals; /* how often something was refused as it should be */

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

/* One field under test: its message without it, and the value to be put there. */
struct probe {
	const struct object_type *type;
	const struct field *field;
	struct buf map;
	struct buf value;
	struct codec_writer writer; /* into value */
};

/* Reads the message with the value written since the last try. */
static void
try(struct probe *p, bool good)
{
	_Alignas(16) uint8_t out[STRUCT_MAX];
	struct buf with = { 0 };
	struct fail fail;
	enum vault_err err;

	assert_false(p->writer.failed);
	wire_exchange(&with, &p->map, p->field->name, &p->value);
	err = wire_read(p->type, &with, &scratch, &fail, out);
	if (err != (good ? VAULT_OK : VAULT_INVALID_PARAMS))
		fail_msg("%s.%s: %zu bytes of value: %s: %s", p->type->name, p->field->name,
			 buf_len(&p->value), vault_err_code(err),
			 fail.message == NULL ? "" : fail.message);
	if (!good)
		assert_string_equal(fail.field, p->field->name);
	refusals += !good;
	buf_free(&with);
	buf_truncate(&p->value, 0);
	scratch_reset(&scratch, false);
}

static void
put_text(struct probe *p, int64_t len)
{
	char *text = malloc((size_t)len + 1);

	assert_non_null(text);
	memset(text, 'a', (size_t)len);
	if (p->field->kind == FIELD_BYTES)
		value_bytes(&p->writer, (struct vault_bytes){ (const uint8_t *)text, (size_t)len });
	else
		value_text(&p->writer, (struct vault_text){ text, (size_t)len });
	free(text);
}

static void
try_text(struct probe *p, int64_t len, bool good)
{
	put_text(p, len);
	try(p, good);
}

static void
try_int(struct probe *p, int64_t v, bool good)
{
	value_int(&p->writer, v);
	try(p, good);
}

static void
probe_text(struct probe *p)
{
	try_text(p, p->field->min, true);
	try_text(p, p->field->max, true);
	try_text(p, p->field->max + 1, false);
	if (p->field->min > 0)
		try_text(p, p->field->min - 1, false);
	/* bytes may be sent as str, of any content; text may not be bin. */
	if (p->field->kind == FIELD_BYTES) {
		value_text(
			&p->writer,
			(struct vault_text){
				"\xff\xfe\xff\xfe\xff\xfe\xff\xfe\xff\xfe\xff\xfe\xff\xfe\xff\xfe",
				p->field->min > 16 ? 0 : 16 });
		try(p, p->field->min <= 16);
		return;
	}
	value_bytes(&p->writer, (struct vault_bytes){ (const uint8_t *)"a", 1 });
	try(p, false);
	value_text(&p->writer, (struct vault_text){ "a\xff", 2 });
	try(p, false);
	if (p->field->kind == FIELD_TEXT)
		return;
	value_text(&p->writer, TEXT_LITERAL("a b"));
	try(p, false);
	value_text(&p->writer, TEXT_LITERAL("A/b"));
	try(p, p->field->kind == FIELD_NAME);
}

static void
probe_int(struct probe *p)
{
	static const uint8_t beyond[] = { 0xcf, 0x80, 0, 0, 0, 0, 0, 0, 0 };

	try_int(p, p->field->min, true);
	try_int(p, p->field->max, true);
	if (p->field->min > INT64_MIN)
		try_int(p, p->field->min - 1, false);
	if (p->field->max < INT64_MAX)
		try_int(p, p->field->max + 1, false);
	assert_ok(buf_append(&p->value, beyond, sizeof beyond));
	try(p, false);
	value_float(&p->writer, (double)p->field->min + 0.5);
	try(p, false);
	value_float(&p->writer, (double)p->field->min);
	try(p, true);
	value_text(&p->writer, TEXT_LITERAL("1"));
	try(p, false);
}

static void
probe_bool(struct probe *p)
{
	value_bool(&p->writer, true);
	try(p, true);
	value_bool(&p->writer, false);
	try(p, true);
	try_int(p, 1, false);
	value_text(&p->writer, TEXT_LITERAL("true"));
	try(p, false);
}

static void
probe_enum(struct probe *p)
{
	char longer[64];

	for (int i = 1; i < p->field->values->count; i++) {
		const char *name = p->field->values->names[i];

		value_text(&p->writer, text_of(name));
		try(p, true);
		/* Not shorter: one value may be the beginning of another. */
		assert_true(snprintf(longer, sizeof longer, "%s~", name) < (int)sizeof longer);
		value_text(&p->writer, text_of(longer));
		try(p, false);
	}
	value_text(&p->writer, TEXT_LITERAL(""));
	try(p, false);
	value_text(&p->writer, TEXT_LITERAL("no such value"));
	try(p, false);
	try_int(p, 1, false);
}

static void
put_element(struct probe *p)
{
	if (p->field->kind == FIELD_TEXTS)
		put_text(p, p->field->min);
	else
		value_int(&p->writer, p->field->min);
}

static void
probe_list(struct probe *p)
{
	bool texts = p->field->kind == FIELD_TEXTS;

	for (uint32_t more = 0; more < 2; more++) {
		value_array(&p->writer, p->field->max_count + more);
		for (uint32_t i = 0; i < p->field->max_count + more; i++)
			put_element(p);
		try(p, more == 0);
	}
	for (int64_t off = -1; off <= 1; off += 2) {
		int64_t v = off < 0 ? p->field->min - 1 : p->field->max + 1;

		if (texts && v < 0)
			continue;
		value_array(&p->writer, 2);
		put_element(p);
		if (texts)
			put_text(p, v);
		else
			value_int(&p->writer, v);
		try(p, false);
	}
	value_array(&p->writer, 0);
	try(p, true);
	value_array(&p->writer, 1);
	value_bool(&p->writer, true);
	try(p, false);
	value_map(&p->writer, 0);
	try(p, false);
	/* A count that nothing follows. */
	assert_ok(buf_append(&p->value, "\xa1z", 2));
	try(p, false);
}

static void
put_map(struct probe *p, size_t len)
{
	struct fill fill = { .scratch = &scratch, .seed = 1 };
	struct vault_map map = fill_map_of(&fill, len);

	assert_ok(buf_append(&p->value, map.p, map.len));
}

static void
probe_map(struct probe *p)
{
	put_map(p, (size_t)p->field->max);
	try(p, true);
	put_map(p, (size_t)p->field->max + 1);
	try(p, false);
	value_map(&p->writer, 0);
	try(p, true);
	value_array(&p->writer, 0);
	try(p, true);
	value_array(&p->writer, 1);
	value_nil(&p->writer);
	try(p, false);
	/* A key twice, a key that is no text, a value of a type that travels nowhere. */
	assert_ok(buf_append(&p->value, "\x82\xa1k\x01\xa1k\x01", 7));
	try(p, false);
	assert_ok(buf_append(&p->value, "\x81\x01\x01", 3));
	try(p, false);
	assert_ok(buf_append(&p->value, "\x81\xa1k\xd4\x01\x01", 6));
	try(p, false);
}

static void
probe_object(struct probe *p)
{
	value_text(&p->writer, TEXT_LITERAL("x"));
	try(p, false);
	if (p->field->kind == FIELD_OBJECT)
		return;
	value_map(&p->writer, 0);
	try(p, false);
	value_array(&p->writer, p->field->max_count + 1);
	for (uint32_t i = 0; i < p->field->max_count + 1; i++)
		value_map(&p->writer, 0);
	try(p, false);
	value_array(&p->writer, 0);
	try(p, true);
}

static void (*const probes[])(struct probe *) = {
	[FIELD_TEXT] = probe_text,  [FIELD_TENANT] = probe_text,   [FIELD_NAME] = probe_text,
	[FIELD_BYTES] = probe_text, [FIELD_INT] = probe_int,	   [FIELD_BOOL] = probe_bool,
	[FIELD_ENUM] = probe_enum,  [FIELD_TEXTS] = probe_list,	   [FIELD_INTS] = probe_list,
	[FIELD_MAP] = probe_map,    [FIELD_OBJECT] = probe_object, [FIELD_OBJECTS] = probe_object,
};

static void
probe_type(const struct object_type *type)
{
	for (unsigned i = 0; i < type->count; i++) {
		_Alignas(16) uint8_t in[STRUCT_MAX];
		struct fill fill = { .scratch = &scratch,
				     .mode = FILL_REQUIRED,
				     .seed = i + 1,
				     .length_max = 64,
				     .count_max = 2,
				     .object_max = 1 };
		struct probe p = { .type = type, .field = &type->fields[i] };

		p.writer = wire_writer(&p.value);
		fill_struct(&fill, type, in);
		wire_write(&p.map, type, in);
		probes[p.field->kind](&p);
		buf_free(&p.map);
		buf_free(&p.value);
	}
}

static void
test_requests(void **state)
{
	(void)state;
	refusals = 0;
	for (size_t i = 0; i < WIRE_REQUESTS; i++)
		probe_type(wire_types[i]());
	assert_true(refusals > 300);
}

static void
test_replies(void **state)
{
	(void)state;
	refusals = 0;
	for (size_t i = WIRE_REQUESTS; i < wire_types_count; i++)
		probe_type(wire_types[i]());
	assert_true(refusals > 300);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_replies),
	};

	return cmocka_run_group_tests_name("codec_bounds", tests, setup, teardown);
}
