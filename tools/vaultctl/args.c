#include "tools/vaultctl/args.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/text.h"
#include "tools/vaultctl/headers.h"
#include "tools/vaultctl/options.h"
#include "tools/vaultctl/source.h"

#define OPTION_NAME_MAX 80 /* "no-" and the longest field name */

#define EXTRAS_MAX 8 /* options of one command that are no fields */

/* getopt's table for one operation: each field by its name with dashes, with underscores, and "no-"
 * for flags. */
struct option_table {
	struct option v[OPTIONS_GLOBAL_COUNT + 4 * OBJECT_FIELDS_MAX + EXTRAS_MAX + 1];
	char names[4 * OBJECT_FIELDS_MAX][OPTION_NAME_MAX];
	int n;
	int names_n;
};

/* val of an option: a global's own number, or that of a field from here on; "--no-" forms from
 * OPTION_NO on. */
#define OPTION_FIELD 0x1000
#define OPTION_NO 0x2000
#define OPTION_EXTRA 0x3000

/* Commands without fields have an empty table of them. */
static const struct object_type *
type_of(const struct args *args)
{
	static const struct field none[] = { { .name = NULL } };
	static const struct object_type nothing = { .name = "nothing", .fields = none };

	return args->row == NULL ? &nothing : args->row->request();
}

static const struct field *
find_field(const struct object_type *type, const char *name)
{
	for (unsigned i = 0; i < type->count; i++)
		if (strcmp(type->fields[i].name, name) == 0)
			return &type->fields[i];
	return NULL;
}

static void
table_add(struct option_table *t, const char *prefix, const char *name, char from,
	  struct option option)
{
	char *own = t->names[t->names_n++];

	snprintf(own, OPTION_NAME_MAX, "%s%s", prefix, name);
	for (char *p = own; *p != '\0'; p++)
		if (*p == from)
			*p = '-';
	option.name = own;
	t->v[t->n++] = option;
}

static void
table_make(struct option_table *t, const struct object_type *type, const struct extra *extras)
{
	t->n = 0;
	t->names_n = 0;
	for (int i = 0; i < OPTIONS_GLOBAL_COUNT; i++) {
		const char *name = options_global[i].name;

		/*
		 * A field of the same name takes precedence; the tenant's option serves both.
		 * Behind a command
		 * --version is a key's version, or a mistake.
		 */
		if ((find_field(type, name) == NULL && strcmp(name, "version") != 0) ||
		    strcmp(name, "tenant") == 0)
			t->v[t->n++] = options_global[i];
	}
	for (unsigned i = 0; i < type->count; i++) {
		const struct field *field = &type->fields[i];
		bool flag = field->kind == FIELD_BOOL;
		struct option option = { NULL, flag ? optional_argument : required_argument, NULL,
					 OPTION_FIELD + (int)i };

		if (strcmp(field->name, "tenant") == 0)
			continue;
		table_add(t, "", field->name, '_', option);
		if (strchr(field->name, '_') != NULL)
			table_add(t, "", field->name, '\0', option);
		if (headers_field(field))
			table_add(t, "", "header", '_', option);
		option = (struct option){ NULL, no_argument, NULL, OPTION_NO + (int)i };
		if (flag)
			table_add(t, "no-", field->name, '_', option);
	}
	for (int i = 0; extras != NULL && extras[i].name != NULL && i < EXTRAS_MAX; i++)
		t->v[t->n++] = (struct option){ extras[i].name,
						extras[i].argument == NULL ? no_argument
									   : required_argument,
						NULL, OPTION_EXTRA + i };
	t->v[t->n] = (struct option){ 0 };
}

/* getopt takes abbreviations, which would change their meaning with each new field; so whole names
 * only. */
static bool
known_option(const struct option_table *t, const char *arg)
{
	size_t len = strcspn(arg + 2, "=");

	if (strncmp(arg, "--", 2) != 0 || len == 0)
		return true;
	for (int i = 0; i < t->n; i++)
		if (strlen(t->v[i].name) == len && memcmp(t->v[i].name, arg + 2, len) == 0)
			return true;
	return false;
}

static bool
add(const struct ctl *ctl, struct args *args, const struct field *field, const char *text)
{
	if (args->n == ARG_VALUES_MAX) {
		ctl_usage(ctl, "too many options");
		return false;
	}
	args->v[args->n++] = (struct arg){ .field = field, .text = text };
	return true;
}

const char *
args_extra(const struct args *args, const char *name)
{
	const char *value = NULL;

	for (size_t i = 0; i < args->given_n; i++)
		if (strcmp(args->given[i].extra->name, name) == 0)
			value = args->given[i].value;
	return value;
}

