/*
 * The client's public header: a template whose lines @TYPES@, @ERRORS@, @STRUCTS@ and @CALLS@ are
 * filled in.
 */
#include <ctype.h>
#include <string.h>

#include "protocol/error.h"
#include "tools/gen/gen.h"

#define LINE_MAX_BYTES 1024 /* longest line of a template */

static void
upper(FILE *out, const char *s)
{
	for (; *s != '\0'; s++)
		fputc(toupper((unsigned char)*s), out);
}

/* The declarations of protocol/types.h: what stands between its last #include and its closing
 * #endif. */
static int
types(FILE *out, const char *path)
{
	char line[LINE_MAX_BYTES];
	bool inside = false;
	FILE *in = fopen(path, "re");

	if (in == NULL) {
		perror(path);
		return 1;
	}
	while (fgets(line, sizeof line, in) != NULL) {
		if (strncmp(line, "#endif", 6) == 0)
			break;
		if (strncmp(line, "#include", 8) == 0)
			inside = true;
		else if (inside)
			fputs(line, out);
	}
	fclose(in);
	return 0;
}

static void
errors(FILE *out)
{
	static const char *const constants[] = {
#define ERROR(constant, code, retryable, message) #constant,
#include "protocol/errors.def"
#undef ERROR
	};

	fputs("enum vault_err {\n\tVAULT_OK = 0,\n", out);
	for (int i = 1; i < VAULT_ERR_COUNT; i++)
		fprintf(out, "\tVAULT_%s, /* %s: %s */\n", constants[i - 1],
			vault_err_code((enum vault_err)i), vault_err_message((enum vault_err)i));
	fputs("\tVAULT_ERR_COUNT\n};\n", out);
}

static void
enums(FILE *out)
{
	for (const struct enum_type *const *type = gen_enums; *type != NULL; type++) {
		fprintf(out, "enum vault_%s {\n\tVAULT_", (*type)->name);
		upper(out, (*type)->name);
		fputs("_NONE, /* absent, or newer than this header */\n", out);
		for (int i = 1; i < (*type)->count; i++) {
			fputs("\tVAULT_", out);
			upper(out, (*type)->name);
			fputc('_', out);
			upper(out, (*type)->names[i]);
			fputs(",\n", out);
		}
		fputs("};\n\n", out);
	}
}

static void
member(FILE *out, const struct field *field, const char *name)
{
	bool need = field->required;

	switch ((enum field_kind)field->kind) {
	case FIELD_TEXT:
	case FIELD_TENANT:
	case FIELD_NAME:
		fprintf(out, "struct vault_text %s;", name);
		return;
	case FIELD_BYTES:
		fprintf(out, "struct vault_bytes %s;", name);
		return;
	case FIELD_INT:
		fprintf(out, "%s %s;", need ? "int64_t" : "struct vault_opt_int", name);
		return;
	case FIELD_BOOL:
		fprintf(out, "%s %s;", need ? "bool" : "struct vault_opt_bool", name);
		return;
	case FIELD_ENUM:
		fprintf(out, "%s %s;", need ? "int" : "struct vault_opt_enum", name);
		return;
	case FIELD_TEXTS:
		fprintf(out, "struct vault_texts %s;", name);
		return;
	case FIELD_INTS:
		fprintf(out, "struct vault_ints %s;", name);
		return;
	case FIELD_MAP:
		fprintf(out, "struct vault_map %s;", name);
		return;
	case FIELD_OBJECT:
		fprintf(out, "const struct vault_%s *%s;", field->object()->name, name);
		return;
	case FIELD_OBJECTS:
		fprintf(out, "struct {\n\t\tconst struct vault_%s *v;\n\t\tsize_t n;\n\t} %s;",
			field->object()->name, name);
		return;
	}
}

/* " / * required; enum vault_key_usage; default token * /" */
static void
remark(FILE *out, const struct field *field)
{
	char text[GEN_BOUNDS_MAX];

	fprintf(out, " /* %s", field->required ? "required" : "optional");
	if (field->kind == FIELD_ENUM) {
		fprintf(out, "; enum vault_%s", field->values->name);
	} else {
		gen_bounds(text, field);
		if (text[0] != '\0')
			fprintf(out, "; %s", text);
	}
	if ((field->flags & F_TIME) != 0)
		fputs("; seconds since 1970", out);
	if ((field->flags & F_DURATION) != 0)
		fputs("; seconds", out);
	if (gen_default(text, field))
		fprintf(out, "; default %s", text);
	if ((field->flags & F_ONCE) != 0)
		fputs("; shown this once", out);
	fputs(" */\n", out);
}

static void
structs(FILE *out)
{
	enums(out);
	for (const struct gen_struct *s = gen_structs; s->type != NULL; s++) {
		const struct object_type *type = s->type();

		fprintf(out, "struct vault_%s {\n", type->name);
		for (unsigned i = 0; i < type->count; i++) {
			fputc('\t', out);
			member(out, &type->fields[i], s->members[i]);
			remark(out, &type->fields[i]);
		}
		/* A struct without members is not C, and another size in C++. */
		if (type->count == 0)
			fputs("\tchar nothing; /* there are no fields */\n", out);
		fputs("};\n\n", out);
	}
}

static void
call(FILE *out, const struct op_row *row)
{
	char id[64];

	snprintf(id, sizeof id, "%s", row->method);
	*strchr(id, '.') = '_';
	fprintf(out, "/* %s: %s.%s */\n", row->method, row->summary,
		row->class == CLASS_ADMIN ? " Answered on admin.sock only." : "");
	fprintf(out,
		"enum vault_err vault_%s(struct vault *vault, const struct vault_%s_req *req, "
		"struct vault_%s_res *res);\n",
		id, id, id);
	fprintf(out,
		"enum vault_err vault_%s_send(struct vault *vault, const struct vault_%s_req *req, "
		"uint32_t *msgid);\n",
		id, id);
	fprintf(out,
		"enum vault_err vault_%s_receive(struct vault *vault, uint32_t msgid, struct "
		"vault_%s_res *res);\n\n",
		id, id);
}

int
gen_header(FILE *out, const char *template_path, const char *types_path)
{
	char line[LINE_MAX_BYTES];
	int status = 0;
	FILE *in = fopen(template_path, "re");

	if (in == NULL) {
		perror(template_path);
		return 1;
	}
	while (fgets(line, sizeof line, in) != NULL) {
		if (strcmp(line, "@TYPES@\n") == 0)
			status |= types(out, types_path);
		else if (strcmp(line, "@ERRORS@\n") == 0)
			errors(out);
		else if (strcmp(line, "@STRUCTS@\n") == 0)
			structs(out);
		else if (strcmp(line, "@CALLS@\n") == 0)
			for (int i = 0; i < OP_COUNT; i++)
				call(out, &op_rows[i]);
		else
			fputs(line, out);
	}
	fclose(in);
	return status;
}
