#include <stdio.h>
#include <string.h>

#include "protocol/codec.h"
#include "protocol/text.h"

#define UTF8_SEQUENCE_MAX 4 /* bytes of a character */

static enum vault_err read_object(const struct codec_reader *r, const struct field *field,
				  struct cursor *c, void *out);

static enum vault_err
refuse(const struct codec_reader *r, const struct field *field, const char *message)
{
	return fail_with(r->fail, VAULT_INVALID_PARAMS, field->name, message);
}

static enum vault_err
refuse_unknown(const struct codec_reader *r, struct vault_text name, const char *message)
{
	char field[FAIL_FIELD_MAX + 1] = { 0 };
	size_t len = name.len < FAIL_FIELD_MAX ? name.len : FAIL_FIELD_MAX;

	/*
	 * Cut at a character's end; a name that is not text would make the error itself unreadable.
	 */
	for (unsigned cut = 0;
	     cut < UTF8_SEQUENCE_MAX - 1 && len == FAIL_FIELD_MAX - cut && !text_utf8(name.p, len);
	     cut++)
		len--;
	if (text_utf8(name.p, len))
		memcpy(field, name.p, len);
	return fail_with(r->fail, VAULT_INVALID_PARAMS, field, message);
}

static inline enum vault_err
text_in_bounds(const struct codec_reader *r, const struct field *field, struct vault_text t)
{
	if (t.len < (size_t)field->min)
		return refuse(r, field, "too short");
	if (t.len > (size_t)field->max)
		return refuse(r, field, "too long");
	return VAULT_OK;
}

static enum vault_err
require_utf8(const struct codec_reader *r, const struct field *field, struct vault_text t)
{
	return text_utf8(t.p, t.len) ? VAULT_OK : refuse(r, field, "not UTF-8");
}

/* What has a name's form is ASCII; of what has not, it is told first where it is not even text. */
static enum vault_err
refuse_name(const struct codec_reader *r, const struct field *field, struct vault_text t)
{
	TRY(require_utf8(r, field, t));
	if (field->kind == FIELD_TENANT)
		return refuse(r, field, "not a tenant name: [a-z0-9][a-z0-9_-]{0,62}");
	return refuse(r, field,
		      "not a name: letters, digits and ._/- after a letter or digit, no empty or "
		      "dot segment");
}

static enum vault_err
read_text(const struct codec_reader *r, const struct field *field, struct cursor *c, void *out)
{
	struct vault_text t;

	if (!cursor_str(c, &t))
		return refuse(r, field, "must be text");
	TRY(text_in_bounds(r, field, t));
	if (field->kind == FIELD_TEXT)
		TRY(require_utf8(r, field, t));
	else if (!(field->kind == FIELD_TENANT ? text_tenant_name(t) : text_name(t)))
		return refuse_name(r, field, t);
	memcpy(out, &t, sizeof t);
	return VAULT_OK;
}

static enum vault_err
read_bytes(const struct codec_reader *r, const struct field *field, struct cursor *c, void *out)
{
	struct vault_bytes b;

	if (!cursor_bytes(c, &b))
		return refuse(r, field, "must be bytes");
	if (b.len < (size_t)field->min)
		return refuse(r, field, "too short");
	if (b.len > (size_t)field->max)
		return refuse(r, field, "too long");
	memcpy(out, &b, sizeof b);
	return VAULT_OK;
}

static enum vault_err
read_integer(const struct codec_reader *r, const struct field *field, struct cursor *c, int64_t *v)
{
	if (!cursor_int(c, v))
		return refuse(r, field, "must be an integer");
	if (*v < field->min)
		return refuse(r, field, "too small");
	if (*v > field->max)
		return refuse(r, field, "too large");
	return VAULT_OK;
}

static enum vault_err
read_int(const struct codec_reader *r, const struct field *field, struct cursor *c, void *out)
{
	struct vault_opt_int v = { .set = true };

	TRY(read_integer(r, field, c, &v.v));
	if (field->required)
		memcpy(out, &v.v, sizeof v.v);
	else
		memcpy(out, &v, sizeof v);
	return VAULT_OK;
}

static enum vault_err
read_bool(const struct codec_reader *r, const struct field *field, struct cursor *c, void *out)
{
	struct vault_opt_bool v = { .set = true };

	if (!cursor_bool(c, &v.v))
		return refuse(r, field, "must be true or false");
	if (field->required)
		memcpy(out, &v.v, sizeof v.v);
	else
		memcpy(out, &v, sizeof v);
	return VAULT_OK;
}

static enum vault_err
read_enum(const struct codec_reader *r, const struct field *field, struct cursor *c, void *out)
{
	struct vault_opt_enum v = { .set = true };
	struct vault_text t;

	if (!cursor_str(c, &t))
		return refuse(r, field, "must be text");
	for (int i = 1; i < field->values->count; i++)
		if (text_is(t, field->values->names[i]))
			v.v = i;
	/* A client meets values newer than itself: they read as no value. */
	if (v.v == 0 && r->mode == CODEC_STRICT)
		return refuse(r, field, "not one of the allowed values");
	if (field->required)
		memcpy(out, &v.v, sizeof v.v);
	else
		memcpy(out, &v, sizeof v);
	return VAULT_OK;
}

