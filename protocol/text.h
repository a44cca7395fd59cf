/*
 * Text: making it, comparing it, and the forms that names must have.
 */
#ifndef PROTOCOL_TEXT_H
#define PROTOCOL_TEXT_H

#include <string.h>

#include "protocol/types.h"

/* A view of a NUL-terminated string, and of a literal without strlen. */
static inline struct vault_text
text_of(const char *s)
{
	return (struct vault_text){ s, strlen(s) };
}
#define TEXT_LITERAL(s) ((struct vault_text){ (s), sizeof(s) - 1 })

static inline struct vault_bytes
text_bytes(struct vault_text t)
{
	return (struct vault_bytes){ (const uint8_t *)t.p, t.len };
}

/*
 * Whether n bytes are the same: names are so short that a call to memcmp costs more than comparing
 * them here, by the first and the last word, which may overlap. Not for secrets.
 */
static inline bool
text_same(const void *a, const void *b, size_t n)
{
	const uint8_t *p = a, *q = b;
	uint64_t x, y;
	uint32_t u, v;

	if (n < sizeof u) {
		for (size_t i = 0; i < n; i++)
			if (p[i] != q[i])
				return false;
		return true;
	}
	if (n < sizeof x) {
		uint32_t differ;

		memcpy(&u, p, sizeof u);
		memcpy(&v, q, sizeof v);
		differ = u ^ v;
		memcpy(&u, p + n - sizeof u, sizeof u);
		memcpy(&v, q + n - sizeof v, sizeof v);
		return (differ | (u ^ v)) == 0;
	}
	for (size_t i = 0; i < n - sizeof x; i += sizeof x) {
		memcpy(&x, p + i, sizeof x);
		memcpy(&y, q + i, sizeof y);
		if (x != y)
			return false;
	}
	memcpy(&x, p + n - sizeof x, sizeof x);
	memcpy(&y, q + n - sizeof y, sizeof y);
	return x == y;
}

/* A number for a hash table whose entries are compared in full. */
static inline uint64_t
text_hash(struct vault_text t, uint64_t seed)
{
	const uint64_t odd = UINT64_C(0x9e3779b97f4a7c15);
	uint64_t h = seed ^ t.len << 56, word = 0;
	uint32_t first, last;

	if (t.len >= sizeof word) {
		for (size_t i = 0; i < t.len - sizeof word; i += sizeof word) {
			memcpy(&word, t.p + i, sizeof word);
			h = (h ^ word) * odd;
			h ^= h >> 32;
		}
		memcpy(&word, t.p + t.len - sizeof word, sizeof word);
	} else if (t.len >= sizeof first) {
		memcpy(&first, t.p, sizeof first);
		memcpy(&last, t.p + t.len - sizeof last, sizeof last);
		word = (uint64_t)first << 32 | last;
	} else {
		for (size_t i = 0; i < t.len; i++)
			word = word << 8 | (uint8_t)t.p[i];
	}
	h = (h ^ word) * odd;
	return h ^ h >> 32;
}

static inline bool
text_equal(struct vault_text a, struct vault_text b)
{
	return a.len == b.len && text_same(a.p, b.p, a.len);
}
static inline bool
text_is(struct vault_text a, const char *s)
{
	return text_equal(a, text_of(s));
}

/* Whether the list has the text. */
bool texts_hold(const struct vault_texts *list, struct vault_text text);

/* Well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms, at most U+10FFFF). */
bool text_utf8(const void *p, size_t len);
/* [a-z0-9][a-z0-9_-]{0,62} */
bool text_tenant_name(struct vault_text t);
/* [A-Za-z0-9][A-Za-z0-9._/-]{0,127}, no "//", no trailing "/", no "." or ".." segment */
bool text_name(struct vault_text t);
/* A literal, PREFIX*, or *; the pattern's own form is not checked. */
bool text_matches(struct vault_text pattern, struct vault_text t);
/* One scope-token of RFC 6749 section 3.3: printable ASCII without space, quote and backslash. */
bool text_scope(struct vault_text t);

#endif
