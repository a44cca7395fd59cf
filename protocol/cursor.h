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
bool cursor_nil(struct cursor *c);
bool cursor_bool(struct cursor *c, bool *v);
/* An integer, or a float with an integral value; false too where it does not fit. */
bool cursor_int(struct cursor *c, int64_t *v);
bool cursor_float(struct cursor *c, double *v);
/* str only, its bytes not looked at. */
bool cursor_str(struct cursor *c, struct vault_text *v);
/* bin or str. */
bool cursor_bytes(struct cursor *c, struct vault_bytes *v);
bool cursor_array(struct cursor *c, uint32_t *n);
/* A map, or an empty array, which counts as an empty map. */
bool cursor_map(struct cursor *c, uint32_t *n);
/* Any one value; raw (may be NULL) gets its bytes. At most DEPTH_MAX deep. */
bool cursor_skip(struct cursor *c, struct vault_bytes *raw);

#endif
