/*
 * Reads MessagePack values one by one out of bytes that stay where they are. Every function answers
 * false, and leaves the cursor where it was, when the next value is of another type or does not lie
 * wholly within the bytes.
 */
#ifndef PROTOCOL_CURSOR_H
#define PROTOCOL_CURSOR_H

#include "protocol/types.h"

struct cursor {
	const uint8_t *p;
	const uint8_t *end;
};

enum cursor_type {
	CURSOR_END, /* no bytes left */
	CURSOR_NIL,
	CURSOR_BOOL,
	CURSOR_INT,
	CURSOR_FLOAT,
	CURSOR_STR,
	CURSOR_BIN,
	CURSOR_ARRAY,
	CURSOR_MAP,
	CURSOR_EXT,
	CURSOR_BAD,
};

/* The next value's type. */
enum cursor_type cursor_type(const struct cursor *c);

/*
 * A value of the four types that requests are mostly made of has a short form, with its number in
 * the first byte: that is read here, all others in cursor.c.
 */
bool cursor_long_int(struct cursor *c, int64_t *v);
bool cursor_long_str(struct cursor *c, struct vault_text *v);
bool cursor_long_array(struct cursor *c, uint32_t *n);
bool cursor_long_map(struct cursor *c, uint32_t *n);

bool cursor_nil(struct cursor *c);
bool cursor_bool(struct cursor *c, bool *v);
/* An integer, or a float with an integral value; false too where it does not fit. */
static inline bool
cursor_int(struct cursor *c, int64_t *v)
{
	if (c->p == c->end || *c->p >= 0x80)
		return cursor_long_int(c, v);
	*v = *c->p++;
	return true;
}
bool cursor_float(struct cursor *c, double *v);
/* str only, its bytes not looked at. */
static inline bool
cursor_str(struct cursor *c, struct vault_text *v)
{
	size_t left = (size_t)(c->end - c->p), len;

	if (left == 0 || (*c->p & 0xe0) != 0xa0)
		return cursor_long_str(c, v);
	len = *c->p & 0x1f;
	if (len >= left)
		return false;
	*v = (struct vault_text){ (const char *)c->p + 1, len };
	c->p += 1 + len;
	return true;
}
/* bin or str. */
bool cursor_bytes(struct cursor *c, struct vault_bytes *v);
static inline bool
cursor_array(struct cursor *c, uint32_t *n)
{
	if (c->p == c->end || (*c->p & 0xf0) != 0x90)
		return cursor_long_array(c, n);
	*n = *c->p++ & 0x0f;
	return true;
}
/* A map, or an empty array, which counts as an empty map. */
static inline bool
cursor_map(struct cursor *c, uint32_t *n)
{
	if (c->p == c->end || (*c->p & 0xf0) != 0x80)
		return cursor_long_map(c, n);
	*n = *c->p++ & 0x0f;
	return true;
}
/* Any one value; raw (may be NULL) gets its bytes. At most DEPTH_MAX deep. */
bool cursor_skip(struct cursor *c, struct vault_bytes *raw);

#endif
