#include "vaultd/core/json_read.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/text.h"
#include "vaultd/base/bytes.h"

/* Members of all objects that are open at once; JSON_READ_MAX bytes hold fewer distinct ones. */
#define MEMBERS_MAX 3072
#define CONTAINER_HEAD 3 /* bytes kept free before a container until its count is known */
#define CONTAINER_SHORT 15
#define INT_DIGITS_MAX 18 /* digits that fit 64 bits whatever they are */

/* A name that was read: where its text stands in the output. */
struct member {
	uint32_t hash;
	uint16_t at;
	uint16_t len;
};

struct reader {
	const char *p, *end;
	uint8_t *out, *start;
	unsigned members; /* of the open objects */
	struct member seen[MEMBERS_MAX];
};

static bool read_value(struct reader *r, unsigned depth);

static void
skip_space(struct reader *r)
{
	while (r->p < r->end && (*r->p == ' ' || *r->p == '\t' || *r->p == '\n' || *r->p == '\r'))
		r->p++;
}

/* Skips white space, and the character if it is the next. */
static bool
take(struct reader *r, char c)
{
	skip_space(r);
	if (r->p == r->end || *r->p != c)
		return false;
	r->p++;
	return true;
}

static bool
take_literal(struct reader *r, const char *literal, size_t len, uint8_t code)
{
	if ((size_t)(r->end - r->p) < len || memcmp(r->p, literal, len) != 0)
		return false;
	r->p += len;
	*r->out++ = code;
	return true;
}

static void
put_number(struct reader *r, uint8_t code, uint64_t v, unsigned size)
{
	*r->out++ = code;
	r->out = put_be(r->out, v, size);
}

static void
put_int(struct reader *r, int64_t v)
{
	if (v >= 0 && v < 0x80)
		*r->out++ = (uint8_t)v;
	else if (v >= -32 && v < 0)
		*r->out++ = (uint8_t)(int8_t)v;
	else if (v >= 0 && v <= UINT8_MAX)
		put_number(r, 0xcc, (uint64_t)v, 1);
	else if (v >= 0 && v <= UINT16_MAX)
		put_number(r, 0xcd, (uint64_t)v, 2);
	else if (v >= 0 && v <= UINT32_MAX)
		put_number(r, 0xce, (uint64_t)v, 4);
	else if (v >= 0)
		put_number(r, 0xcf, (uint64_t)v, 8);
	else if (v >= INT8_MIN)
		put_number(r, 0xd0, (uint64_t)v, 1);
	else if (v >= INT16_MIN)
		put_number(r, 0xd1, (uint64_t)v, 2);
	else if (v >= INT32_MIN)
		put_number(r, 0xd2, (uint64_t)v, 4);
	else
		put_number(r, 0xd3, (uint64_t)v, 8);
}

static bool
is_digit(const struct reader *r)
{
	return r->p < r->end && *r->p >= '0' && *r->p <= '9';
}

static bool
skip_digits(struct reader *r)
{
	if (!is_digit(r))
		return false;
	while (is_digit(r))
		r->p++;
	return true;
}

/* The fraction and the exponent, where there are any; *real tells. */
static bool
skip_rest_of_number(struct reader *r, bool *real)
{
	*real = false;
	if (r->p < r->end && *r->p == '.') {
		r->p++;
		*real = true;
		if (!skip_digits(r))
			return false;
	}
	if (r->p < r->end && (*r->p == 'e' || *r->p == 'E')) {
		r->p++;
		*real = true;
		if (r->p < r->end && (*r->p == '+' || *r->p == '-'))
			r->p++;
		return skip_digits(r);
	}
	return true;
}

/* A NUL stands behind the text, so strtod ends with it at the latest. */
static bool
put_real(struct reader *r, const char *from)
{
	double v = strtod(from, NULL);
	uint64_t bits;

	if (!isfinite(v))
		return false;
	memcpy(&bits, &v, sizeof bits);
	put_number(r, 0xcb, bits, 8);
	return true;
}

