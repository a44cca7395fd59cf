/*
 * Values as they are written on the command line, encoded as the fields' types ask.
 */
#include <stdio.h>
#include <string.h>

#include "protocol/cursor.h"
#include "protocol/text.h"
#include "tools/vaultctl/args.h"
#include "tools/vaultctl/encode_object.h"
#include "tools/vaultctl/headers.h"
#include "tools/vaultctl/json.h"
#include "tools/vaultctl/names.h"
#include "tools/vaultctl/pack.h"
#include "tools/vaultctl/source.h"
#include "tools/vaultctl/units.h"

static bool
wrong(const struct ctl *ctl, const struct field *field, const char *text, const char *due)
{
	ctl_usage(ctl, "--%s: \"%s\" is not %s", field->name, text, due);
	return false;
}

/* user:NAME and group:NAME become the uid:N and gid:N that the daemon knows. */
static bool
pack_principal(const struct ctl *ctl, const struct field *field, const char *text, struct buf *out)
{
	char principal[32];
	uid_t uid;
	gid_t gid;

	if (strncmp(text, "user:", 5) == 0) {
		if (!names_user(text + 5, &uid))
			return wrong(ctl, field, text, "a user of this host");
		snprintf(principal, sizeof principal, "uid:%u", (unsigned)uid);
		text = principal;
	} else if (strncmp(text, "group:", 6) == 0) {
		if (!names_group(text + 6, &gid))
			return wrong(ctl, field, text, "a group of this host");
		snprintf(principal, sizeof principal, "gid:%u", (unsigned)gid);
		text = principal;
	}
	pack_str(out, text_of(text));
	return true;
}

static bool
pack_read(struct ctl *ctl, const struct arg *arg, struct buf *out)
{
	struct buf read = { 0 };
	const struct buf *from = arg->text == NULL ? &arg->secret : &read;
	bool ok = arg->text == NULL || source_read(ctl, arg->field, arg->text, &read);

	if (ok && arg->field->kind == FIELD_BYTES)
		pack_bin(out, (struct vault_bytes){ buf_data(from), buf_len(from) });
	else if (ok)
		pack_str(out, (struct vault_text){ (const char *)buf_data(from), buf_len(from) });
	buf_free(&read);
	return ok;
}

static bool
pack_text(struct ctl *ctl, const struct arg *arg, struct buf *out)
{
	const struct field *field = arg->field;
	char path[4096];

	if (arg->text == NULL || (source_allowed(field) && source_is(arg->text)))
		return pack_read(ctl, arg, out);
	/* A key file is named by its path, which is no secret. */
	if (strcmp(field->name, "keyfile") == 0) {
		struct arg file = { .field = field, .text = path };

		snprintf(path, sizeof path, "@%s", arg->text);
		return pack_read(ctl, &file, out);
	}
	if (source_required(field)) {
		ctl_usage(ctl, "--%s comes from stdin (-) or @FILE, never from the command line",
			  field->name);
		return false;
	}
	if (strcmp(field->name, "principal") == 0)
		return pack_principal(ctl, field, arg->text, out);
	pack_str(out, text_of(arg->text));
	return true;
}

static bool
pack_integer(const struct ctl *ctl, const struct field *field, const char *text, struct buf *out)
{
	int64_t v;

	if ((field->flags & F_DURATION) != 0) {
		if (!unit_duration(text, &v))
			return wrong(ctl, field, text, "a duration such as 90d, 12h, 15m or 30s");
	} else if ((field->flags & F_TIME) != 0) {
		if (!unit_time(text, ctl->now, &v))
			return wrong(ctl, field, text,
				     "a time such as 2030-01-31T12:00:00Z, -1h or +90d");
	} else if (!unit_int(text, &v)) {
		return wrong(ctl, field, text, "a number");
	}
	pack_int(out, v);
	return true;
}

static bool
pack_flag(const struct ctl *ctl, const struct field *field, const char *text, struct buf *out)
{
	bool on = strcmp(text, "true") == 0 || strcmp(text, "yes") == 0;

	if (!on && strcmp(text, "false") != 0 && strcmp(text, "no") != 0)
		return wrong(ctl, field, text, "true or false");
	pack_bool(out, on);
	return true;
}

/* Counts the entries of "a,b,c", and packs them where out is not NULL. */
static bool
list_entries(const struct ctl *ctl, const struct field *field, const char *text, struct buf *out,
	     uint32_t *count)
{
	char one[1024];

	while (*text != '\0') {
		size_t len = strcspn(text, ",");

		if (len >= sizeof one)
			return wrong(ctl, field, text, "short enough");
		snprintf(one, sizeof one, "%.*s", (int)len, text);
		if (out != NULL && field->kind == FIELD_TEXTS)
			pack_str(out, text_of(one));
		else if (out != NULL && !pack_integer(ctl, field, one, out))
			return false;
		*count += 1;
		text += len + (text[len] == ',');
	}
	return true;
}

/* Every option of the field adds entries; one empty option is an empty list. */
static bool
pack_list(const struct ctl *ctl, const struct args *args, const struct field *field,
	  struct buf *out)
{
	uint32_t n = 0;

	for (size_t i = 0; i < args->n; i++)
		if (args->v[i].field == field &&
		    !list_entries(ctl, field, args->v[i].text, NULL, &n))
			return false;
	pack_array(out, n);
	for (size_t i = 0; i < args->n; i++)
		if (args->v[i].field == field &&
		    !list_entries(ctl, field, args->v[i].text, out, &n))
			return false;
	return true;
}

