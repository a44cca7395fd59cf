#include "protocol/text.h"

/* What a character may be part of. */
enum {
	TENANT_FIRST = 1 << 0,
	TENANT_REST = 1 << 1,
	NAME_FIRST = 1 << 2,
	NAME_REST = 1 << 3,
	NAME_PLAIN = 1 << 4, /* of a name, and ends no segment */
};
#define OF_NAME (NAME_REST | NAME_PLAIN)
#define OF_BOTH (TENANT_REST | OF_NAME)
static const uint8_t roles[256] = {
	['a' ... 'z'] = TENANT_FIRST | NAME_FIRST | OF_BOTH,
	['0' ... '9'] = TENANT_FIRST | NAME_FIRST | OF_BOTH,
	['A' ... 'Z'] = NAME_FIRST | OF_NAME,
	['_'] = OF_BOTH,
	['-'] = OF_BOTH,
	['.'] = OF_NAME,
	['/'] = NAME_REST,
};

/* What all of its characters may be part of. */
static unsigned
common_roles(struct vault_text t)
{
	unsigned all = ~0u;

	for (size_t i = 0; i < t.len; i++)
		all &= roles[(uint8_t)t.p[i]];
	return all;
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

/* Eight bytes at a time, the last eight perhaps twice. */
static bool
all_ascii(const uint8_t *p, size_t len)
{
	uint64_t eight, seen = 0;

	if (len < sizeof eight) {
		for (size_t i = 0; i < len; i++)
			seen |= p[i];
		return seen < 0x80;
	}
	for (size_t i = 0; i < len - sizeof eight; i += sizeof eight) {
		memcpy(&eight, p + i, sizeof eight);
		seen |= eight;
	}
	memcpy(&eight, p + len - sizeof eight, sizeof eight);
	return ((seen | eight) & UINT64_C(0x8080808080808080)) == 0;
}

bool
text_utf8(const void *bytes, size_t len)
{
	const unsigned char *p = bytes;
	size_t i = 0;

	if (all_ascii(p, len))
		return true;
	while (i < len) {
		size_t n = p[i] < 0x80 ? 1 : utf8_sequence(p + i, len - i);

		if (n == 0)
			return false;
		i += n;
	}
	return true;
}

bool
text_tenant_name(struct vault_text t)
{
	return t.len >= 1 && t.len <= 63 && (roles[(uint8_t)t.p[0]] & TENANT_FIRST) != 0 &&
	       (common_roles(t) & TENANT_REST) != 0;
}

/* Whether the segment before offset end, which starts at offset start, is ".", ".." or empty. */
static bool
dot_segment(struct vault_text t, size_t start, size_t end)
{
	size_t n = end - start;

	return n == 0 || (n == 1 && t.p[start] == '.') ||
	       (n == 2 && t.p[start] == '.' && t.p[start + 1] == '.');
}

static bool
segments_whole(struct vault_text t)
{
	size_t start = 0;

	for (size_t i = 0; i < t.len; i++) {
		if (t.p[i] != '/')
			continue;
		if (dot_segment(t, start, i))
			return false;
		start = i + 1;
	}
	return !dot_segment(t, start, t.len);
}

bool
text_name(struct vault_text t)
{
	unsigned all;

	if (t.len < 1 || t.len > 128 || (roles[(uint8_t)t.p[0]] & NAME_FIRST) == 0)
		return false;
	all = common_roles(t);
	/* Without a slash it is one segment, which begins with a letter or digit. */
	return (all & NAME_REST) != 0 && ((all & NAME_PLAIN) != 0 || segments_whole(t));
}

bool
text_matches(struct vault_text pattern, struct vault_text t)
{
	if (pattern.len == 0 || pattern.p[pattern.len - 1] != '*')
		return text_equal(pattern, t);
	return t.len >= pattern.len - 1 && text_same(pattern.p, t.p, pattern.len - 1);
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
