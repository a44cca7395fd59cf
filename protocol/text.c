#include "protocol/text.h"

static bool
ascii_lower_digit(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool
ascii_alnum(unsigned char c)
{
	return ascii_lower_digit(c) || (c >= 'A' && c <= 'Z');
}

/* The length of the UTF-8 sequence at p, 0 where it is not one. */
static size_t
utf8_sequence(const unsigned char *p, size_t left)
{
	unsigned char lo = 0x80, hi = 0xbf;
	size_t n;

	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		n = 2;
	else if (p[0] >= 0xe0 && p[0] <= 0xef)
		n = 3;
	else if (p[0] >= 0xf0 && p[0] <= 0xf4)
		n = 4;
	else
		return 0;
	if (left < n)
		return 0;
	/*
	 * The second byte's range excludes overlong forms, surrogates and what lies above U+10FFFF.
	 */
	if (p[0] == 0xe0)
		lo = 0xa0;
	else if (p[0] == 0xed)
		hi = 0x9f;
	else if (p[0] == 0xf0)
		lo = 0x90;
	else if (p[0] == 0xf4)
		hi = 0x8f;
	if (p[1] < lo || p[1] > hi)
		return 0;
	for (size_t i = 2; i < n; i++)
		if (p[i] < 0x80 || p[i] > 0xbf)
			return 0;
	return n;
}

bool
texts_hold(const struct vault_texts *list, struct vault_text text)
{
	for (size_t i = 0; i < list->n; i++)
		if (text_equal(list->v[i], text))
			return true;
	return false;
}

bool
text_utf8(const void *bytes, size_t len)
{
	const unsigned char *p = bytes;
	size_t i = 0;

	while (i < len) {
		uint64_t eight;
		size_t n;

		if (len - i >= sizeof eight) {
			memcpy(&eight, p + i, sizeof eight);
			if ((eight & UINT64_C(0x8080808080808080)) == 0) {
				i += sizeof eight;
				continue;
			}
		}
		n = p[i] < 0x80 ? 1 : utf8_sequence(p + i, len - i);
		if (n == 0)
			return false;
		i += n;
	}
	return true;
}

bool
text_tenant_name(struct vault_text t)
{
	if (t.len < 1 || t.len > 63 || !ascii_lower_digit((unsigned char)t.p[0]))
		return false;
	for (size_t i = 1; i < t.len; i++) {
		unsigned char c = (unsigned char)t.p[i];

		if (!ascii_lower_digit(c) && c != '_' && c != '-')
			return false;
	}
	return true;
}

/* Whether the segment before offset end, which starts at offset start, is ".", ".." or empty. */
static bool
dot_segment(struct vault_text t, size_t start, size_t end)
{
	size_t n = end - start;

	return n == 0 || (n == 1 && t.p[start] == '.') ||
	       (n == 2 && t.p[start] == '.' && t.p[start + 1] == '.');
}

bool
text_name(struct vault_text t)
{
	size_t start = 0;

	if (t.len < 1 || t.len > 128 || !ascii_alnum((unsigned char)t.p[0]))
		return false;
	for (size_t i = 0; i < t.len; i++) {
		unsigned char c = (unsigned char)t.p[i];

		if (!ascii_alnum(c) && c != '.' && c != '_' && c != '/' && c != '-')
			return false;
		if (c == '/') {
			if (dot_segment(t, start, i))
				return false;
			start = i + 1;
		}
	}
	return !dot_segment(t, start, t.len);
}

bool
text_matches(struct vault_text pattern, struct vault_text t)
{
	if (pattern.len == 0 || pattern.p[pattern.len - 1] != '*')
		return text_equal(pattern, t);
	return t.len >= pattern.len - 1 && memcmp(pattern.p, t.p, pattern.len - 1) == 0;
}

bool
text_scope(struct vault_text t)
{
	for (size_t i = 0; i < t.len; i++) {
		unsigned char c = (unsigned char)t.p[i];

		if (c < 0x21 || c > 0x7e || c == '"' || c == '\\')
			return false;
	}
	return t.len > 0;
}
