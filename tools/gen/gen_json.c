/*
 * Everything that ops.def says, as JSON: for the tests' matrix and for clients in other languages.
 */
#include <inttypes.h>
#include <string.h>

#include "protocol/error.h"
#include "tools/gen/gen.h"

/* All texts of ops.def are printable; only these two need care. */
static void
text(FILE *out, const char *s)
{
	fputc('"', out);
	for (; *s != '\0'; s++) {
		if (*s == '"' || *s == '\\')
			fputc('\\', out);
		fputc(*s, out);
	}
	fputc('"', out);
}

struct flag_name {
	unsigned flag;
	const char *name;
};

/* The names of the flags that are set, as a list. names ends with flag 0. */
static void
flags(FILE *out, const char *key, unsigned set, const struct flag_name *names)
{
	bool first = true;

	fprintf(out, ",\"%s\":[", key);
	for (; names->flag != 0; names++) {
		if ((set & names->flag) == 0)
			continue;
		fprintf(out, "%s\"%s\"", first ? "" : ",", names->name);
		first = false;
	}
	fputc(']', out);
}

static void
field(FILE *out, const struct field *f)
{
	static const char *const kinds[] = {
		[FIELD_TEXT] = "text",	 [FIELD_TENANT] = "tenant", [FIELD_NAME] = "name",
		[FIELD_BYTES] = "bytes", [FIELD_INT] = "int",	    [FIELD_BOOL] = "bool",
		[FIELD_ENUM] = "enum",	 [FIELD_TEXTS] = "texts",   [FIELD_INTS] = "ints",
		[FIELD_MAP] = "map",	 [FIELD_OBJECT] = "object", [FIELD_OBJECTS] = "objects",
	};
	static const struct flag_name names[] = {
		{ F_SECRET, "secret" },
		{ F_TARGET, "target" },
		{ F_AUDIT, "audit" },
		{ F_TIME, "time" },
		{ F_DURATION, "duration" },
		{ F_ONCE, "once" },
		{ 0, NULL },
	};

	fprintf(out,
		"{\"name\":\"%s\",\"kind\":\"%s\",\"required\":%s,\"min\":%" PRId64
		",\"max\":%" PRId64,
		f->name, kinds[f->kind], f->required ? "true" : "false", f->min, f->max);
	if (!f->required && f->kind == FIELD_INT && f->def != 0)
		fprintf(out, ",\"default\":%" PRId64, f->def);
	if (!f->required && f->kind == FIELD_BOOL)
		fprintf(out, ",\"default\":%s", f->def != 0 ? "true" : "false");
	if (f->max_count > 0)
		fprintf(out, ",\"max_count\":%u", (unsigned)f->max_count);
	if (f->kind == FIELD_ENUM) {
		fputs(",\"values\":[", out);
		for (int i = 1; i < f->values->count; i++)
			fprintf(out, "%s\"%s\"", i > 1 ? "," : "", f->values->names[i]);
		fputc(']', out);
	}
	if (f->object != NULL)
		fprintf(out, ",\"object\":\"%s\"", f->object()->name);
	flags(out, "flags", f->flags, names);
	fputc('}', out);
}

static void
fields(FILE *out, const struct object_type *type)
{
	fputc('[', out);
	for (unsigned i = 0; i < type->count; i++) {
		if (i > 0)
			fputc(',', out);
		field(out, &type->fields[i]);
	}
	fputc(']', out);
}

static void
method(FILE *out, const struct op_row *row)
{
	static const char *const lanes[] = { "worker",	    "commit",	"slow",
					     "slow_commit", "prepared", "main" };
	static const struct flag_name flag_names[] = {
		{ OP_OPEN, "open" },   { OP_SEALED, "sealed" },	  { OP_UNINIT, "uninit" },
		{ OP_QUIET, "quiet" }, { OP_EXPORTS, "exports" }, { 0, NULL },
	};
	static const struct flag_name role_names[] = {
		{ ROLE_SIGNER, "signer" },
		{ ROLE_VERIFIER, "verifier" },
		{ ROLE_READER, "reader" },
		{ ROLE_WRITER, "writer" },
		{ ROLE_CRYPTO, "crypto" },
		{ ROLE_RAW_SIGNER, "raw-signer" },
		{ ROLE_TENANT_ADMIN, "tenant-admin" },
		{ ROLE_OPERATOR, "operator" },
		{ ROLE_SECURITY_ADMIN, "security-admin" },
		{ ROLE_AUDITOR, "auditor" },
		{ ROLE_BACKUP, "backup" },
		{ 0, NULL },
	};

	fprintf(out,
		"{\"method\":\"%s\",\"class\":\"%s\",\"lane\":\"%s\",\"summary\":", row->method,
		op_class_name(row->class), lanes[row->lane]);
	text(out, row->summary);
	flags(out, "flags", row->flags, flag_names);
	flags(out, "roles", row->roles, role_names);
	fputs(",\"request\":", out);
	fields(out, row->request());
	fputs(",\"result\":", out);
	fields(out, row->result());
	fputs("}", out);
}

static void
errors(FILE *out)
{
	for (int i = 1; i < VAULT_ERR_COUNT; i++) {
		fprintf(out, "%s\n{\"code\":\"%s\",\"retryable\":%s,\"message\":", i > 1 ? "," : "",
			vault_err_code((enum vault_err)i),
			vault_err_retryable((enum vault_err)i) ? "true" : "false");
		text(out, vault_err_message((enum vault_err)i));
		fputc('}', out);
	}
}

int
gen_json(FILE *out)
{
	fprintf(out,
		"{\"limits\":{\"frame\":%d,\"depth\":%d,\"in_flight\":%d,\"page\":%d},\n\"errors\":"
		"[",
		FRAME_MAX, DEPTH_MAX, IN_FLIGHT_MAX, PAGE_LIMIT_MAX);
	errors(out);
	fputs("],\n\"common\":", out);
	fields(out, op_common_type());
	fputs(",\n\"objects\":{", out);
	for (const struct gen_struct *s = gen_structs; s->type != NULL; s++) {
		fprintf(out, "%s\n\"%s\":", s == gen_structs ? "" : ",", s->type()->name);
		fields(out, s->type());
	}
	fputs("},\n\"methods\":[", out);
	for (int i = 0; i < OP_COUNT; i++) {
		fputs(i > 0 ? ",\n" : "\n", out);
		method(out, &op_rows[i]);
	}
	fputs("]}\n", out);
	return 0;
}
