/*
 * Completions, made from the same tables as the commands.
 */
#include <stdio.h>
#include <string.h>

#include "protocol/text.h"
#include "tools/vaultctl/command.h"
#include "tools/vaultctl/options.h"

#define WORD_MAX 64 /* bytes of a verb or an option */

static const char *
dashed(const char *name, char out[static WORD_MAX])
{
	snprintf(out, WORD_MAX, "%s", name);
	for (char *p = out; *p != '\0'; p++)
		if (*p == '_')
			*p = '-';
	return out;
}

/* Whether row i is the first of its noun; its length goes to *len. */
static bool
first_of_noun(int i, int *len)
{
	*len = (int)strcspn(op_rows[i].method, ".");
	for (int k = 0; k < i; k++)
		if (strncmp(op_rows[i].method, op_rows[k].method, (size_t)*len + 1) == 0)
			return false;
	return true;
}

/* Whether vaultctl has a command of its own of these words, which comes before the operation. */
static bool
hidden(const struct op_row *row)
{
	const struct command *c = command_of_row(row);

	return c != NULL && c->method == NULL;
}

static void
put_first_words(void)
{
	int len;

	for (const struct command *c = commands; c->name != NULL; c++)
		if (strchr(c->name, ' ') == NULL)
			printf("%s ", c->name);
	for (int i = 0; i < OP_COUNT; i++)
		if (first_of_noun(i, &len))
			printf("%.*s ", len, op_rows[i].method);
}

static void
put_verbs(const char *noun, int len)
{
	char word[WORD_MAX];

	for (int i = 0; i < OP_COUNT; i++)
		if (strncmp(op_rows[i].method, noun, (size_t)len + 1) == 0 && !hidden(&op_rows[i]))
			printf("%s ", dashed(op_rows[i].method + len + 1, word));
	for (const struct command *c = commands; c->name != NULL; c++)
		if (strncmp(c->name, noun, (size_t)len) == 0 && c->name[len] == ' ' &&
		    !command_is_operation(c))
			printf("%s ", c->name + len + 1);
}

static void
put_options(const struct op_row *row)
{
	const struct object_type *type = row->request();
	char word[WORD_MAX];

	for (unsigned i = 0; i < type->count; i++)
		if (type->fields[i].kind != FIELD_TENANT)
			printf("--%s ", dashed(type->fields[i].name, word));
}

static void
put_extras(const struct extra *extras)
{
	for (const struct extra *e = extras; e != NULL && e->name != NULL; e++)
		printf("--%s ", e->name);
}

/* What a command adds to its operation's options. */
static void
put_added(const struct op_row *row)
{
	for (const struct command *c = commands; c->name != NULL; c++)
		if (c->method != NULL && strcmp(c->method, row->method) == 0)
			put_extras(c->extras);
}

/* case "$noun $verb" in ... esac, which sets cand; bash and zsh read it alike. */
static void
put_cases(void)
{
	char word[WORD_MAX];
	int len;

	printf("\tcase \"$noun $verb\" in\n\t' ') cand='");
	put_first_words();
	puts("' ;;");
	for (int i = 0; i < OP_COUNT; i++) {
		if (first_of_noun(i, &len)) {
			printf("\t'%.*s ') cand='", len, op_rows[i].method);
			put_verbs(op_rows[i].method, len);
			puts("' ;;");
		}
		if (hidden(&op_rows[i]))
			continue;
		printf("\t'%.*s %s') cand='", (int)strcspn(op_rows[i].method, "."),
		       op_rows[i].method, dashed(strchr(op_rows[i].method, '.') + 1, word));
		put_options(&op_rows[i]);
		put_added(&op_rows[i]);
		puts("' ;;");
	}
	for (const struct command *c = commands; c->name != NULL; c++)
		if (c->method != NULL && !command_is_operation(c)) {
			printf("\t'%s ') cand='", c->name);
			put_options(op_find(text_of(c->method)));
			puts("' ;;");
		} else if (c->extras != NULL && c->method == NULL) {
			printf("\t'%s%s') cand='", c->name,
			       strchr(c->name, ' ') == NULL ? " " : "");
			put_extras(c->extras);
			puts("' ;;");
		}
	puts("\t'completion ') cand='bash zsh fish' ;;\n\tesac");
}

static void
put_globals(void)
{
	for (int i = 0; i < OPTIONS_GLOBAL_COUNT; i++)
		printf("--%s ", options_global[i].name);
}

/* case "$prev" in --algorithm) cand='HS256 ...' */
static void
put_values(void)
{
	char word[WORD_MAX];

	puts("\tcase \"$prev\" in\n\t--format) cand='table json' ;;\n\t--socket | --admin-socket | "
	     "--keyfile) files=1 ;;");
	for (int i = 0; i < OP_COUNT; i++) {
		const struct object_type *type = op_rows[i].request();

		for (unsigned k = 0; k < type->count; k++) {
			const struct field *field = &type->fields[k];

			if (field->kind != FIELD_ENUM)
				continue;
			printf("\t--%s) cand='", dashed(field->name, word));
			for (int v = 1; v < field->values->count; v++)
				printf("%s ", field->values->names[v]);
			puts("' ;;");
		}
	}
	puts("\t--*) case \"$cur\" in @*) files=1 ;; esac ;;\n\tesac");
}

