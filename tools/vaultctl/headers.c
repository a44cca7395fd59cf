#include "tools/vaultctl/headers.h"

#include <string.h>
#include <strings.h>

#include "protocol/text.h"
#include "tools/vaultctl/pack.h"
#include "tools/vaultctl/source.h"

#define HEADERS_COUNT_MAX 256 /* as many as the daemon takes in a map */

struct header {
	struct vault_text name, value;
};

struct headers {
	struct header v[HEADERS_COUNT_MAX];
	size_t n;
};

bool
headers_field(const struct field *field)
{
	return field->kind == FIELD_MAP && strcmp(field->name, "headers") == 0;
}

static bool
blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static struct vault_text
trimmed(struct vault_text t)
{
	while (t.len > 0 && blank(t.p[0]))
		t = (struct vault_text){ t.p + 1, t.len - 1 };
	while (t.len > 0 && blank(t.p[t.len - 1]))
		t.len--;
	return t;
}

static bool
add_line(const struct ctl *ctl, struct vault_text line, struct headers *headers)
{
	const char *colon = memchr(line.p, ':', line.len);
	struct header *header = &headers->v[headers->n];

	if (colon == NULL || colon == line.p) {
		ctl_usage(ctl, "\"%.*s\" is not a header: write it as 'Name: value'", (int)line.len,
			  line.p);
		return false;
	}
	if (headers->n == HEADERS_COUNT_MAX) {
		ctl_usage(ctl, "too many headers");
		return false;
	}
	header->name = trimmed((struct vault_text){ line.p, (size_t)(colon - line.p) });
	header->value =
		trimmed((struct vault_text){ colon + 1, line.len - (size_t)(colon + 1 - line.p) });
	headers->n++;
	return true;
}

static bool
add_lines(const struct ctl *ctl, struct vault_text text, struct headers *headers)
{
	while (text.len > 0) {
		const char *end = memchr(text.p, '\n', text.len);
		size_t len = end == NULL ? text.len : (size_t)(end - text.p);
		struct vault_text line = trimmed((struct vault_text){ text.p, len });

		if (line.len > 0 && !add_line(ctl, line, headers))
			return false;
		len += end != NULL;
		text = (struct vault_text){ text.p + len, text.len - len };
	}
	return true;
}

static bool
same_name(const struct header *a, const struct header *b)
{
	return a->name.len == b->name.len && strncasecmp(a->name.p, b->name.p, a->name.len) == 0;
}

/* How many of the headers up to end have the name of the one given. */
static uint32_t
count_same(const struct headers *headers, size_t end, const struct header *as)
{
	uint32_t n = 0;

	for (size_t i = 0; i < end; i++)
		n += same_name(&headers->v[i], as);
	return n;
}

static void
pack_values(const struct headers *headers, const struct header *as, struct buf *out)
{
	uint32_t n = count_same(headers, headers->n, as);

	if (n > 1)
		pack_array(out, n);
	for (size_t i = 0; i < headers->n; i++)
		if (same_name(&headers->v[i], as))
			pack_str(out, headers->v[i].value);
}

static void
pack_headers(const struct headers *headers, struct buf *out)
{
	uint32_t names = 0;

	for (size_t i = 0; i < headers->n; i++)
		names += count_same(headers, i, &headers->v[i]) == 0;
	pack_map(out, names);
	for (size_t i = 0; i < headers->n; i++) {
		if (count_same(headers, i, &headers->v[i]) > 0)
			continue;
		pack_str(out, headers->v[i].name);
		pack_values(headers, &headers->v[i], out);
	}
}

/* All that was given, a line each. */
static bool
collect(struct ctl *ctl, const struct args *args, const struct field *field, struct buf *lines)
{
	for (size_t i = 0; i < args->n; i++) {
		const char *text = args->v[i].text;

		if (args->v[i].field != field)
			continue;
		if (source_is(text) ? !source_read(ctl, field, text, lines)
				    : buf_append(lines, text, strlen(text)) != VAULT_OK)
			return false;
		if (buf_append(lines, "\n", 1) != VAULT_OK)
			return false;
	}
	return true;
}

bool
headers_pack(struct ctl *ctl, const struct args *args, const struct field *field, struct buf *out)
{
	struct headers headers = { .n = 0 };
	struct buf lines = { 0 };
	bool ok = collect(ctl, args, field, &lines) &&
		  add_lines(ctl,
			    (struct vault_text){ (const char *)buf_data(&lines), buf_len(&lines) },
			    &headers);

	if (ok)
		pack_headers(&headers, out);
	buf_free(&lines);
	return ok;
}
