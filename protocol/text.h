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

static inline bool
text_equal(struct vault_text a, struct vault_text b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
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
