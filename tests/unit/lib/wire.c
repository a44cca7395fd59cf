#include "tests/unit/lib/wire.h"

const struct object_type *(*const wire_types[])(void) = {
#define OP_BEGIN(id, method, number, class, lane, flags, roles, summary) id##_req_type,
#include "protocol/ops_none.h"
#include "protocol/ops.def"
#include "protocol/ops_end.h"
	op_common_type,
#define OP_BEGIN(id, method, number, class, lane, flags, roles, summary) id##_res_type,
#define OBJECT_BEGIN(id) id##_type,
#include "protocol/ops_none.h"
#include "protocol/ops.def"
#include "protocol/ops_end.h"
};
const size_t wire_types_count = sizeof wire_types / sizeof wire_types[0];

static uint64_t
next(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static void
put(struct buf *out, const void *p, size_t n)
{
	assert_ok(buf_append(out, p, n));
}

static void
put_head(struct buf *out, uint8_t first, uint64_t v, unsigned size)
{
	uint8_t head[9] = { first };

	for (unsigned i = 0; i < size; i++)
		head[1 + i] = (uint8_t)(v >> 8 * (size - 1 - i));
	put(out, head, 1 + size);
}

static void
put_random_bytes(struct buf *out, uint64_t *seed, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t byte = (uint8_t)next(seed);

		put(out, &byte, 1);
	}
}

/* The first bytes whose value is of a fixed size, and those with a length of 1, 2 or 4 bytes. */
static const struct {
	uint8_t first;
	uint8_t size;
} fixed[] = { { 0xc0, 0 }, { 0xc2, 0 }, { 0xc3, 0 }, { 0xca, 4 }, { 0xcb, 8 }, { 0xcc, 1 },
	      { 0xcd, 2 }, { 0xce, 4 }, { 0xcf, 8 }, { 0xd0, 1 }, { 0xd1, 2 }, { 0xd2, 4 },
	      { 0xd3, 8 }, { 0xd4, 2 }, { 0xd5, 3 }, { 0xd6, 5 }, { 0xd7, 9 }, { 0xd8, 17 },
	      { 0x00, 0 }, { 0x7f, 0 }, { 0xe0, 0 }, { 0xff, 0 } };
static const uint8_t sized[][3] = { { 0xc4, 1, 0 }, { 0xc5, 2, 0 }, { 0xc6, 4, 0 },
				    { 0xc7, 1, 1 }, { 0xc8, 2, 1 }, { 0xc9, 4, 1 },
				    { 0xd9, 1, 0 }, { 0xda, 2, 0 }, { 0xdb, 4, 0 } };

static void
put_container(struct buf *out, uint64_t *seed, unsigned depth)
{
	bool map = next(seed) % 2 == 0;
	uint64_t n = next(seed) % 4;
	unsigned form = (unsigned)(next(seed) % 3);

	if (form == 0)
		put_head(out, (uint8_t)((map ? 0x80 : 0x90) + n), 0, 0);
	else
		put_head(out, (uint8_t)((map ? 0xdd : 0xdb) + form), n, 2 * form);
	for (uint64_t i = 0; i < (map ? 2 * n : n); i++)
		wire_random(out, seed, depth - 1);
}

void
wire_random(struct buf *out, uint64_t *seed, unsigned depth)
{
	uint64_t kind = next(seed) % (depth > 0 ? 5 : 3);
	uint64_t n = next(seed) % 40;

	if (kind == 0) {
		size_t i = next(seed) % (sizeof fixed / sizeof fixed[0]);

		put(out, &fixed[i].first, 1);
		put_random_bytes(out, seed, fixed[i].size);
	} else if (kind == 1) {
		const uint8_t *head = sized[next(seed) % (sizeof sized / sizeof sized[0])];

		put_head(out, head[0], n, head[1]);
		put_random_bytes(out, seed, n + head[2]);
	} else if (kind == 2) {
		put_head(out, (uint8_t)(0xa0 + n % 32), 0, 0);
		put_random_bytes(out, seed, n % 32);
	} else {
		put_container(out, seed, depth);
	}
}

void
wire_write(struct buf *out, const struct object_type *type, const void *in)
{
	struct codec_writer writer = wire_writer(out);

	codec_write(&writer, type, in);
	assert_false(writer.failed);
}

static void
copy_entries(struct buf *out, struct cursor from, uint32_t n, const char *but)
{
	struct codec_writer writer = wire_writer(out);
	struct vault_bytes value;
	struct vault_text name;

	for (uint32_t i = 0; i < n; i++) {
		assert_true(cursor_str(&from, &name));
		assert_true(cursor_skip(&from, &value));
		if (but != NULL && text_is(name, but))
			continue;
		value_text(&writer, name);
		put(out, value.p, value.len);
	}
}

static bool
has_entry(struct cursor from, uint32_t n, const char *name)
{
	struct vault_text found;

	for (uint32_t i = 0; i < n; i++) {
		assert_true(cursor_str(&from, &found) && cursor_skip(&from, NULL));
		if (text_is(found, name))
			return true;
	}
	return false;
}

void
wire_exchange(struct buf *out, const struct buf *map, const char *field, const struct buf *value)
{
	struct codec_writer writer = wire_writer(out);
	struct cursor c = wire_cursor(map);
	uint32_t n;

	assert_true(cursor_map(&c, &n));
	value_map(&writer, has_entry(c, n, field) ? n : n + 1);
	value_text(&writer, text_of(field));
	put(out, buf_data(value), buf_len(value));
	copy_entries(out, c, n, field);
}

void
wire_add(struct buf *out, const struct buf *map, struct vault_text name, const struct buf *value)
{
	struct codec_writer writer = wire_writer(out);
	struct cursor c = wire_cursor(map);
	uint32_t n;

	assert_true(cursor_map(&c, &n));
	value_map(&writer, n + 1);
	copy_entries(out, c, n, NULL);
	value_text(&writer, name);
	put(out, buf_data(value), buf_len(value));
}

enum vault_err
wire_read(const struct object_type *type, const struct buf *map, struct scratch *scratch,
	  struct fail *fail, void *out)
{
	struct codec_reader reader = { .mode = CODEC_STRICT, .scratch = scratch, .fail = fail };

	*fail = (struct fail){ 0 };
	return codec_read(&reader, type, wire_cursor(map), out);
}