/* Takes a list's head and makes room for its elements of size bytes. */
static enum vault_err
read_list(const struct codec_reader *r, const struct field *field, struct cursor *c, size_t size,
	  struct object_list *list)
{
	uint32_t n = 0;

	if (!cursor_array(c, &n))
		return refuse(r, field, "must be a list");
	if (n > field->max_count || n > (size_t)(c->end - c->p))
		return refuse(r, field, "too many entries");
	/* An empty list still differs from an absent one. */
	list->v = scratch_room(r->scratch, (n == 0 ? 1 : n) * size);
	list->n = n;
	if (list->v == NULL)
		return fail_with(r->fail, VAULT_TOO_LARGE, field->name, NULL);
	return VAULT_OK;
}

static enum vault_err
read_texts(const struct codec_reader *r, const struct field *field, struct cursor *c, void *out)
{
	struct object_list list = { 0 };
	struct vault_text *v;

	TRY(read_list(r, field, c, sizeof *v, &list));
	v = (struct vault_text *)(uintptr_t)list.v;
	for (size_t i = 0; i < list.n; i++) {
		if (!cursor_str(c, &v[i]))
			return refuse(r, field, "must be a list of text");
		TRY(text_in_bounds(r, field, v[i]));
		TRY(require_utf8(r, field, v[i]));
	}
	memcpy(out, &list, sizeof list);
	return VAULT_OK;
}

static enum vault_err
read_ints(const struct codec_reader *r, const struct field *field, struct cursor *c, void *out)
{
	struct object_list list = { 0 };
	int64_t *v;

	TRY(read_list(r, field, c, sizeof *v, &list));
	v = (int64_t *)(uintptr_t)list.v;
	for (size_t i = 0; i < list.n; i++)
		TRY(read_integer(r, field, c, &v[i]));
	memcpy(out, &list, sizeof list);
	return VAULT_OK;
}

static enum vault_err
read_map(const struct codec_reader *r, const struct field *field, struct cursor *c, void *out)
{
	static const uint8_t empty_map[] = { 0x80 };
	struct cursor probe = *c;
	struct vault_bytes raw;
	struct vault_map map;
	uint32_t n;

	if (!cursor_map(&probe, &n) || !cursor_skip(c, &raw))
		return refuse(r, field, "must be a map");
	if (raw.len > (size_t)field->max)
		return refuse(r, field, "too large");
	if (r->mode == CODEC_STRICT && !codec_free_form((struct cursor){ raw.p, raw.p + raw.len }))
		return refuse(r, field,
			      "has a key twice, too many entries, a key that is not text, or a "
			      "value of a type not allowed");
	map = (struct vault_map){ raw.p, raw.len };
	/* An empty array counts as an empty map, and is one from here on. */
	if (n == 0)
		map = (struct vault_map){ empty_map, sizeof empty_map };
	memcpy(out, &map, sizeof map);
	return VAULT_OK;
}

static enum vault_err
read_nested(const struct codec_reader *r, const struct field *field, struct cursor *c, void *out)
{
	const struct object_type *type = field->object();
	void *object = scratch_room(r->scratch, type->size == 0 ? 1 : type->size);

	if (object == NULL)
		return fail_with(r->fail, VAULT_TOO_LARGE, field->name, NULL);
	TRY(read_object(r, field, c, object));
	memcpy(out, &object, sizeof object);
	return VAULT_OK;
}

static enum vault_err
read_objects(const struct codec_reader *r, const struct field *field, struct cursor *c, void *out)
{
	const struct object_type *type = field->object();
	struct object_list list = { 0 };

	TRY(read_list(r, field, c, type->size == 0 ? 1 : type->size, &list));
	for (size_t i = 0; i < list.n; i++)
		TRY(read_object(r, field, c, (uint8_t *)(uintptr_t)list.v + i * type->size));
	memcpy(out, &list, sizeof list);
	return VAULT_OK;
}

typedef enum vault_err (*field_reader)(const struct codec_reader *, const struct field *,
				       struct cursor *, void *);

static const field_reader readers[] = {
	[FIELD_TEXT] = read_text,   [FIELD_TENANT] = read_text,	  [FIELD_NAME] = read_text,
	[FIELD_BYTES] = read_bytes, [FIELD_INT] = read_int,	  [FIELD_BOOL] = read_bool,
	[FIELD_ENUM] = read_enum,   [FIELD_TEXTS] = read_texts,	  [FIELD_INTS] = read_ints,
	[FIELD_MAP] = read_map,	    [FIELD_OBJECT] = read_nested, [FIELD_OBJECTS] = read_objects,
};

