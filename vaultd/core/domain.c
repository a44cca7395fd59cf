#include "vaultd/core/domain.h"

#include <string.h>

#define WILDCARD "*."
#define WILDCARD_LEN 2

/* Not the locale's: the bytes of a host name are ASCII. */
static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_letter(char c)
{
	return lower(c) >= 'a' && lower(c) <= 'z';
}

static bool
label_valid(const char *p, size_t len)
{
	if (len == 0 || len > DOMAIN_LABEL_MAX || p[0] == '-' || p[len - 1] == '-')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!is_digit(p[i]) && !is_letter(p[i]) && p[i] != '-')
			return false;
	return true;
}

/* What an address parser takes for a number: 10, 0x7f, 0x. */
static bool
label_number(const char *p, size_t len)
{
	bool hex = len >= 2 && p[0] == '0' && lower(p[1]) == 'x';

	for (size_t i = hex ? 2 : 0; i < len; i++)
		if (!is_digit(p[i]) && !(hex && lower(p[i]) >= 'a' && lower(p[i]) <= 'f'))
			return false;
	return true;
}

bool
domain_name(struct vault_text name)
{
	const char *from = name.p, *end = name.p + name.len;

	if (name.len == 0 || name.len > DOMAIN_NAME_MAX)
		return false;
	for (;;) {
		const char *dot = memchr(from, '.', (size_t)(end - from));
		size_t len = (size_t)((dot == NULL ? end : dot) - from);

		if (!label_valid(from, len))
			return false;
		if (dot == NULL)
			return !label_number(from, len);
		from = dot + 1;
	}
}

static bool
is_wildcard(struct vault_text pattern)
{
	return pattern.len > WILDCARD_LEN && memcmp(pattern.p, WILDCARD, WILDCARD_LEN) == 0;
}

bool
domain_pattern(struct vault_text pattern)
{
	if (is_wildcard(pattern))
		return domain_name((struct vault_text){ pattern.p + WILDCARD_LEN,
							pattern.len - WILDCARD_LEN });
	return domain_name(pattern);
}

struct vault_text
domain_fold(struct vault_text name, char *to)
{
	for (size_t i = 0; i < name.len; i++)
		to[i] = lower(name.p[i]);
	return (struct vault_text){ to, name.len };
}

bool
domain_same(struct vault_text a, struct vault_text b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (lower(a.p[i]) != lower(b.p[i]))
			return false;
	return true;
}

bool
domain_matches(struct vault_text pattern, struct vault_text name)
{
	struct vault_text suffix;

	if (!is_wildcard(pattern))
		return domain_same(pattern, name);
	/* With the dot before it, so that evilexample.org is not below example.org. */
	suffix = (struct vault_text){ pattern.p + 1, pattern.len - 1 };
	if (name.len <= suffix.len)
		return false;
	return domain_same(suffix,
			   (struct vault_text){ name.p + name.len - suffix.len, suffix.len });
}
