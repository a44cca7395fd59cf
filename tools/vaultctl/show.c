#include "tools/vaultctl/show.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/text.h"
#include "tools/vaultctl/json.h"
#include "tools/vaultctl/units.h"

#define BRIEF_MAX 60 /* bytes of a map, a list or bytes shown in a table's cell */
#define WRAP_AT 80   /* columns after which a record's list goes on in the next line */

bool
show_entry(struct cursor map, const char *name, struct cursor *value)
{
	struct vault_text key;
	struct vault_bytes raw;
	uint32_t n;

	if (!cursor_map(&map, &n))
		return false;
	for (uint32_t i = 0; i < n; i++) {
		if (!cursor_str(&map, &key) || !cursor_skip(&map, &raw))
			return false;
		if (!text_is(key, name))
			continue;
		*value = (struct cursor){ raw.p, raw.p + raw.len };
		return cursor_type(value) != CURSOR_NIL;
	}
	return false;
}

/* Text but for what would steer the terminal; in a table's cell as it is, because libsmartcols sees
 * to that. */
static void
put_text(FILE *out, struct vault_text t, bool brief)
{
	for (size_t i = 0; i < t.len; i++) {
		unsigned char c = (unsigned char)t.p[i];

		if (brief)
			fputc(c, out);
		else if (c == '\n')
			fputs("\n  ", out);
		else if (c < 0x20 || c == 0x7f ||
			 (c == 0xc2 && i + 1 < t.len && (unsigned char)t.p[i + 1] < 0xa0))
			fprintf(out, "\\x%02x", c);
		else
			fputc(c, out);
	}
}

static void
put_int(FILE *out, const struct ctl *ctl, const struct field *field, int64_t v, bool brief)
{
	char text[UNIT_TEXT_MAX], age[UNIT_TEXT_MAX];

	if ((field->flags & F_DURATION) != 0) {
		unit_show_duration(text, v);
		fputs(text, out);
	} else if ((field->flags & F_TIME) != 0) {
		unit_show_age(age, v, ctl->now);
		unit_show_time(text, v);
		if (brief)
			fputs(age, out);
		else
			fprintf(out, "%s (%s)", text, age);
	} else {
		fprintf(out, "%" PRId64, v);
	}
}

/* Each entry by itself, parted by commas. */
static void
put_entries(FILE *out, const struct ctl *ctl, const struct field *field, struct cursor value,
	    bool brief)
{
	struct vault_text t;
	int64_t v;
	uint32_t n;

	if (!cursor_array(&value, &n))
		return;
	if (field->kind == FIELD_OBJECTS)
		fprintf(out, "%" PRIu32, n);
	for (uint32_t i = 0; i < n && field->kind != FIELD_OBJECTS; i++) {
		if (i > 0)
			fputs(", ", out);
		/* As many as a role has methods would leave the other columns no room. */
		if (brief && ftell(out) > BRIEF_MAX) {
			fprintf(out, "... %" PRIu32 " in all", n);
			return;
		}
		if (cursor_str(&value, &t))
			put_text(out, t, brief);
		else if (cursor_int(&value, &v))
			put_int(out, ctl, field, v, brief);
		else
			return;
	}
}

static void put_value(FILE *out, const struct ctl *ctl, const struct field *field,
		      struct cursor value, bool brief);

/* "failures 100, window 5m, enabled yes" */
static void
put_object(FILE *out, const struct ctl *ctl, const struct object_type *type, struct cursor map)
{
	const char *gap = "";
	struct cursor value;

	for (unsigned i = 0; i < type->count; i++) {
		if (!show_entry(map, type->fields[i].name, &value))
			continue;
		fprintf(out, "%s%s ", gap, type->fields[i].name);
		put_value(out, ctl, &type->fields[i], value, true);
		gap = ", ";
	}
}

static void
put_value(FILE *out, const struct ctl *ctl, const struct field *field, struct cursor value,
	  bool brief)
{
	struct vault_bytes bytes;
	struct vault_text t;
	int64_t v;
	bool flag;

	switch ((enum field_kind)field->kind) {
	case FIELD_INT:
		if (cursor_int(&value, &v))
			put_int(out, ctl, field, v, brief);
		return;
	case FIELD_BOOL:
		if (cursor_bool(&value, &flag))
			fputs(flag ? "yes" : "no", out);
		return;
	case FIELD_TEXTS:
	case FIELD_INTS:
	case FIELD_OBJECTS:
		put_entries(out, ctl, field, value, brief);
		return;
	case FIELD_BYTES:
		if (cursor_bytes(&value, &bytes))
			base64url_write(out, bytes);
		return;
	case FIELD_OBJECT:
		if (!brief) {
			put_object(out, ctl, field->object(), value);
			return;
		}
		/* fall through */
	case FIELD_MAP:
		json_print_value(out, &value, -1);
		return;
	default:
		if (cursor_str(&value, &t))
			put_text(out, t, brief);
	}
}

