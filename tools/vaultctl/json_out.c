#include <inttypes.h>
#include <math.h>

#include "protocol/text.h"
#include "tools/vaultctl/json.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void
base64url_write(FILE *out, struct vault_bytes v)
{
	for (size_t i = 0; i < v.len; i += 3) {
		size_t n = v.len - i < 3 ? v.len - i : 3;
		uint32_t bits = (uint32_t)v.p[i] << 16;

		if (n > 1)
			bits |= (uint32_t)v.p[i + 1] << 8;
		if (n > 2)
			bits |= v.p[i + 2];
		for (size_t k = 0; k <= n; k++)
			fputc(alphabet[bits >> (18 - 6 * k) & 63], out);
	}
}

void
json_print_text(FILE *out, struct vault_text t)
{
	bool utf8 = text_utf8(t.p, t.len);

	fputc('"', out);
	for (size_t i = 0; i < t.len; i++) {
		unsigned char c = (unsigned char)t.p[i];

		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c == '\n')
			fputs("\\n", out);
		else if (c < 0x20 || c == 0x7f)
			fprintf(out, "\\u%04x", c);
		else if (c >= 0x80 && !utf8)
			fputs("\\ufffd", out);
		else
			fputc(c, out);
	}
	fputc('"', out);
}

static void
new_line(FILE *out, int indent)
{
	if (indent < 0)
		return;
	fputc('\n', out);
	for (int i = 0; i < indent; i++)
		fputs("  ", out);
}

static int
deeper(int indent)
{
	return indent < 0 ? indent : indent + 1;
}

static void
array(FILE *out, struct cursor *c, int indent)
{
	uint32_t n;

	if (!cursor_array(c, &n))
		return;
	fputc('[', out);
	for (uint32_t i = 0; i < n; i++) {
		if (i > 0)
			fputc(',', out);
		new_line(out, deeper(indent));
		json_print_value(out, c, deeper(indent));
	}
	if (n > 0)
		new_line(out, indent);
	fputc(']', out);
}

static bool
hidden(const struct object_type *type, struct vault_text key)
{
	for (unsigned i = 0; type != NULL && i < type->count; i++)
		if (text_is(key, type->fields[i].name))
			return (type->fields[i].flags & (F_SECRET | F_ONCE)) != 0;
	return false;
}

/* hide: the type whose secrets are not shown, or NULL. */
static void
map(FILE *out, struct cursor *c, int indent, const struct object_type *hide)
{
	struct vault_text key;
	uint32_t n;

	if (!cursor_map(c, &n))
		return;
	fputc('{', out);
	for (uint32_t i = 0; i < n; i++) {
		if (i > 0)
			fputc(',', out);
		new_line(out, deeper(indent));
		if (!cursor_str(c, &key)) {
			cursor_skip(c, NULL);
			key = TEXT_LITERAL("?");
		}
		json_print_text(out, key);
		fputs(indent < 0 ? ":" : ": ", out);
		if (!hidden(hide, key)) {
			json_print_value(out, c, deeper(indent));
			continue;
		}
		cursor_skip(c, NULL);
		fputs("\"(hidden: give --show, or redirect the output)\"", out);
	}
	if (n > 0)
		new_line(out, indent);
	fputc('}', out);
}

static void
number(FILE *out, struct cursor *c)
{
	struct cursor whole = *c;
	int64_t integer;
	double d;

	if (cursor_type(c) == CURSOR_INT && cursor_int(c, &integer))
		fprintf(out, "%" PRId64, integer);
	else if (cursor_float(c, &d) && isfinite(d))
		fprintf(out, "%.17g", d);
	else
		fputs("null", out);
	if (c->p == whole.p)
		cursor_skip(c, NULL);
}

void
json_print_value(FILE *out, struct cursor *c, int indent)
{
	struct vault_bytes bytes;
	struct vault_text text;
	bool flag;

	switch (cursor_type(c)) {
	case CURSOR_BOOL:
		fputs(cursor_bool(c, &flag) && flag ? "true" : "false", out);
		return;
	case CURSOR_INT:
	case CURSOR_FLOAT:
		number(out, c);
		return;
	case CURSOR_STR:
		if (cursor_str(c, &text))
			json_print_text(out, text);
		return;
	case CURSOR_BIN:
		if (!cursor_bytes(c, &bytes))
			return;
		fputs("{\"$bytes\":\"", out);
		base64url_write(out, bytes);
		fputs("\"}", out);
		return;
	case CURSOR_ARRAY:
		array(out, c, indent);
		return;
	case CURSOR_MAP:
		map(out, c, indent, NULL);
		return;
	default:
		cursor_skip(c, NULL);
		fputs("null", out);
	}
}

void
json_print(FILE *out, struct cursor *c, const struct object_type *type, bool hide)
{
	if (cursor_type(c) == CURSOR_MAP)
		map(out, c, 0, hide ? type : NULL);
	else
		json_print_value(out, c, 0);
	fputc('\n', out);
}
