#include "protocol/cursor.h"

#include <string.h>

#include "protocol/scan.h"

/* Reads a big-endian number of size bytes behind the first byte; false where it is not there. */
static bool
number_after(const struct cursor *c, unsigned size, uint64_t *v)
{
	uint64_t n = 0;

	if ((size_t)(c->end - c->p) < 1 + (size_t)size)
		return false;
	for (unsigned i = 1; i <= size; i++)
		n = n << 8 | c->p[i];
	*v = n;
	return true;
}

enum cursor_type
cursor_type(const struct cursor *c)
{
	static const uint8_t types[32] = {
		CURSOR_NIL, CURSOR_BAD, CURSOR_BOOL, CURSOR_BOOL, CURSOR_BIN,	CURSOR_BIN,
		CURSOR_BIN, CURSOR_EXT, CURSOR_EXT,  CURSOR_EXT,  CURSOR_FLOAT, CURSOR_FLOAT,
		CURSOR_INT, CURSOR_INT, CURSOR_INT,  CURSOR_INT,  CURSOR_INT,	CURSOR_INT,
		CURSOR_INT, CURSOR_INT, CURSOR_EXT,  CURSOR_EXT,  CURSOR_EXT,	CURSOR_EXT,
		CURSOR_EXT, CURSOR_STR, CURSOR_STR,  CURSOR_STR,  CURSOR_ARRAY, CURSOR_ARRAY,
		CURSOR_MAP, CURSOR_MAP,
	};

	if (c->p == c->end)
		return CURSOR_END;
	if (*c->p < 0x80 || *c->p >= 0xe0)
		return CURSOR_INT;
	if (*c->p < 0x90)
		return CURSOR_MAP;
	if (*c->p < 0xa0)
		return CURSOR_ARRAY;
	if (*c->p < 0xc0)
		return CURSOR_STR;
	return (enum cursor_type)types[*c->p - 0xc0];
}

bool
cursor_nil(struct cursor *c)
{
	if (c->p == c->end || *c->p != 0xc0)
		return false;
	c->p++;
	return true;
}

bool
cursor_bool(struct cursor *c, bool *v)
{
	if (cursor_type(c) != CURSOR_BOOL)
		return false;
	*v = *c->p++ == 0xc3;
	return true;
}

bool
cursor_float(struct cursor *c, double *v)
{
	uint64_t bits;
	uint32_t bits32;
	float f;

	if (cursor_type(c) != CURSOR_FLOAT)
		return false;
	if (*c->p == 0xcb) {
		if (!number_after(c, 8, &bits))
			return false;
		memcpy(v, &bits, sizeof *v);
		c->p += 9;
		return true;
	}
	if (!number_after(c, 4, &bits))
		return false;
	bits32 = (uint32_t)bits;
	memcpy(&f, &bits32, sizeof f);
	*v = (double)f;
	c->p += 5;
	return true;
}

static bool
integral_float(struct cursor *c, int64_t *v)
{
	struct cursor at = *c;
	double d;

	/* Beyond 2^53 a float no longer tells integers apart. */
	if (!cursor_float(&at, &d) || !(d >= -9007199254740992.0 && d <= 9007199254740992.0) ||
	    d != (double)(int64_t)d)
		return false;
	*v = (int64_t)d;
	*c = at;
	return true;
}

bool
cursor_long_int(struct cursor *c, int64_t *v)
{
	uint8_t first;
	unsigned size;
	uint64_t n;

	switch (cursor_type(c)) {
	case CURSOR_FLOAT:
		return integral_float(c, v);
	case CURSOR_INT:
		break;
	default:
		return false;
	}
	first = *c->p;
	if (first < 0x80 || first >= 0xe0) {
		*v = first < 0x80 ? first : (int64_t)first - 0x100;
		c->p++;
		return true;
	}
	size = 1u << (first & 3);
	if (!number_after(c, size, &n))
		return false;
	if (first >= 0xd0) {
		unsigned shift = 64 - 8 * size;

		*v = (int64_t)(n << shift) >> shift;
	} else if (n <= INT64_MAX) {
		*v = (int64_t)n;
	} else {
		return false;
	}
	c->p += 1 + size;
	return true;
}

/* A payload behind a length field of size bytes. */
static bool
payload(struct cursor *c, unsigned size, struct vault_bytes *v)
{
	uint64_t n;

	if (!number_after(c, size, &n))
		return false;
	if (n > (uint64_t)(c->end - c->p) - 1 - size)
		return false;
	v->p = c->p + 1 + size;
	v->len = (size_t)n;
	c->p = v->p + v->len;
	return true;
}

bool
cursor_long_str(struct cursor *c, struct vault_text *v)
{
	struct vault_bytes b;

	if (cursor_type(c) != CURSOR_STR || *c->p < 0xd9 || !payload(c, 1u << (*c->p - 0xd9), &b))
		return false;
	*v = (struct vault_text){ (const char *)b.p, b.len };
	return true;
}

bool
cursor_bytes(struct cursor *c, struct vault_bytes *v)
{
	struct vault_text t;

	if (cursor_type(c) == CURSOR_BIN)
		return payload(c, 1u << (*c->p - 0xc4), v);
	if (!cursor_str(c, &t))
		return false;
	*v = (struct vault_bytes){ (const uint8_t *)t.p, t.len };
	return true;
}

/* A container's count; wide is the type's two-byte form, its four-byte form the byte after. */
static bool
count(struct cursor *c, uint8_t wide, uint32_t *n)
{
	unsigned size = *c->p < 0xa0 ? 0 : *c->p == wide ? 2 : 4;
	uint64_t v = *c->p & 0x0f;

	if (size > 0 && !number_after(c, size, &v))
		return false;
	c->p += 1 + size;
	*n = (uint32_t)v;
	return true;
}

bool
cursor_long_array(struct cursor *c, uint32_t *n)
{
	return cursor_type(c) == CURSOR_ARRAY && count(c, 0xdc, n);
}

bool
cursor_long_map(struct cursor *c, uint32_t *n)
{
	struct cursor at = *c;
	uint32_t elements;

	if (cursor_type(c) == CURSOR_MAP)
		return count(c, 0xde, n);
	if (!cursor_array(&at, &elements) || elements != 0)
		return false;
	*c = at;
	*n = 0;
	return true;
}

bool
cursor_skip(struct cursor *c, struct vault_bytes *raw)
{
	struct scan scan = { 0 };

	if (scan_feed(&scan, c->p, (size_t)(c->end - c->p)) != SCAN_WHOLE)
		return false;
	if (raw != NULL)
		*raw = (struct vault_bytes){ c->p, scan.pos };
	c->p += scan.pos;
	return true;
}
