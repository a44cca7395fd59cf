#include "vaultd/core/claims.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/text.h"

#define CLAIM_INTEGER_MAX (INT64_C(1) << 53) /* beyond it JSON readers lose digits */

bool
claim_reserved(struct vault_text name)
{
	static const char *const reserved[] = { "iss", "iat", "nbf", "exp",   "jti",	"tid",
						"prf", "sub", "aud", "scope", "domain", "uses" };

	for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++)
		if (text_is(name, reserved[i]))
			return true;
	return false;
}

enum vault_err
json_put_integer(struct buf *out, int64_t v)
{
	static const char digits[] =
		"00010203040506070809101112131415161718192021222324252627282930313233343536373839"
		"40414243444546474849505152535455565758596061626364656667686970717273747576777879"
		"8081828384858687888990919293949596979899";
	uint64_t rest = v < 0 ? -(uint64_t)v : (uint64_t)v;
	char text[24], *at = text + sizeof text;

	while (rest >= 100) {
		at -= 2;
		memcpy(at, digits + 2 * (rest % 100), 2);
		rest /= 100;
	}
	do
		*--at = (char)('0' + rest % 10);
	while ((rest /= 10) != 0);
	if (v < 0)
		*--at = '-';
	return buf_append(out, at, (size_t)(text + sizeof text - at));
}

/* What a JSON string does not hold as it is: controls, quote and backslash. */
static bool
escaped(unsigned char c)
{
	return c < 0x20 || c == '"' || c == '\\';
}

/* Whether any of eight bytes is one: a byte is below n where taking n borrows its high bit. */
static bool
escaped_among(uint64_t eight)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), high = ones << 7;
	uint64_t quote = eight ^ ones * '"', backslash = eight ^ ones * '\\';

	return ((((eight - ones * 0x20) & ~eight) | ((quote - ones) & ~quote) |
		 ((backslash - ones) & ~backslash)) &
		high) != 0;
}

/* How many of n characters stand as they are before the first that does not. */
static size_t
plain_length(const char *p, size_t n)
{
	uint64_t eight;
	size_t i = 0;

	for (; n - i >= sizeof eight; i += sizeof eight) {
		memcpy(&eight, p + i, sizeof eight);
		if (escaped_among(eight))
			break;
	}
	while (i < n && !escaped((unsigned char)p[i]))
		i++;
	return i;
}

static char *
write_escape(char *at, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";

	*at++ = '\\';
	if (c >= 0x20) {
		*at++ = (char)c;
		return at;
	}
	at[0] = 'u';
	at[1] = at[2] = '0';
	at[3] = hex[c >> 4];
	at[4] = hex[c & 15];
	return at + JSON_ESCAPE_MAX - 1;
}

char *
json_write_string(char *at, struct vault_text text)
{
	size_t from = 0;

	*at++ = '"';
	while (from < text.len) {
		size_t n = plain_length(text.p + from, text.len - from);

		memcpy(at, text.p + from, n);
		at += n;
		from += n;
		if (from < text.len)
			at = write_escape(at, (unsigned char)text.p[from++]);
	}
	*at++ = '"';
	return at;
}

enum vault_err
json_put_string(struct buf *out, struct vault_text text)
{
	char *at;

	TRY(buf_reserve(out, JSON_STRING_MAX(text.len)));
	at = (char *)out->p + out->tail;
	out->tail += (size_t)(json_write_string(at, text) - at);
	return VAULT_OK;
}

static enum vault_err
json_put_float(struct buf *out, double v)
{
	char text[32];
	int n = 0;

	if (!isfinite(v))
		return VAULT_INVALID_PARAMS;
	/* The fewest digits that read back as the same number. */
	for (int digits = 15; digits <= 17; digits++) {
		double back;

		n = snprintf(text, sizeof text, "%.*g", digits, v);
		back = strtod(text, NULL);
		if (back == v)
			break;
	}
	/* A float stays a float, also where its value is integral. */
	if (strpbrk(text, ".e") == NULL)
		n += snprintf(text + n, sizeof text - (size_t)n, ".0");
	return buf_append(out, text, (size_t)n);
}

static enum vault_err json_put_nested(struct buf *out, struct cursor *c, unsigned depth);

static enum vault_err
json_put_scalar(struct buf *out, struct cursor *c)
{
	struct vault_text text;
	int64_t integer;
	double number;
	bool flag;

	switch (cursor_type(c)) {
	case CURSOR_NIL:
		return cursor_nil(c) ? json_put_text(out, "null") : VAULT_INVALID_PARAMS;
	case CURSOR_BOOL:
		return cursor_bool(c, &flag) ? json_put_text(out, flag ? "true" : "false")
					     : VAULT_INVALID_PARAMS;
	case CURSOR_INT:
		if (!cursor_int(c, &integer) || integer > CLAIM_INTEGER_MAX ||
		    integer < -CLAIM_INTEGER_MAX)
			return VAULT_INVALID_PARAMS;
		return json_put_integer(out, integer);
	case CURSOR_FLOAT:
		return cursor_float(c, &number) ? json_put_float(out, number)
						: VAULT_INVALID_PARAMS;
	case CURSOR_STR:
		return cursor_str(c, &text) ? json_put_string(out, text) : VAULT_INVALID_PARAMS;
	default:
		return VAULT_INVALID_PARAMS;
	}
}

static enum vault_err
json_put_container(struct buf *out, struct cursor *c, unsigned depth, bool map)
{
	uint32_t n;

	if (!(map ? cursor_map(c, &n) : cursor_array(c, &n)))
		return VAULT_INVALID_PARAMS;
	TRY(json_put_text(out, map ? "{" : "["));
	for (uint32_t i = 0; i < n; i++) {
		struct vault_text name;

		if (i > 0)
			TRY(json_put_text(out, ","));
		if (map) {
			if (!cursor_str(c, &name))
				return VAULT_INVALID_PARAMS;
			TRY(json_put_string(out, name));
			TRY(json_put_text(out, ":"));
		}
		TRY(json_put_nested(out, c, depth));
	}
	return json_put_text(out, map ? "}" : "]");
}

