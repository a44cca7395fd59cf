#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "protocol/text.h"
#include "tools/vaultctl/command.h"
#include "tools/vaultctl/headers.h"
#include "tools/vaultctl/source.h"
#include "tools/vaultctl/units.h"

static const char global_help[] =
	"Options, before or after the command:\n"
	"  --socket PATH        the daemon's socket [VAULTD_SOCKET, /run/vaultd/vaultd.sock]\n"
	"  --admin-socket PATH  for administration [VAULTD_ADMIN_SOCKET, admin.sock beside the "
	"other]\n"
	"  --tenant T           whose keys, profiles and tokens [VAULTD_TENANT]\n"
	"  --format table|json  how results and errors are printed [VAULTD_FORMAT, table]\n"
	"  --quiet              only the first value of a result, no remarks\n"
	"  --yes                ask nothing before what cannot be taken back\n"
	"  --show               print secrets even on a terminal\n"
	"  --all                every page of a list\n"
	"  --totp[=-|@FILE]     give a one-time code first; asks for it, or reads it from there\n"
	"  --qr                 draw an enrolment's QR code wherever the output goes\n"
	"  --timeout S          how long a call may take [30; what reads everything: a day]\n"
	"  --actor TEXT         who you act for: audited, not verified\n"
	"  --request-id ID      the same change under the same id is made once\n"
	"  --help, --version\n";

/* "key.create" as "key create"; "token.grant_uses" as "token grant-uses". */
static void
put_words(const char *method)
{
	for (; *method != '\0'; method++)
		putchar(*method == '.' ? ' ' : *method == '_' ? '-' : *method);
}

static void
put_verb(const struct op_row *row, int width)
{
	char verb[64];

	snprintf(verb, sizeof verb, "%s", strchr(row->method, '.') + 1);
	for (char *p = verb; *p != '\0'; p++)
		if (*p == '_')
			*p = '-';
	printf("  %-*s %s\n", width, verb, row->summary);
}

/* The verbs of row i's noun in one line, where it is the first of them: a noun's rows may stand apart. */
static void
put_noun_line(int first)
{
	const char *noun = op_rows[first].method;
	size_t len = strcspn(noun, ".") + 1;

	for (int i = 0; i < first; i++)
		if (strncmp(op_rows[i].method, noun, len) == 0)
			return;
	printf("%s%.*s:", first == 0 ? "  " : "\n  ", (int)len - 1, noun);
	for (int i = first; i < OP_COUNT; i++) {
		if (strncmp(op_rows[i].method, noun, len) != 0)
			continue;
		putchar(' ');
		for (const char *p = op_rows[i].method + len; *p != '\0'; p++)
			putchar(*p == '_' ? '-' : *p);
	}
}

void
help_all(void)
{
	puts("vaultctl: the command line of vaultd, which keeps a host's keys and secrets\n\n"
	     "usage: vaultctl [OPTIONS] NOUN VERB [FIELDS]\n"
	     "       vaultctl [OPTIONS] COMMAND\n");
	puts("Commands:");
	for (const struct command *c = commands; c->name != NULL; c++)
		if (!command_is_operation(c))
			printf("  %-14s %s\n", c->name, c->summary);
	puts("\nNouns (vaultctl NOUN --help lists the verbs):");
	for (int i = 0; i < OP_COUNT; i++)
		put_noun_line(i);
	printf("\n\n%s\nExit: 0 done, 1 wrong usage or no connection, 2 the daemon's error, 3 not "
	       "valid. More: man vaultctl\n",
	       global_help);
}

void
help_noun(const char *noun)
{
	size_t len = strlen(noun);

	printf("usage: vaultctl [OPTIONS] %s VERB [FIELDS]\n\nVerbs:\n", noun);
	for (int i = 0; i < OP_COUNT; i++)
		if (strncmp(op_rows[i].method, noun, len) == 0 && op_rows[i].method[len] == '.' &&
		    (command_of_row(&op_rows[i]) == NULL ||
		     command_is_operation(command_of_row(&op_rows[i]))))
			put_verb(&op_rows[i], 14);
	for (const struct command *c = commands; c->name != NULL; c++)
		if (strncmp(c->name, noun, len) == 0 && c->name[len] == ' ' &&
		    !command_is_operation(c))
			printf("  %-14s %s\n", c->name + len + 1, c->summary);
	if (strcmp(noun, "backup") == 0)
		puts("\nvaultd restore FILE --into DIR makes a store of a backup; no daemon is "
		     "needed "
		     "for it.");
	printf("\nvaultctl %s VERB --help tells a verb's fields.\n", noun);
}