/* Finds noun and verb among the words before the one being completed. */
static void
put_walk(const char *each)
{
	printf("\tfor w in %s; do\n"
	       "\t\tif [ -n \"$skip\" ]; then skip=; continue; fi\n"
	       "\t\tcase \"$w\" in\n"
	       "\t\t--socket | --admin-socket | --tenant | --format | --timeout) skip=1 ;;\n"
	       "\t\t-*) ;;\n"
	       "\t\t*) if [ -z \"$noun\" ]; then noun=$w; elif [ -z \"$verb\" ]; then verb=$w; fi "
	       ";;\n"
	       "\t\tesac\n"
	       "\tdone\n",
	       each);
}

static void
bash(void)
{
	puts("# bash completion of vaultctl; made by vaultctl completion bash\n_vaultctl()\n{\n"
	     "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
	     "\tlocal noun= verb= cand= skip= files= w");
	put_walk("\"${COMP_WORDS[@]:1:COMP_CWORD-1}\"");
	put_cases();
	fputs("\tcase \"$cur\" in -*) cand=\"$cand ", stdout);
	put_globals();
	puts("\" ;; esac");
	put_values();
	puts("\tif [ -n \"$files\" ]; then COMPREPLY=($(compgen -f -- \"${cur#@}\")); return; fi\n"
	     "\tCOMPREPLY=($(compgen -W \"$cand\" -- \"$cur\"))\n}\ncomplete -F _vaultctl "
	     "vaultctl");
}

static void
zsh(void)
{
	puts("#compdef vaultctl\n# made by vaultctl completion zsh\n_vaultctl() {\n"
	     "\tlocal cur=$words[CURRENT] prev=$words[CURRENT-1] noun verb skip files w\n"
	     "\tlocal -a before=(${words[2,CURRENT-1]})\n\tlocal cand");
	put_walk("$before");
	put_cases();
	fputs("\tcase \"$cur\" in -*) cand=\"$cand ", stdout);
	put_globals();
	puts("\" ;; esac");
	put_values();
	puts("\tif [ -n \"$files\" ]; then _files; return; fi\n\tcompadd -- ${=cand}\n}\n_vaultctl "
	     "\"$@\"");
}

static void
fish_operation(const struct op_row *row)
{
	const struct object_type *type = row->request();
	char verb[WORD_MAX], word[WORD_MAX];
	int len = (int)strcspn(row->method, ".");

	dashed(row->method + len + 1, verb);
	for (unsigned i = 0; i < type->count; i++) {
		const struct field *field = &type->fields[i];

		printf("complete -c vaultctl -n '__fish_seen_subcommand_from %.*s; and "
		       "__fish_seen_subcommand_from %s' -l %s%s",
		       len, row->method, verb, dashed(field->name, word),
		       field->kind == FIELD_BOOL ? "" : " -r");
		if (field->kind == FIELD_ENUM) {
			fputs(" -a '", stdout);
			for (int v = 1; v < field->values->count; v++)
				printf("%s ", field->values->names[v]);
			putchar('\'');
		}
		putchar('\n');
	}
}

static void
fish(void)
{
	char word[WORD_MAX];
	int len;

	puts("# fish completion of vaultctl; made by vaultctl completion fish\ncomplete -c "
	     "vaultctl -f");
	for (int i = 0; i < OPTIONS_GLOBAL_COUNT; i++)
		printf("complete -c vaultctl -l %s%s\n", options_global[i].name,
		       options_global[i].has_arg == required_argument ? " -r" : "");
	for (const struct command *c = commands; c->name != NULL; c++)
		if (strchr(c->name, ' ') == NULL)
			printf("complete -c vaultctl -n __fish_use_subcommand -a %s -d \"%s\"\n",
			       c->name, c->summary);
	for (int i = 0; i < OP_COUNT; i++) {
		if (first_of_noun(i, &len)) {
			printf("complete -c vaultctl -n __fish_use_subcommand -a %.*s\n", len,
			       op_rows[i].method);
			printf("complete -c vaultctl -n '__fish_seen_subcommand_from %.*s' -a '",
			       len, op_rows[i].method);
			put_verbs(op_rows[i].method, len);
			puts("'");
		}
		printf("complete -c vaultctl -n '__fish_seen_subcommand_from %.*s' -a %s -d "
		       "\"%s\"\n",
		       len, op_rows[i].method, dashed(op_rows[i].method + len + 1, word),
		       op_rows[i].summary);
		fish_operation(&op_rows[i]);
	}
}

int
run_completion(struct ctl *ctl, struct args *args)
{
	const char *shell = args->words_n == 1 ? args->words[0] : "";

	if (strcmp(shell, "bash") == 0)
		bash();
	else if (strcmp(shell, "zsh") == 0)
		zsh();
	else if (strcmp(shell, "fish") == 0)
		fish();
	else
		return ctl_usage(ctl, "vaultctl completion bash|zsh|fish");
	return CTL_DONE;
}