/* The entries of a JSON object, without its head. */
static bool
json_entries(const struct ctl *ctl, const struct field *field, struct vault_text text,
	     struct buf *out, uint32_t *count)
{
	char why[JSON_WHY_MAX];
	struct buf parsed = { 0 };
	struct cursor c;
	uint32_t n = 0;
	bool ok = json_parse(&parsed, text, why);

	if (!ok)
		ctl_usage(ctl, "--%s: %s", field->name, why);
	c = (struct cursor){ buf_data(&parsed), buf_data(&parsed) + buf_len(&parsed) };
	if (ok && !cursor_map(&c, &n)) {
		ctl_usage(ctl, "--%s: the JSON must be an object", field->name);
		ok = false;
	}
	if (ok)
		pack_raw(out, c.p, (size_t)(c.end - c.p));
	*count += n;
	buf_free(&parsed);
	return ok;
}

/* KEY=VALUE is text, KEY:=JSON any value. */
static bool
map_entry(const struct ctl *ctl, const struct field *field, const char *text, struct buf *out)
{
	const char *equal = strchr(text, '=');
	char why[JSON_WHY_MAX];
	bool json;

	if (equal == NULL || equal == text)
		return wrong(ctl, field, text, "KEY=VALUE, KEY:=JSON, a JSON object or @FILE");
	json = equal[-1] == ':';
	pack_str(out, (struct vault_text){ text, (size_t)(equal - text) - json });
	if (!json) {
		pack_str(out, text_of(equal + 1));
		return true;
	}
	if (json_parse(out, text_of(equal + 1), why))
		return true;
	ctl_usage(ctl, "--%s: %s", field->name, why);
	return false;
}

static bool
map_entries(struct ctl *ctl, const struct arg *arg, struct buf *out, uint32_t *count)
{
	struct buf read = { 0 };
	bool ok;

	if (arg->text[0] == '{')
		return json_entries(ctl, arg->field, text_of(arg->text), out, count);
	if (!source_is(arg->text)) {
		*count += 1;
		return map_entry(ctl, arg->field, arg->text, out);
	}
	ok = source_read(ctl, arg->field, arg->text, &read) &&
	     json_entries(ctl, arg->field,
			  (struct vault_text){ (const char *)buf_data(&read), buf_len(&read) }, out,
			  count);
	buf_free(&read);
	return ok;
}

static bool
pack_map_field(struct ctl *ctl, const struct args *args, const struct field *field, struct buf *out)
{
	struct buf entries = { 0 };
	uint32_t n = 0;
	bool ok = true;

	for (size_t i = 0; ok && i < args->n; i++)
		if (args->v[i].field == field)
			ok = map_entries(ctl, &args->v[i], &entries, &n);
	if (ok) {
		pack_map(out, n);
		pack_raw(out, buf_data(&entries), buf_len(&entries));
	}
	buf_free(&entries);
	return ok;
}

/* The last value given for a field, as with most commands. */
static const struct arg *
last_of(const struct args *args, const struct field *field)
{
	const struct arg *last = NULL;

	for (size_t i = 0; i < args->n; i++)
		if (args->v[i].field == field)
			last = &args->v[i];
	return last;
}

/* A value inside a map of known members. */
static bool
pack_member(const struct ctl *ctl, const struct field *field, const char *text, struct buf *out)
{
	if (field->kind == FIELD_INT)
		return pack_integer(ctl, field, text, out);
	if (field->kind == FIELD_BOOL)
		return pack_flag(ctl, field, text, out);
	pack_str(out, text_of(text));
	return true;
}

static bool
pack_field(struct ctl *ctl, const struct args *args, const struct arg *arg, struct buf *out)
{
	const struct field *field = arg->field;

	switch ((enum field_kind)field->kind) {
	case FIELD_INT:
		return pack_integer(ctl, field, arg->text, out);
	case FIELD_BOOL:
		return pack_flag(ctl, field, arg->text, out);
	case FIELD_TEXTS:
	case FIELD_INTS:
		return pack_list(ctl, args, field, out);
	case FIELD_MAP:
		/* In JSON they are a map like any other. */
		if (headers_field(field) && arg->text[0] != '{')
			return headers_pack(ctl, args, field, out);
		return pack_map_field(ctl, args, field, out);
	case FIELD_OBJECT:
		return object_encode(ctl, args, field, pack_member, out);
	case FIELD_OBJECTS:
		return wrong(ctl, field, arg->text,
			     "something that an option can say; use vaultctl call");
	default:
		return pack_text(ctl, arg, out);
	}
}

bool
args_encode(struct ctl *ctl, const struct args *args, struct vault_text cursor, struct buf *out)
{
	const struct object_type *type = args->row->request();
	struct buf fields = { 0 };
	uint32_t n = 0;
	bool ok = true;

	for (unsigned i = 0; ok && i < type->count; i++) {
		const struct field *field = &type->fields[i];
		bool page = strcmp(field->name, "cursor") == 0 && cursor.p != NULL;
		const struct arg *arg = last_of(args, field);

		if (arg == NULL && !page)
			continue;
		n++;
		pack_str(&fields, text_of(field->name));
		if (page)
			pack_str(&fields, cursor);
		else
			ok = pack_field(ctl, args, arg, &fields);
	}
	if (ok) {
		pack_map(out, n);
		pack_raw(out, buf_data(&fields), buf_len(&fields));
	}
	buf_free(&fields);
	return ok;
}
