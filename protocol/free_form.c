#include <string.h>

#include "protocol/codec.h"
#include "protocol/text.h"
#include "protocol/value.h"

static bool free_value(struct cursor *c, unsigned depth);

/* Whether the key stands among the n keys before it; maps are small, by MAP_ENTRIES_MAX. */
static bool
key_repeats(const struct vault_text *keys, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (text_equal(keys[i], keys[n]))
			return true;
	return false;
}

static bool
free_map(struct cursor *c, unsigned depth)
{
	struct vault_text keys[MAP_ENTRIES_MAX];
	uint32_t n;

	if (!cursor_map(c, &n) || n > MAP_ENTRIES_MAX)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		if (!cursor_str(c, &keys[i]) || !text_utf8(keys[i].p, keys[i].len) ||
		    key_repeats(keys, i))
			return false;
		if (!free_value(c, depth))
			return false;
	}
	return true;
}

static bool
free_array(struct cursor *c, unsigned depth)
{
	uint32_t n;

	if (!cursor_array(c, &n))
		return false;
	for (uint32_t i = 0; i < n; i++)
		if (!free_value(c, depth))
			return false;
	return true;
}

static bool
free_value(struct cursor *c, unsigned depth)
{
	struct vault_text t;

	switch (cursor_type(c)) {
	case CURSOR_MAP:
		return depth > 0 && free_map(c, depth - 1);
	case CURSOR_ARRAY:
		return depth > 0 && free_array(c, depth - 1);
	case CURSOR_STR:
		return cursor_str(c, &t) && text_utf8(t.p, t.len);
	case CURSOR_NIL:
	case CURSOR_BOOL:
	case CURSOR_INT:
	case CURSOR_FLOAT:
	case CURSOR_BIN:
		return cursor_skip(c, NULL);
	default:
		return false;
	}
}

bool
codec_free_form(struct cursor c)
{
	return free_value(&c, DEPTH_MAX) && c.p == c.end;
}

struct entry {
	struct vault_text key;
	struct cursor value; /* begins with it */
};

static bool
key_before(struct vault_text a, struct vault_text b)
{
	size_t len = a.len < b.len ? a.len : b.len;
	int order = len == 0 ? 0 : memcmp(a.p, b.p, len);

	return order < 0 || (order == 0 && a.len < b.len);
}

static bool
read_sorted(struct cursor *c, struct entry entries[static MAP_ENTRIES_MAX], uint32_t *n)
{
	if (!cursor_map(c, n) || *n > MAP_ENTRIES_MAX)
		return false;
	for (uint32_t i = 0; i < *n; i++) {
		struct entry entry;
		uint32_t at = i;

		if (!cursor_str(c, &entry.key))
			return false;
		entry.value = *c;
		if (!cursor_skip(c, NULL))
			return false;
		for (; at > 0 && key_before(entry.key, entries[at - 1].key); at--)
			entries[at] = entries[at - 1];
		entries[at] = entry;
	}
	return true;
}

static bool write_sorted(struct codec_writer *writer, struct cursor *c, unsigned depth);

static bool
write_map(struct codec_writer *writer, struct cursor *c, unsigned depth)
{
	struct entry entries[MAP_ENTRIES_MAX];
	uint32_t n = 0;

	if (!read_sorted(c, entries, &n))
		return false;
	value_map(writer, n);
	for (uint32_t i = 0; i < n; i++) {
		value_text(writer, entries[i].key);
		if (!write_sorted(writer, &entries[i].value, depth))
			return false;
	}
	return true;
}

static bool
write_array(struct codec_writer *writer, struct cursor *c, unsigned depth)
{
	uint32_t n;

	if (!cursor_array(c, &n))
		return false;
	value_array(writer, n);
	for (uint32_t i = 0; i < n; i++)
		if (!write_sorted(writer, c, depth))
			return false;
	return true;
}

static bool
write_scalar(struct codec_writer *writer, struct cursor *c)
{
	enum cursor_type type = cursor_type(c);
	struct vault_bytes raw;
	struct vault_text t;
	int64_t v;

	if (type == CURSOR_STR && cursor_str(c, &t)) {
		value_text(writer, t);
	} else if (type == CURSOR_BIN && cursor_bytes(c, &raw)) {
		value_bytes(writer, raw);
	} else if (type == CURSOR_INT && cursor_int(c, &v)) {
		value_int(writer, v);
	} else {
		if (!cursor_skip(c, &raw))
			return false;
		writer->failed |= buf_append(writer->out, raw.p, raw.len) != VAULT_OK;
	}
	return true;
}

static bool
write_sorted(struct codec_writer *writer, struct cursor *c, unsigned depth)
{
	switch (cursor_type(c)) {
	case CURSOR_MAP:
		return depth > 0 && write_map(writer, c, depth - 1);
	case CURSOR_ARRAY:
		return depth > 0 && write_array(writer, c, depth - 1);
	default:
		return write_scalar(writer, c);
	}
}

void
codec_write_sorted(struct codec_writer *writer, struct cursor c)
{
	if (!write_sorted(writer, &c, DEPTH_MAX) || c.p != c.end)
		writer->failed = true;
}
