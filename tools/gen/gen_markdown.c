/*
 * The tables of PROTOCOL.md.
 */
#include <string.h>

#include "protocol/error.h"
#include "tools/gen/gen.h"

/* "|" would end a table's cell. */
static void
cell(FILE *out, const char *s)
{
	for (; *s != '\0'; s++) {
		if (*s == '|')
			fputc('\\', out);
		fputc(*s, out);
	}
}

static void
object_link(FILE *out, const struct field *field)
{
	if (field->kind == FIELD_OBJECT)
		fprintf(out, "[%s](#%s)", field->object()->name, field->object()->name);
	else if (field->kind == FIELD_OBJECTS)
		fprintf(out, "list of [%s](#%s)", field->object()->name, field->object()->name);
	else
		fputs(gen_type(field), out);
}

static void
field_row(FILE *out, const struct field *field)
{
	char text[GEN_BOUNDS_MAX];

	fprintf(out, "| `%s`%s | ", field->name, field->required ? "" : "?");
	object_link(out, field);
	fputs(" | ", out);
	gen_bounds(text, field);
	cell(out, text);
	fputs(" | ", out);
	if (gen_default(text, field))
		fprintf(out, "default %s. ", text);
	if ((field->flags & F_ONCE) != 0)
		fputs("Shown this once. ", out);
	else if ((field->flags & F_SECRET) != 0)
		fputs("Secret. ", out);
	fputs("|\n", out);
}

static void
field_table(FILE *out, const char *title, const struct object_type *type)
{
	if (type->count == 0) {
		fprintf(out, "%s: none.\n\n", title);
		return;
	}
	fprintf(out, "%s:\n\n| field | type | bounds | |\n| --- | --- | --- | --- |\n", title);
	for (unsigned i = 0; i < type->count; i++)
		field_row(out, &type->fields[i]);
	fputc('\n', out);
}

static void
method(FILE *out, const struct op_row *row)
{
	fprintf(out, "#### %s\n\n%s. Class %s%s%s.\n\n", row->method, row->summary,
		op_class_name(row->class), (row->flags & OP_OPEN) != 0 ? "; needs no grant" : "",
		(row->flags & OP_SEALED) != 0 ? "; answers while sealed" : "");
	field_table(out, "Request", row->request());
	field_table(out, "Result", row->result());
}

static bool
is_op_struct(const struct object_type *type)
{
	for (int i = 0; i < OP_COUNT; i++)
		if (op_rows[i].request() == type || op_rows[i].result() == type)
			return true;
	return false;
}

/* Results that stand in lists have a table under their method; the link needs an anchor of their
 * own. */
static void
objects(FILE *out)
{
	fputs("### Maps inside requests and results\n\n", out);
	for (const struct gen_struct *s = gen_structs; s->type != NULL; s++) {
		if (is_op_struct(s->type()))
			continue;
		fprintf(out, "#### %s\n\n", s->type()->name);
		field_table(out, "Fields", s->type());
	}
	for (int i = 0; i < OP_COUNT; i++) {
		const struct object_type *type = op_rows[i].result();

		if (strstr(op_rows[i].method, ".get") != NULL)
			fprintf(out, "#### %s\n\nThe result of `%s`.\n\n", type->name,
				op_rows[i].method);
	}
}

static void
errors(FILE *out)
{
	fputs("### Errors\n\n| code | retry helps | default message |\n| --- | --- | --- |\n", out);
	for (int i = 1; i < VAULT_ERR_COUNT; i++)
		fprintf(out, "| `%s` | %s | %s |\n", vault_err_code((enum vault_err)i),
			vault_err_retryable((enum vault_err)i) ? "yes" : "no",
			vault_err_message((enum vault_err)i));
	fputc('\n', out);
}

static void
limits(FILE *out)
{
	fprintf(out,
		"### Limits\n\n| what | limit |\n| --- | --- |\n"
		"| bytes of a message | %d |\n| nesting (the message's own array is 1) | %d |\n"
		"| requests in flight on a connection | %d |\n| seconds for a message to complete "
		"| %d |\n"
		"| items of a page | 1-%d, default %d |\n\n",
		FRAME_MAX, DEPTH_MAX, IN_FLIGHT_MAX, PARTIAL_FRAME_SECONDS, PAGE_LIMIT_MAX,
		PAGE_LIMIT_DEFAULT);
}

int
gen_markdown(FILE *out)
{
	char noun[GEN_NOUN_MAX], last[GEN_NOUN_MAX] = "";

	errors(out);
	limits(out);
	fputs("### Fields of every request\n\n", out);
	field_table(out, "Beside a method's own", op_common_type());
	for (int i = 0; i < OP_COUNT; i++) {
		gen_noun(noun, &op_rows[i]);
		if (strcmp(noun, last) != 0)
			fprintf(out, "### %s\n\n", noun);
		memcpy(last, noun, sizeof last);
		method(out, &op_rows[i]);
	}
	objects(out);
	return 0;
}