static enum vault_err
json_put_nested(struct buf *out, struct cursor *c, unsigned depth)
{
	enum cursor_type type = cursor_type(c);

	if (type != CURSOR_MAP && type != CURSOR_ARRAY)
		return json_put_scalar(out, c);
	if (depth == CLAIM_NESTING_MAX)
		return VAULT_INVALID_PARAMS;
	return json_put_container(out, c, depth + 1, type == CURSOR_MAP);
}

enum vault_err
json_put_value(struct buf *out, struct cursor *value)
{
	return json_put_nested(out, value, 0);
}

enum vault_err
json_put_members(struct buf *out, struct vault_map map)
{
	struct cursor c = { map.p, map.p + map.len };
	struct claim claim;
	uint32_t left;

	if (map.p == NULL)
		return VAULT_OK;
	if (!cursor_map(&c, &left))
		return VAULT_INVALID_PARAMS;
	while (claims_next(&c, &left, &claim)) {
		struct cursor value = { claim.value.p, claim.value.p + claim.value.len };

		TRY(json_put_text(out, ","));
		TRY(json_put_string(out, claim.name));
		TRY(json_put_text(out, ":"));
		TRY(json_put_value(out, &value));
	}
	return VAULT_OK;
}

enum vault_err
json_put_audience(struct buf *out, const struct vault_texts *audience)
{
	if (audience->n == 0)
		return VAULT_OK;
	TRY(json_put_text(out, ",\"aud\":"));
	if (audience->n == 1)
		return json_put_string(out, audience->v[0]);
	for (size_t i = 0; i < audience->n; i++) {
		TRY(json_put_text(out, i == 0 ? "[" : ","));
		TRY(json_put_string(out, audience->v[i]));
	}
	return json_put_text(out, "]");
}

enum vault_err
json_put_times(struct buf *out, int64_t now, int64_t expires_at)
{
	TRY(json_put_text(out, ",\"iat\":"));
	TRY(json_put_integer(out, now));
	TRY(json_put_text(out, ",\"nbf\":"));
	TRY(json_put_integer(out, now));
	TRY(json_put_text(out, ",\"exp\":"));
	return json_put_integer(out, expires_at);
}

bool
claims_next(struct cursor *map, uint32_t *left, struct claim *claim)
{
	if (*left == 0 || !cursor_str(map, &claim->name) || !cursor_skip(map, &claim->value))
		return false;
	(*left)--;
	return true;
}

bool
claims_find(struct vault_map map, struct vault_text name, struct vault_bytes *value)
{
	struct cursor c = { map.p, map.p + map.len };
	struct claim claim;
	uint32_t left;

	if (map.p == NULL || !cursor_map(&c, &left))
		return false;
	while (claims_next(&c, &left, &claim)) {
		if (text_equal(claim.name, name)) {
			*value = claim.value;
			return true;
		}
	}
	return false;
}

static bool equal_values(struct cursor *a, struct cursor *b);

static bool
equal_arrays(struct cursor *a, struct cursor *b)
{
	uint32_t n, m;

	if (!cursor_array(a, &n) || !cursor_array(b, &m) || n != m)
		return false;
	while (n-- > 0)
		if (!equal_values(a, b))
			return false;
	return true;
}

/* Names stand once in either, so as many that are alike are all. */
static bool
equal_maps(struct vault_bytes a, struct vault_bytes b)
{
	struct cursor c = { a.p, a.p + a.len }, d = { b.p, b.p + b.len };
	struct vault_bytes other;
	struct claim claim;
	uint32_t left, m;

	if (!cursor_map(&c, &left) || !cursor_map(&d, &m) || left != m)
		return false;
	while (claims_next(&c, &left, &claim))
		if (!claims_find((struct vault_map){ b.p, b.len }, claim.name, &other) ||
		    !claims_equal(claim.value, other))
			return false;
	return left == 0;
}

static bool
equal_scalars(struct cursor *a, struct cursor *b)
{
	struct vault_text s, t;
	int64_t i, j;
	double x, y;
	bool f, g;

	switch (cursor_type(a)) {
	case CURSOR_NIL:
		return cursor_nil(a) && cursor_nil(b);
	case CURSOR_BOOL:
		return cursor_bool(a, &f) && cursor_bool(b, &g) && f == g;
	case CURSOR_INT:
		return cursor_int(a, &i) && cursor_int(b, &j) && i == j;
	case CURSOR_FLOAT:
		/* Neither more nor less: the same number, to the last bit. */
		return cursor_float(a, &x) && cursor_float(b, &y) && !(x < y) && !(x > y);
	case CURSOR_STR:
		return cursor_str(a, &s) && cursor_str(b, &t) && text_equal(s, t);
	default:
		return false;
	}
}

static bool
equal_values(struct cursor *a, struct cursor *b)
{
	enum cursor_type type = cursor_type(a);
	struct vault_bytes x, y;

	if (type != cursor_type(b))
		return false;
	if (type == CURSOR_ARRAY)
		return equal_arrays(a, b);
	if (type == CURSOR_MAP)
		return cursor_skip(a, &x) && cursor_skip(b, &y) && equal_maps(x, y);
	return equal_scalars(a, b);
}

bool
claims_equal(struct vault_bytes a, struct vault_bytes b)
{
	struct cursor c = { a.p, a.p + a.len }, d = { b.p, b.p + b.len };

	return equal_values(&c, &d);
}