static bool
put_integer(struct reader *r, const char *digits, bool negative)
{
	uint64_t v = 0, most = (uint64_t)INT64_MAX + negative;

	for (const char *p = digits; p < r->p; p++) {
		unsigned digit = (unsigned)(*p - '0');

		if (p - digits >= INT_DIGITS_MAX && v > (most - digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	put_int(r, negative ? (int64_t)(0 - v) : (int64_t)v);
	return true;
}

static bool
read_number(struct reader *r)
{
	const char *from = r->p, *digits;
	bool negative = *r->p == '-', real;

	r->p += negative;
	digits = r->p;
	if (!is_digit(r))
		return false;
	/* No number begins with a zero but those that have no other digit before the point. */
	if (*r->p == '0')
		r->p++;
	else
		(void)skip_digits(r);
	if (is_digit(r))
		return false;
	if (r->p - digits > INT_DIGITS_MAX + 1)
		return skip_rest_of_number(r, &real) && real && put_real(r, from);
	if (r->p == r->end || (*r->p != '.' && *r->p != 'e' && *r->p != 'E'))
		return put_integer(r, digits, negative);
	return skip_rest_of_number(r, &real) && put_real(r, from);
}

static bool
hex4(struct reader *r, uint32_t *v)
{
	*v = 0;
	if (r->end - r->p < 4)
		return false;
	for (unsigned i = 0; i < 4; i++) {
		char c = *r->p++;
		uint32_t digit;

		if (c >= '0' && c <= '9')
			digit = (uint32_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			digit = (uint32_t)(c - 'a' + 10);
		else if (c >= 'A' && c <= 'F')
			digit = (uint32_t)(c - 'A' + 10);
		else
			return false;
		*v = *v << 4 | digit;
	}
	return true;
}

static void
put_utf8(struct reader *r, uint32_t c)
{
	if (c < 0x80) {
		*r->out++ = (uint8_t)c;
	} else if (c < 0x800) {
		*r->out++ = (uint8_t)(0xc0 | c >> 6);
		*r->out++ = (uint8_t)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		*r->out++ = (uint8_t)(0xe0 | c >> 12);
		*r->out++ = (uint8_t)(0x80 | (c >> 6 & 0x3f));
		*r->out++ = (uint8_t)(0x80 | (c & 0x3f));
	} else {
		*r->out++ = (uint8_t)(0xf0 | c >> 18);
		*r->out++ = (uint8_t)(0x80 | (c >> 12 & 0x3f));
		*r->out++ = (uint8_t)(0x80 | (c >> 6 & 0x3f));
		*r->out++ = (uint8_t)(0x80 | (c & 0x3f));
	}
}

/* Behind "\u"; a high surrogate needs its low one at once (RFC 8259 section 7). */
static bool
read_unicode(struct reader *r)
{
	uint32_t high, low;

	if (!hex4(r, &high) || (high >= 0xdc00 && high <= 0xdfff))
		return false;
	if (high < 0xd800 || high > 0xdfff) {
		put_utf8(r, high);
		return true;
	}
	if (r->end - r->p < 2 || r->p[0] != '\\' || r->p[1] != 'u')
		return false;
	r->p += 2;
	if (!hex4(r, &low) || low < 0xdc00 || low > 0xdfff)
		return false;
	put_utf8(r, 0x10000 + ((high - 0xd800) << 10 | (low - 0xdc00)));
	return true;
}

static bool
read_escape(struct reader *r)
{
	static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
	const char *name;
	char c;

	if (r->p == r->end)
		return false;
	c = *r->p++;
	if (c == 'u')
		return read_unicode(r);
	name = c == '\0' ? NULL : strchr(names, c);
	if (name == NULL)
		return false;
	*r->out++ = (uint8_t)values[name - names];
	return true;
}

/* Whether any of eight bytes ends a run of plain ASCII: a control, quote, backslash, or not ASCII. */
static bool
special_among(uint64_t eight)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), high = ones << 7;
	uint64_t quote = eight ^ ones * '"', backslash = eight ^ ones * '\\';

	return (((eight - ones * 0x20) | (quote - ones) | (backslash - ones) | eight) & high) != 0;
}

/* Copies what stands for itself; *ascii turns false where not all of it is ASCII. */
static void
copy_plain(struct reader *r, bool *ascii)
{
	uint64_t eight;

	while (r->end - r->p >= (ptrdiff_t)sizeof eight) {
		memcpy(&eight, r->p, sizeof eight);
		if (special_among(eight))
			break;
		memcpy(r->out, &eight, sizeof eight);
		r->p += sizeof eight;
		r->out += sizeof eight;
	}
	while (r->p < r->end && (unsigned char)*r->p >= 0x20 && *r->p != '"' && *r->p != '\\') {
		*ascii &= (unsigned char)*r->p < 0x80;
		*r->out++ = (uint8_t)*r->p++;
	}
}

/* Puts the head of a str before its len bytes, which end the output and had one byte kept free. */
static void
finish_string(struct reader *r, uint8_t *text, size_t len)
{
	uint8_t *head = text - 1;
	size_t extra = len < 32 ? 0 : len <= UINT8_MAX ? 1 : 2;

	if (extra > 0)
		memmove(text + extra, text, len);
	r->out = head;
	if (extra == 0)
		*r->out++ = (uint8_t)(0xa0 | len);
	else
		put_number(r, extra == 1 ? 0xd9 : 0xda, len, (unsigned)extra);
	r->out += len;
}

/* Behind the quote that begins it; *text is where its bytes stand in the output. */
static bool
read_string(struct reader *r, struct vault_text *text)
{
	uint8_t *from = ++r->out;
	bool ascii = true;
	size_t len;

	for (;;) {
		copy_plain(r, &ascii);
		if (r->p == r->end)
			return false;
		if (*r->p == '"')
			break;
		if (*r->p++ != '\\' || !read_escape(r))
			return false;
	}
	r->p++;
	len = (size_t)(r->out - from);
	if (!ascii && !text_utf8(from, len))
		return false;
	finish_string(r, from, len);
	*text = (struct vault_text){ (const char *)r->out - len, len };
	return true;
}

/* Puts the head before a container's entries, in as few bytes as it takes. */
static void
finish_container(struct reader *r, uint8_t *head, size_t count, bool map)
{
	uint8_t *entries = head + CONTAINER_HEAD;
	size_t len = (size_t)(r->out - entries);

	r->out = head;
	if (count <= CONTAINER_SHORT) {
		*r->out++ = (uint8_t)((map ? 0x80 : 0x90) | count);
		memmove(r->out, entries, len);
	} else {
		put_number(r, map ? 0xde : 0xdc, count, 2);
	}
	r->out += len;
}

/* Whether the object whose members begin at first has the name already; else it has it now. */
static bool
name_repeats(struct reader *r, unsigned first, struct vault_text name)
{
	struct member member = { .hash = (uint32_t)text_hash(name, 0),
				 .at = (uint16_t)((const uint8_t *)name.p - r->start),
				 .len = (uint16_t)name.len };

	for (unsigned i = first; i < r->members; i++) {
		const struct member *other = &r->seen[i];

		if (other->hash == member.hash && other->len == member.len &&
		    memcmp(r->start + other->at, name.p, name.len) == 0)
			return true;
	}
	r->seen[r->members++] = member;
	return false;
}

static bool
read_member(struct reader *r, unsigned depth, unsigned first)
{
	struct vault_text name;

	if (!take(r, '"') || !read_string(r, &name) || memchr(name.p, '\0', name.len) != NULL)
		return false;
	if (r->members == MEMBERS_MAX || name_repeats(r, first, name))
		return false;
	return take(r, ':') && read_value(r, depth);
}

/* Behind the brace or bracket that begins it. */
static bool
read_container(struct reader *r, unsigned depth, bool map)
{
	uint8_t *head = r->out;
	unsigned first = r->members;
	size_t count = 0;
	char end = map ? '}' : ']';

	if (depth == 0)
		return false;
	r->out += CONTAINER_HEAD;
	if (!take(r, end)) {
		do {
			if (!(map ? read_member(r, depth - 1, first) : read_value(r, depth - 1)))
				return false;
			count++;
		} while (take(r, ','));
		if (!take(r, end))
			return false;
	}
	r->members = first;
	finish_container(r, head, count, map);
	return true;
}

static bool
read_value(struct reader *r, unsigned depth)
{
	struct vault_text text;

	skip_space(r);
	if (r->p == r->end)
		return false;
	switch (*r->p) {
	case '"':
		r->p++;
		return read_string(r, &text);
	case '{':
	case '[':
		return read_container(r, depth, *r->p++ == '{');
	case 't':
		return take_literal(r, "true", 4, 0xc3);
	case 'f':
		return take_literal(r, "false", 5, 0xc2);
	case 'n':
		return take_literal(r, "null", 4, 0xc0);
	default:
		return read_number(r);
	}
}

bool
json_read_object(struct vault_text json, unsigned depth, uint8_t *out, struct vault_map *map)
{
	struct reader r;

	if (json.len > JSON_READ_MAX || json.p[json.len] != '\0')
		return false;
	r.p = json.p;
	r.end = json.p + json.len;
	r.out = r.start = out;
	r.members = 0;
	if (!take(&r, '{') || !read_container(&r, depth, true))
		return false;
	skip_space(&r);
	*map = (struct vault_map){ out, (size_t)(r.out - out) };
	return r.p == r.end;
}
