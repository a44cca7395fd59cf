/*
 * vaultctl-NOUN(1): a manual page for each noun, as scdoc.
 */
#include <string.h>

#include "tools/gen/gen.h"

/* scdoc reads "_" and "*" as markup. */
static void
escaped(FILE *out, const char *s)
{
	for (; *s != '\0'; s++) {
		if (strchr("_*\\[]<>~|", *s) != NULL)
			fputc('\\', out);
		fputc(*s, out);
	}
}

/* A wire name as the command line has it: "display-name". */
static void
dashed(FILE *out, const char *name)
{
	for (; *name != '\0'; name++)
		fputc(*name == '_' ? '-' : *name, out);
}

static bool
from_file(const struct field *field)
{
	return (field->kind == FIELD_BYTES && strcmp(field->name, "context") != 0) ||
	       (field->flags & F_SECRET) != 0;
}

static const char *
metavar(const struct field *field)
{
	if ((field->flags & F_DURATION) != 0)
		return "DURATION";
	if ((field->flags & F_TIME) != 0)
		return "TIME";
	if (from_file(field))
		return "-|@FILE";
	switch ((enum field_kind)field->kind) {
	case FIELD_INT:
		return "N";
	case FIELD_MAP:
		return strcmp(field->name, "headers") == 0 ? "'Name: value'|@FILE" : "KEY=VALUE";
	case FIELD_OBJECT:
		return "MEMBER=VALUE,...";
	case FIELD_TEXTS:
	case FIELD_INTS:
		return "ITEM,...";
	case FIELD_NAME:
	case FIELD_TENANT:
		return "NAME";
	default:
		return "TEXT";
	}
}

static void
field_entry(FILE *out, const struct field *field)
{
	char text[GEN_BOUNDS_MAX];

	fputs("*--", out);
	dashed(out, field->name);
	fputc('*', out);
	if (field->kind != FIELD_BOOL) {
		fputs(" _", out);
		escaped(out, metavar(field));
		fputc('_', out);
	}
	fprintf(out, "\n\t%s", field->required ? "Required" : "Optional");
	gen_bounds(text, field);
	if (text[0] != '\0') {
		fputs("; ", out);
		escaped(out, text);
		fputs((field->flags & F_DURATION) != 0 ? " seconds" : "", out);
	}
	fputc('.', out);
	if (gen_default(text, field) && field->kind != FIELD_BOOL)
		fprintf(out, " Default: %s%s.", text,
			(field->flags & F_DURATION) != 0 ? " seconds" : "");
	fputs("\n\n", out);
}

static void
answer(FILE *out, const struct object_type *type)
{
	if (type->count == 0) {
		fputs("Answers nothing but that it was done.\n\n", out);
		return;
	}
	fputs("Answers ", out);
	for (unsigned i = 0; i < type->count; i++) {
		fputs(i == 0 ? "_" : i + 1 == type->count ? " and _" : ", _", out);
		escaped(out, type->fields[i].name);
		fputs("_", out);
	}
	fputs(".\n\n", out);
}

static void
verb(FILE *out, const struct op_row *row, const char *noun)
{
	const char *name = row->method + strlen(noun) + 1;
	const struct object_type *type = row->request();

	fputs("## ", out);
	dashed(out, name);
	fprintf(out, "\n\n*vaultctl %s ", noun);
	dashed(out, name);
	fputs("* \\[_options_\\]\n\n", out);
	fputc(row->summary[0] - ('a' <= row->summary[0] && row->summary[0] <= 'z' ? 'a' - 'A' : 0),
	      out);
	escaped(out, row->summary + 1);
	fprintf(out, ".%s\n\n",
		row->class == CLASS_ADMIN ? " Goes to the administration socket." : "");
	for (unsigned i = 0; i < type->count; i++)
		field_entry(out, &type->fields[i]);
	answer(out, row->result());
}

static bool
row_of(const struct op_row *row, const char *noun)
{
	char own[GEN_NOUN_MAX];

	gen_noun(own, row);
	return strcmp(own, noun) == 0;
}

int
gen_nouns(FILE *out)
{
	char noun[GEN_NOUN_MAX], last[GEN_NOUN_MAX] = "";

	for (int i = 0; i < OP_COUNT; i++) {
		gen_noun(noun, &op_rows[i]);
		if (strcmp(noun, last) != 0)
			fprintf(out, "%s\n", noun);
		memcpy(last, noun, sizeof last);
	}
	return 0;
}

int
gen_man(FILE *out, const char *noun)
{
	bool found = false;

	fprintf(out,
		"vaultctl-%s(1)\n\n# NAME\n\nvaultctl-%s - the %s commands of vaultctl\n\n# "
		"SYNOPSIS\n\n",
		noun, noun, noun);
	fprintf(out,
		"*vaultctl* \\[_global options_\\] *%s* _verb_ \\[_options_\\]\n\n# "
		"DESCRIPTION\n\n",
		noun);
	fputs("Fields may be given as options, or in the order of the required ones as arguments "
	      "(the tenant, which comes from "
	      "*--tenant* or _VAULTD\\_TENANT_, apart). How durations, times, lists, maps and "
	      "secrets are written, the global "
	      "options and the exit codes are in *vaultctl*(1). Where that page has a command of "
	      "the same words, "
	      "such as *backup drill* or *tenant export*, vaultctl runs that command, and what "
	      "stands "
	      "here is the method that it calls.\n\n# VERBS\n\n",
	      out);
	for (int i = 0; i < OP_COUNT; i++) {
		if (!row_of(&op_rows[i], noun))
			continue;
		found = true;
		verb(out, &op_rows[i], noun);
	}
	fputs("# SEE ALSO\n\n*vaultctl*(1), *vaultd*(8), *libvaultclient*(3)\n", out);
	if (!found)
		fprintf(stderr, "opsgen: no methods of noun %s\n", noun);
	return found ? 0 : 1;
}
