#include <inttypes.h>
#include <stdio.h>

#include "protocol/text.h"
#include "vaultd/ops/ops.h"

#define SINCE "0.1" /* the first release; a row that comes later says so itself */

static const char *
type_name(const struct field *field)
{
	static const char *const names[] = {
		[FIELD_TEXT] = "text",	[FIELD_TENANT] = "tenant name",
		[FIELD_NAME] = "name",	[FIELD_BYTES] = "bytes",
		[FIELD_INT] = "int",	[FIELD_BOOL] = "bool",
		[FIELD_ENUM] = "text",	[FIELD_TEXTS] = "[text]",
		[FIELD_INTS] = "[int]", [FIELD_MAP] = "map",
		[FIELD_OBJECT] = "map", [FIELD_OBJECTS] = "[map]",
	};

	if (field->kind == FIELD_INT && (field->flags & F_TIME) != 0)
		return "time";
	if (field->kind == FIELD_INT && (field->flags & F_DURATION) != 0)
		return "duration";
	return names[field->kind];
}

static void
enum_bounds(const struct field *field, char *text, size_t size)
{
	size_t n = 0;

	for (int i = 1; i < field->values->count && n < size; i++)
		n += (size_t)snprintf(text + n, size - n, "%s%s", i > 1 ? "|" : "",
				      field->values->names[i]);
}

static enum vault_err
bounds_text(struct op *op, const struct field *field, struct vault_text *out)
{
	char text[256] = "";

	switch ((enum field_kind)field->kind) {
	case FIELD_ENUM:
		enum_bounds(field, text, sizeof text);
		break;
	case FIELD_INT:
	case FIELD_TEXT:
	case FIELD_TENANT:
	case FIELD_NAME:
	case FIELD_BYTES:
		snprintf(text, sizeof text, "%" PRId64 "..%" PRId64, field->min, field->max);
		break;
	case FIELD_TEXTS:
	case FIELD_INTS:
		snprintf(text, sizeof text, "at most %" PRIu32 " of %" PRId64 "..%" PRId64,
			 field->max_count, field->min, field->max);
		break;
	case FIELD_MAP:
		snprintf(text, sizeof text, "at most %" PRId64 " bytes", field->max);
		break;
	case FIELD_BOOL:
	case FIELD_OBJECT:
	case FIELD_OBJECTS:
		break;
	}
	return op_keep_text(op, text_of(text), out);
}

static enum vault_err
describe_fields(struct op *op, const struct object_type *type, const struct field_info **out,
		size_t *n)
{
	struct field_info *fields = scratch_alloc(op->scratch, (type->count + 1u) * sizeof *fields);

	if (fields == NULL)
		return VAULT_BUSY;
	for (unsigned i = 0; i < type->count; i++) {
		const struct field *field = &type->fields[i];

		fields[i].name = text_of(field->name);
		fields[i].type = text_of(type_name(field));
		fields[i].required = field->required;
		TRY(bounds_text(op, field, &fields[i].bounds));
	}
	*out = fields;
	*n = type->count;
	return VAULT_OK;
}

enum vault_err
op_sys_methods(struct op *op, const struct sys_methods_req *req, struct sys_methods_res *res)
{
	struct method_info *items = scratch_alloc(op->scratch, OP_COUNT * sizeof *items);

	(void)req;
	if (items == NULL)
		return VAULT_BUSY;
	res->items.v = items;
	for (int i = 0; i < OP_COUNT; i++) {
		const struct op_row *row = &op_rows[i];
		struct method_info *item = &items[i];

		item->name = text_of(row->method);
		item->class_ = text_of(op_class_name(row->class));
		item->since = TEXT_LITERAL(SINCE);
		TRY(describe_fields(op, row->request(), &item->params.v, &item->params.n));
		TRY(describe_fields(op, row->result(), &item->result.v, &item->result.n));
	}
	res->items.n = OP_COUNT;
	return VAULT_OK;
}
