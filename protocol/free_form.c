#include "protocol/codec.h"
#include "protocol/text.h"

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