char *
show_cell(const struct ctl *ctl, const struct field *field, struct cursor value, bool brief)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (out == NULL)
		return NULL;
	if ((field->flags & (F_SECRET | F_ONCE)) != 0 && ctl_on_terminal() && !ctl->show)
		fputs("(hidden: give --show, or redirect the output)", out);
	else
		put_value(out, ctl, field, value, brief);
	fclose(out);
	if (text != NULL && brief && size > BRIEF_MAX &&
	    (field->kind == FIELD_MAP || field->kind == FIELD_OBJECT))
		memcpy(text + BRIEF_MAX - 3, "...", 4);
	return text;
}

/* The longest name that is printed before a value. */
static int
name_width(const struct object_type *type, struct cursor map)
{
	size_t width = 0;
	struct cursor value;

	for (unsigned i = 0; i < type->count; i++) {
		const struct field *field = &type->fields[i];

		if (show_entry(map, field->name, &value) && field->kind != FIELD_OBJECTS &&
		    field->name_len > width)
			width = field->name_len;
	}
	return (int)width;
}

/* Below each other, behind the field's name; an entry is never parted. */
static void
print_wrapped(const char *text, int indent)
{
	size_t at = (size_t)indent;

	while (*text != '\0') {
		const char *end = strstr(text, ", ");
		size_t n = end == NULL ? strlen(text) : (size_t)(end - text) + 1;

		if (at > (size_t)indent && at + 1 + n > WRAP_AT) {
			printf("\n%*s", indent, "");
			at = (size_t)indent;
		} else if (at > (size_t)indent) {
			putchar(' ');
			at++;
		}
		printf("%.*s", (int)n, text);
		at += n;
		text += n + (text[n] == ' ');
	}
	putchar('\n');
}

static void
record_line(const struct ctl *ctl, const struct field *field, struct cursor value, int width)
{
	char *text = show_cell(ctl, field, value, false);

	if (text != NULL) {
		printf("%-*s  ", width, field->name);
		if (field->kind == FIELD_TEXTS)
			print_wrapped(text, width + 2);
		else
			printf("%s\n", text);
	}
	if (text != NULL)
		explicit_bzero(text, strlen(text));
	free(text);
}

void
show_record(const struct ctl *ctl, const struct object_type *type, struct cursor map)
{
	int width = name_width(type, map);
	struct cursor value;

	for (unsigned i = 0; i < type->count; i++)
		if (show_entry(map, type->fields[i].name, &value) &&
		    type->fields[i].kind != FIELD_OBJECTS)
			record_line(ctl, &type->fields[i], value, width);
	for (unsigned i = 0; i < type->count; i++) {
		struct show_list *list;

		if (type->fields[i].kind != FIELD_OBJECTS ||
		    !show_entry(map, type->fields[i].name, &value))
			continue;
		printf("%s:\n", type->fields[i].name);
		list = show_list_new(ctl, type->fields[i].object());
		if (list == NULL)
			return;
		show_list_add(list, value);
		show_list_end(list, true);
	}
}

void
show_value(const struct object_type *type, struct cursor map)
{
	struct vault_bytes bytes;
	struct vault_text text;
	struct cursor value;
	int64_t v;

	if (type->count == 0 || !show_entry(map, type->fields[0].name, &value))
		return;
	if (cursor_type(&value) == CURSOR_BIN && cursor_bytes(&value, &bytes)) {
		base64url_write(stdout, bytes);
		putchar('\n');
	} else if (cursor_str(&value, &text)) {
		/* A note of several lines stays the bytes that were signed. */
		printf("%.*s%s", (int)text.len, text.p,
		       text.len > 0 && text.p[text.len - 1] == '\n' ? "" : "\n");
	} else if (type->fields[0].kind == FIELD_INT && cursor_int(&value, &v)) {
		printf("%" PRId64 "\n", v);
	}
}