bool
args_given(const struct args *args, const char *name)
{
	for (size_t i = 0; i < args->n; i++)
		if (strcmp(args->v[i].field->name, name) == 0)
			return true;
	return false;
}

bool
args_add(const struct ctl *ctl, struct args *args, const char *name, const char *text)
{
	const struct field *field = find_field(type_of(args), name);

	return field != NULL && add(ctl, args, field, text);
}

bool
args_add_secret(const struct ctl *ctl, struct args *args, const char *name, struct buf *bytes)
{
	if (!args_add(ctl, args, name, NULL))
		return false;
	args->v[args->n - 1].secret = *bytes;
	*bytes = (struct buf){ 0 };
	return true;
}

/* An argument that is no option takes the first required field not yet given. */
static bool
take_word(struct ctl *ctl, struct args *args, const char *word)
{
	const struct object_type *type = type_of(args);
	bool tenants = args->row != NULL && strncmp(args->row->method, "tenant.", 7) == 0;

	for (unsigned i = 0; i < type->count; i++) {
		const struct field *field = &type->fields[i];

		if (!field->required || args_given(args, field->name) ||
		    (field->kind == FIELD_TENANT && !tenants))
			continue;
		if (source_required(field) && !source_is(word)) {
			ctl_usage(ctl,
				  "--%s comes from stdin (-) or @FILE, never from the command line",
				  field->name);
			return false;
		}
		return add(ctl, args, field, word);
	}
	/* The id is not required, but it is what is mostly given. */
	if (args->row != NULL && args->row->id == OP_apikey_revoke && !args_given(args, "id"))
		return add(ctl, args, find_field(type, "id"), word);
	if (args->row == NULL && args->words_n < sizeof args->words / sizeof args->words[0]) {
		args->words[args->words_n++] = word;
		return true;
	}
	ctl_usage(ctl, "\"%s\" is one argument too many; see --help", word);
	return false;
}

static bool
take_extra(const struct ctl *ctl, struct args *args, const struct extra *extra, const char *value)
{
	if (args->given_n == ARG_EXTRAS_MAX) {
		ctl_usage(ctl, "too many options");
		return false;
	}
	args->given[args->given_n].extra = extra;
	args->given[args->given_n++].value = value == NULL ? "" : value;
	return true;
}

static bool
take_option(struct ctl *ctl, struct args *args, int option, const char *value)
{
	const struct object_type *type = type_of(args);

	if (option < OPTION_FIELD)
		return options_take(ctl, option, value);
	if (option >= OPTION_EXTRA)
		return take_extra(ctl, args, &args->extras[option - OPTION_EXTRA], value);
	if (option >= OPTION_NO)
		return add(ctl, args, &type->fields[option - OPTION_NO], "false");
	return add(ctl, args, &type->fields[option - OPTION_FIELD], value == NULL ? "true" : value);
}

/* A secret that stands last without a value is read from stdin, or asked for on a terminal. */
static bool
asks_for(const struct args *args, int option)
{
	return option >= OPTION_FIELD && option < OPTION_NO &&
	       source_required(&type_of(args)->fields[option - OPTION_FIELD]);
}

bool
args_parse(struct ctl *ctl, struct args *args, int argc, char **argv)
{
	struct option_table table;
	bool words_only = false;

	table_make(&table, type_of(args), args->extras);
	optind = 1;
	opterr = 0;
	while (optind < argc) {
		const char *arg = argv[optind];
		int option;

		if (args->child && strcmp(arg, "--") == 0) {
			args->command = argv + optind + 1;
			return true;
		}
		if (words_only || arg[0] != '-' || arg[1] == '\0' || strcmp(arg, "--") == 0) {
			optind++;
			if (!words_only && strcmp(arg, "--") == 0)
				words_only = true;
			else if (!take_word(ctl, args, arg))
				return false;
			continue;
		}
		option = known_option(&table, arg) ? getopt_long(argc, argv, "+:hV", table.v, NULL)
						   : '?';
		if (option == ':' && asks_for(args, optopt)) {
			option = optopt;
			optarg = (char *)(uintptr_t) "-";
		}
		if (option == '?' || option == ':') {
			ctl_usage(ctl,
				  option == ':' ? "%s needs a value"
						: "there is no option %s here; see --help",
				  arg);
			return false;
		}
		if (!take_option(ctl, args, option, optarg))
			return false;
	}
	return true;
}

void
args_free(struct args *args)
{
	for (size_t i = 0; i < args->n; i++)
		buf_free(&args->v[i].secret);
	args->n = 0;
}