static const char *
metavar(const struct field *field)
{
	if ((field->flags & F_DURATION) != 0)
		return "DURATION";
	if ((field->flags & F_TIME) != 0)
		return "TIME";
	if (strcmp(field->name, "keyfile") == 0)
		return "FILE";
	if (source_required(field))
		return "-|@FILE";
	switch ((enum field_kind)field->kind) {
	case FIELD_INT:
		return "N";
	case FIELD_BOOL:
		return "";
	case FIELD_MAP:
		return headers_field(field) ? "'Name: value'|@FILE" : "KEY=VALUE";
	case FIELD_OBJECT:
		return "MEMBER=VALUE,...";
	case FIELD_TEXTS:
	case FIELD_INTS:
		return "A,B,...";
	case FIELD_NAME:
	case FIELD_TENANT:
		return "NAME";
	default:
		return "TEXT";
	}
}

/* A bound in the field's unit. */
static void
put_bound(const struct field *field, int64_t v)
{
	char text[UNIT_TEXT_MAX];

	if ((field->flags & F_DURATION) != 0)
		unit_show_duration(text, v);
	else
		snprintf(text, sizeof text, "%" PRId64, v);
	fputs(text, stdout);
}

static void
put_bounds(const struct field *field)
{
	bool bytes = field->kind == FIELD_TEXT || field->kind == FIELD_BYTES;

	if (field->kind == FIELD_ENUM) {
		for (int i = 1; i < field->values->count; i++)
			printf("%s%s", i == 1 ? " " : "|", field->values->names[i]);
	} else if (field->kind == FIELD_TEXTS || field->kind == FIELD_INTS) {
		printf(" at most %u", (unsigned)field->max_count);
	} else if ((bytes || field->kind == FIELD_INT) && (field->flags & F_TIME) == 0 &&
		   field->max > 0) {
		putchar(' ');
		put_bound(field, field->min);
		fputs(" to ", stdout);
		put_bound(field, field->max);
		fputs(bytes ? " bytes" : "", stdout);
	}
}

static void
put_default(const struct field *field)
{
	if (field->required || field->def == 0)
		return;
	if (field->kind == FIELD_ENUM)
		printf(" [%s]", field->values->names[field->def]);
	else if (field->kind == FIELD_BOOL)
		fputs(" [true]", stdout);
	else {
		fputs(" [", stdout);
		put_bound(field, field->def);
		putchar(']');
	}
}

static void
put_field(const struct field *field)
{
	char option[64];

	snprintf(option, sizeof option, "--%s %s", field->name, metavar(field));
	for (char *p = option; *p != '\0' && *p != ' '; p++)
		if (*p == '_')
			*p = '-';
	printf("  %-28s%s", option, field->required ? "required" : "optional");
	put_bounds(field);
	put_default(field);
	putchar('\n');
}

static void
put_fields(const struct op_row *row)
{
	const struct object_type *type = row->request();

	if (type->count > 0)
		puts("\nFields (the required ones may stand as arguments in this order, the tenant "
		     "apart):");
	for (unsigned i = 0; i < type->count; i++)
		put_field(&type->fields[i]);
	if (row->class == CLASS_ADMIN)
		puts("\nGoes to the administration socket.");
}

static void
put_more(void)
{
	puts("\nvaultctl --help tells the options of every command; man vaultctl how values are "
	     "written.");
}

void
help_operation(const struct op_row *row)
{
	const struct object_type *type = row->request();

	fputs("usage: vaultctl [OPTIONS] ", stdout);
	put_words(row->method);
	for (unsigned i = 0; i < type->count; i++)
		if (type->fields[i].required && type->fields[i].kind != FIELD_TENANT)
			printf(" %s", type->fields[i].name);
	printf("%s\n\n%s\n", type->count > 0 ? " [FIELDS]" : "", row->summary);
	put_fields(row);
	put_more();
}

void
help_command(const struct command *command)
{
	const struct op_row *row =
		command->method == NULL ? NULL : op_find(text_of(command->method));

	printf("usage: vaultctl [OPTIONS] %s%s%s\n\n%s\n", command->name,
	       command->synopsis[0] != '\0' ? " " : "", command->synopsis, command->summary);
	if (command->extras != NULL)
		puts("\nOptions of this command:");
	for (const struct extra *e = command->extras; e != NULL && e->name != NULL; e++)
		printf("  --%s %-*s%s\n", e->name, 25 - (int)strlen(e->name),
		       e->argument == NULL ? "" : e->argument, e->help);
	if (row != NULL)
		put_fields(row);
	put_more();
}

int
run_help(struct ctl *ctl, struct args *args)
{
	if (args->words_n == 0)
		help_all();
	else if (args->words_n == 1 && command_noun(args->words[0]))
		help_noun(args->words[0]);
	else if (args->words_n == 2 && command_find(args->words[0], args->words[1]) != NULL)
		help_operation(command_find(args->words[0], args->words[1]));
	else
		return ctl_usage(ctl, "there is no help on that; see vaultctl --help");
	return CTL_DONE;
}