/* The index of a field by name among those from first to end; end where there is none. */
static inline unsigned
field_among(const struct object_type *type, struct vault_text name, unsigned first, unsigned end)
{
	while (first < end && (type->fields[first].name_len != name.len ||
			       !text_same(type->fields[first].name, name.p, name.len)))
		first++;
	return first;
}

/*
 * The index of a field by name, looking first where the sender's order most likely has it;
 * type->count where there is none.
 */
static inline unsigned
field_index(const struct object_type *type, struct vault_text name, unsigned hint)
{
	unsigned index = field_among(type, name, hint, type->count);

	if (index < type->count)
		return index;
	index = field_among(type, name, 0, hint);
	return index < hint ? index : type->count;
}

static void
set_defaults(const struct object_type *type, void *out)
{
	if (type->size > 0)
		memcpy(out, type->defaults, type->size);
}

struct object_read {
	const struct object_type *type;
	uint8_t *out;
	uint64_t seen;	   /* a bit for each field */
	unsigned required; /* how many of those that must be there were */
	unsigned next;	   /* where the sender's order most likely goes on */
};

/* Whether the name is a field of o; *index is its place. */
static inline bool
find_field(const struct object_read *o, struct vault_text name, unsigned *index)
{
	if (o->type == NULL)
		return false;
	*index = field_index(o->type, name, o->next);
	return *index < o->type->count;
}

static inline enum vault_err
read_field(const struct codec_reader *r, struct object_read *o, unsigned index, struct cursor *c)
{
	const struct field *field = &o->type->fields[index];
	uint8_t *out = o->out + field->offset;

	if ((o->seen & UINT64_C(1) << index) != 0)
		return refuse(r, field, "given twice");
	o->seen |= UINT64_C(1) << index;
	o->required += field->required;
	o->next = index + 1;
	if (cursor_nil(c))
		return field->required ? refuse(r, field, "is required") : VAULT_OK;
	/* Most of what is sent: without a call through a pointer. */
	if (field->kind <= FIELD_NAME)
		return read_text(r, field, c, out);
	return readers[field->kind](r, field, c, out);
}

static enum vault_err
refuse_missing(const struct codec_reader *r, const struct object_read *o)
{
	const struct field *field = o->type->fields;

	for (unsigned i = 0; !field->required || (o->seen & UINT64_C(1) << i) != 0; i++)
		field++;
	return refuse(r, field, "is required");
}

/* The fields of a map whose head has been taken. */
static enum vault_err
read_fields(const struct codec_reader *r, uint32_t n, struct cursor *c, struct object_read *own,
	    struct object_read *common)
{
	for (uint32_t i = 0; i < n; i++) {
		struct object_read *o = own;
		struct vault_text name;
		unsigned index;
		bool known;

		if (!cursor_str(c, &name))
			return fail_with(r->fail, VAULT_INVALID_PARAMS, NULL,
					 "a field's name must be text");
		known = find_field(own, name, &index);
		if (!known) {
			o = common;
			known = find_field(common, name, &index);
		}
		if (known)
			TRY(read_field(r, o, index, c));
		else if (r->mode == CODEC_STRICT)
			return refuse_unknown(r, name, "no such field");
		else if (!cursor_skip(c, NULL))
			return VAULT_PARSE;
	}
	if (r->partial || own->required == own->type->required)
		return VAULT_OK;
	return refuse_missing(r, own);
}

/* What is wrong inside an object is named by its path: "limits.hot.rate". */
static enum vault_err
within(const struct codec_reader *r, const struct field *field, enum vault_err err)
{
	char path[2 * FAIL_FIELD_MAX + 2];

	if (err == VAULT_OK || r->fail == NULL)
		return err;
	snprintf(path, sizeof path, "%s%s%s", field->name, r->fail->field[0] == '\0' ? "" : ".",
		 r->fail->field);
	path[FAIL_FIELD_MAX] = '\0';
	memcpy(r->fail->field, path, sizeof r->fail->field);
	return err;
}

static enum vault_err
read_object(const struct codec_reader *r, const struct field *field, struct cursor *c, void *out)
{
	const struct object_type *type = field->object();
	struct object_read own = { .type = type, .out = out };
	struct object_read none = { 0 };
	uint32_t n = 0;

	if (!cursor_map(c, &n))
		return refuse(r, field, "must be a map");
	set_defaults(type, out);
	return within(r, field, read_fields(r, n, c, &own, &none));
}

enum vault_err
codec_read(const struct codec_reader *reader, const struct object_type *type, struct cursor params,
	   void *out)
{
	struct object_read own = { .type = type, .out = out };
	struct object_read common = { .type = reader->common, .out = reader->common_out };
	uint32_t n = 0;

	set_defaults(type, out);
	if (reader->common != NULL)
		set_defaults(reader->common, reader->common_out);
	if (params.p != params.end && !cursor_map(&params, &n))
		return fail_with(reader->fail, VAULT_INVALID_PARAMS, NULL,
				 "params must be one map of fields");
	return read_fields(reader, n, &params, &own, &common);
}
