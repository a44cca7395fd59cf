#include "vaultd/core/principal.h"

#include "protocol/text.h"

#define NUMBER_DIGITS_MAX 10 /* of a user's or group's id */

static bool
starts_with(struct vault_text text, const char *prefix)
{
	size_t n = strlen(prefix);

	return text.len > n && memcmp(text.p, prefix, n) == 0;
}

static bool
parse_number(struct vault_text digits, uint32_t *number)
{
	uint64_t v = 0;

	if (digits.len > NUMBER_DIGITS_MAX || (digits.len > 1 && digits.p[0] == '0'))
		return false;
	for (size_t i = 0; i < digits.len; i++) {
		if (digits.p[i] < '0' || digits.p[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(digits.p[i] - '0');
	}
	*number = (uint32_t)v;
	return v <= UINT32_MAX;
}

static bool
parse_key(struct vault_text rest, struct vault_text *tenant)
{
	const char *slash = memchr(rest.p, '/', rest.len);
	struct vault_text id;

	if (slash == NULL)
		return false;
	*tenant = (struct vault_text){ rest.p, (size_t)(slash - rest.p) };
	id = (struct vault_text){ slash + 1, rest.len - tenant->len - 1 };
	return text_tenant_name(*tenant) && text_name(id) && memchr(id.p, '/', id.len) == NULL;
}

bool
principal_parse(struct vault_text text, struct principal *out)
{
	struct vault_text rest = { text.p + 4, text.len - 4 };

	*out = (struct principal){ .text = text };
	if (starts_with(text, "uid:"))
		return parse_number(rest, &out->number);
	if (starts_with(text, "gid:")) {
		out->kind = PRINCIPAL_GID;
		return parse_number(rest, &out->number);
	}
	out->kind = PRINCIPAL_KEY;
	return starts_with(text, "key:") && parse_key(rest, &out->tenant);
}

bool
principal_equal(const struct principal *a, const struct principal *b)
{
	if (a->kind != b->kind)
		return false;
	return a->kind == PRINCIPAL_KEY ? text_equal(a->text, b->text) : a->number == b->number;
}
