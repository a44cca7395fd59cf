#include <inttypes.h>
#include <string.h>

#include "tools/gen/gen.h"

const struct enum_type *const gen_enums[] = {
#define ENUM_BEGIN(id) &id##_enum,
#include "protocol/ops_none.h"
#include "protocol/ops.def"
#include "protocol/ops_end.h"
	NULL
};

/* The C members of each struct, in order. */
#define TEXT(need, name, ...) #name,
#define TEXT_AS(need, name, ...) #name,
#define TENANT(need, name, ...) #name,
#define NAME(need, name, ...) #name,
#define BYTES(need, name, ...) #name,
#define INT(need, name, ...) #name,
#define BOOL(need, name, ...) #name,
#define ENUM(need, name, ...) #name,
#define TEXTS(need, name, ...) #name,
#define TEXTS_AS(need, name, ...) #name,
#define INTS(need, name, ...) #name,
#define MAP(need, name, ...) #name,
#define OBJECT(need, name, ...) #name,
#define OBJECTS(need, name, ...) #name,
#define OBJECT_BEGIN(id) static const char *const id##_members[] = {
#define OBJECT_END(id)                                                                             \
	NULL                                                                                       \
	}                                                                                          \
	;
#define OP_BEGIN(id, method, number, class, lane, flags, roles, summary)                           \
	static const char *const id##_req_members[] = {
#define OP_RESULT(id)                                                                              \
	NULL                                                                                       \
	}                                                                                          \
	;                                                                                          \
	static const char *const id##_res_members[] = {
#define OP_END(id)                                                                                 \
	NULL                                                                                       \
	}                                                                                          \
	;
#include "protocol/ops_none.h"
#include "protocol/ops.def"
#include "protocol/ops_end.h"

const struct gen_struct gen_structs[] = {
#define OBJECT_BEGIN(id) { id##_type, id##_members },
#define OP_BEGIN(id, method, number, class, lane, flags, roles, summary)                           \
	{ id##_req_type, id##_req_members }, { id##_res_type, id##_res_members },
#include "protocol/ops_none.h"
#include "protocol/ops.def"
#include "protocol/ops_end.h"
	{ NULL, NULL }
};

const char *
gen_type(const struct field *field)
{
	static const char *const names[] = {
		[FIELD_TEXT] = "text",	 [FIELD_TENANT] = "text",   [FIELD_NAME] = "text",
		[FIELD_BYTES] = "bytes", [FIELD_INT] = "int",	    [FIELD_BOOL] = "bool",
		[FIELD_ENUM] = "text",	 [FIELD_TEXTS] = "[text]",  [FIELD_INTS] = "[int]",
		[FIELD_MAP] = "map",	 [FIELD_OBJECT] = "object", [FIELD_OBJECTS] = "[object]",
	};

	if ((field->flags & F_TIME) != 0)
		return "time";
	if ((field->flags & F_DURATION) != 0)
		return "seconds";
	return names[field->kind];
}

/* "lo-hi unit", with the shorter forms where one end says nothing. */
static int
range(char *out, size_t size, const struct field *field, const char *unit)
{
	if (field->max <= 0 || field->max >= INT64_MAX)
		return field->min > 0
			       ? snprintf(out, size, "at least %" PRId64 "%s", field->min, unit)
			       : 0;
	if (field->min == field->max)
		return snprintf(out, size, "%" PRId64 "%s", field->min, unit);
	if (field->min <= 0)
		return snprintf(out, size, "at most %" PRId64 "%s", field->max, unit);
	return snprintf(out, size, "%" PRId64 "-%" PRId64 "%s", field->min, field->max, unit);
}

static void
enum_words(char *out, size_t size, const struct enum_type *values)
{
	size_t used = 0;

	for (int i = 1; i < values->count && used < size; i++)
		used += (size_t)snprintf(out + used, size - used, "%s%s", i > 1 ? " | " : "",
					 values->names[i]);
}

void
gen_bounds(char out[static GEN_BOUNDS_MAX], const struct field *field)
{
	size_t used;

	out[0] = '\0';
	switch ((enum field_kind)field->kind) {
	case FIELD_TEXT:
	case FIELD_BYTES:
	case FIELD_MAP:
		range(out, GEN_BOUNDS_MAX, field, " bytes");
		return;
	case FIELD_TENANT:
		snprintf(out, GEN_BOUNDS_MAX, "a tenant's name");
		return;
	case FIELD_NAME:
		snprintf(out, GEN_BOUNDS_MAX, "a name");
		return;
	case FIELD_INT:
		if ((field->flags & F_TIME) == 0)
			range(out, GEN_BOUNDS_MAX, field, "");
		return;
	case FIELD_ENUM:
		enum_words(out, GEN_BOUNDS_MAX, field->values);
		return;
	case FIELD_TEXTS:
	case FIELD_INTS:
		used = (size_t)snprintf(out, GEN_BOUNDS_MAX, "at most %u, each ",
					(unsigned)field->max_count);
		range(out + used, GEN_BOUNDS_MAX - used, field,
		      field->kind == FIELD_TEXTS ? " bytes" : "");
		return;
	case FIELD_BOOL:
	case FIELD_OBJECT:
	case FIELD_OBJECTS:
		return;
	}
}

bool
gen_default(char out[static GEN_BOUNDS_MAX], const struct field *field)
{
	if (field->required)
		return false;
	if (field->kind == FIELD_BOOL)
		snprintf(out, GEN_BOUNDS_MAX, "%s", field->def ? "true" : "false");
	else if (field->kind == FIELD_ENUM && field->def != 0)
		snprintf(out, GEN_BOUNDS_MAX, "%s", field->values->names[field->def]);
	else if (field->kind == FIELD_INT && field->def != 0)
		snprintf(out, GEN_BOUNDS_MAX, "%" PRId64, field->def);
	else
		return false;
	return true;
}

void
gen_noun(char buf[static GEN_NOUN_MAX], const struct op_row *row)
{
	snprintf(buf, GEN_NOUN_MAX, "%.*s", (int)strcspn(row->method, "."), row->method);
}
