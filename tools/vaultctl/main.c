/*
 * vaultctl: finds the command that the words name, and runs it.
 */
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "protocol/text.h"
#include "tools/vaultctl/command.h"
#include "tools/vaultctl/options.h"

#define PLAIN(name, method, synopsis, summary, run)                                                \
	{                                                                                          \
		name, method, synopsis, summary, run, NULL, false                                  \
	}

const struct command commands[] = {
	PLAIN("init", "sys.init", "",
	      "make a new vault; asks for a passphrase, or --keyfile FILE, or --shares N "
	      "--threshold K",
	      run_init),
	PLAIN("unseal", "sys.unseal", "", "open the vault; --share takes one of several shares",
	      run_unseal),
	PLAIN("seal", "sys.seal", "", "wipe every key from memory until the next unseal",
	      command_run),
	PLAIN("status", NULL, "", "see whether the vault is open and healthy", run_status),
	PLAIN("methods", NULL, "", "what the daemon can do", run_methods),
	PLAIN("metrics", "sys.metrics", "", "the daemon's numbers as Prometheus reads them",
	      run_metrics),
	PLAIN("check", "sys.check", "", "see that nobody but the daemon changed the store",
	      command_run),
	PLAIN("watch", "sys.watch", "", "refusals, lockouts, sealing and trouble, as they happen",
	      run_watch),
	{ "run", NULL, "[--env NAME=secret:S]... [--file NAME=secret:S]... -- COMMAND...",
	  "run a command with secrets in its environment or its file descriptors", run_run,
	  run_extras, true },
	PLAIN("due", "secret.due", "", "what must be rotated, most urgent first", run_due),
	PLAIN("call", NULL, "METHOD [JSON|@FILE|-]", "any method, in JSON", run_call),
	PLAIN("token inspect", NULL, "TOKEN|@FILE|-", "what a token says, without trusting it",
	      run_inspect),
	PLAIN("auth totp", "auth.totp", "", "give a one-time code, to see that it is right",
	      run_auth_totp),
	PLAIN("webhook sign", "webhook.sign", "KEY [@FILE]",
	      "the headers that sign a message, as lines; the payload from stdin",
	      run_webhook_sign),
	PLAIN("webhook verify", "webhook.verify", "KEY [@FILE] --header 'Name: value'...",
	      "check the headers that came with a message; the payload from stdin",
	      run_webhook_verify),
	PLAIN("crypto encrypt", "crypto.encrypt", "NAME [@FILE]",
	      "encrypt stdin or a file; --quiet prints the ciphertext alone", run_crypto_encrypt),
	PLAIN("crypto decrypt", "crypto.decrypt", "NAME [@FILE]",
	      "decrypt a ciphertext, as bytes or base64url, to stdout", run_crypto_decrypt),
	PLAIN("crypto rewrap", "crypto.rewrap", "NAME [@FILE]",
	      "encrypt a ciphertext again under the key's current version", run_crypto_rewrap),
	PLAIN("secret put", "secret.put", "NAME [-|@FILE]",
	      "store a value from stdin, a file or a prompt", run_secret_put),
	PLAIN("secret get", "secret.get", "NAME", "write a value's bytes to a pipe or a file",
	      run_secret_get),
	{ "secret rotate", "secret.rotate", "NAME [--exec HOOK [-- ARGUMENTS...]]",
	  "make a new value; with --exec change it at its target first", run_secret_rotate,
	  rotate_extras, true },
	{ "tenant rekey", "tenant.rekey", "TENANT [--no-wait]",
	  "give a tenant a new record key, and wait until its rows are sealed again",
	  run_tenant_rekey, tenant_rekey_extras, false },
	{ "tenant erase", "tenant.erase", "TENANT --confirm TENANT [--no-wait]",
	  "destroy a tenant's keys and data; the certificate goes to stdout", run_tenant_erase,
	  tenant_erase_extras, false },
	{ "tenant export", NULL, "--tenant TENANT FILE",
	  "write a tenant to a file that another vault can import", run_tenant_export,
	  tenant_export_extras, false },
	{ "tenant import", NULL, "FILE [--tenant NAME]",
	  "take over an exported tenant, under its own name or another", run_tenant_import,
	  tenant_import_extras, false },
	{ "backup create", NULL, "FILE", "write the whole store, sealed, to a file",
	  run_backup_create, backup_create_extras, false },
	{ "backup verify", NULL, "FILE",
	  "check a backup; with a secret, all that is sealed in it too", run_backup_verify,
	  backup_verify_extras, false },
	{ "backup drill", NULL, "",
	  "rehearse a restore; the record that the daemon signs is printed", run_backup_drill,
	  backup_drill_extras, false },
	PLAIN("backup inspect", NULL, "FILE", "what a backup is of, and who can open it",
	      run_backup_inspect),
	PLAIN("backup identity", NULL, "FILE [NAME]",
	      "a key pair that backups can be encrypted to, its private half in a file",
	      run_backup_identity),
	PLAIN("slot add", "slot.add", "SLOT",
	      "add a way to unseal; asks for a passphrase, or --keyfile FILE, or --shares N "
	      "--threshold K",
	      run_slot_add),
	PLAIN("completion", NULL, "bash|zsh|fish", "completions for a shell", run_completion),
	PLAIN("help", NULL, "[NOUN [VERB]]", "this, or more on a noun or verb", run_help),
	PLAIN(NULL, NULL, NULL, NULL, NULL),
};

/* The command of one or two words, NULL where there is none; *words gets how many it takes. */
static const struct command *
find_command(const char *first, const char *second, int *words)
{
	char both[64];

	snprintf(both, sizeof both, "%s %s", first, second == NULL ? "" : second);
	for (const struct command *c = commands; c->name != NULL; c++) {
		*words = strchr(c->name, ' ') == NULL ? 1 : 2;
		if (strcmp(c->name, *words == 1 ? first : both) == 0)
			return c;
	}
	return NULL;
}

/* Options that stand before the command; *next gets the command's place. false: told already. */
static bool
leading_options(struct ctl *ctl, int argc, char **argv, int *next)
{
	int option;

	opterr = 0;
	optind = 1;
	while (optind < argc && argv[optind][0] == '-') {
		const char *arg = argv[optind];
		bool whole = strncmp(arg, "--", 2) != 0;

		for (int i = 0; i < OPTIONS_GLOBAL_COUNT; i++) {
			size_t len = strlen(options_global[i].name);

			if (strncmp(arg, "--", 2) == 0 &&
			    strncmp(arg + 2, options_global[i].name, len) == 0 &&
			    (arg[2 + len] == '\0' || arg[2 + len] == '='))
				whole = true;
		}
		option = whole ? getopt_long(argc, argv, "+:hV", options_global, NULL) : '?';
		if (option == '?' || option == ':') {
			ctl_usage(ctl,
				  option == ':' ? "%s needs a value"
						: "there is no option %s; see vaultctl --help",
				  arg);
			return false;
		}
		if (!options_take(ctl, option, optarg))
			return false;
	}
	*next = optind;
	return true;
}

static int
unknown(const struct ctl *ctl, const char *noun, const char *verb)
{
	if (!command_noun(noun))
		return ctl_usage(ctl, "there is no command \"%s\"; see vaultctl --help", noun);
	return ctl_usage(ctl, "%s has no verb \"%s\"; see vaultctl %s --help", noun, verb, noun);
}

/* argv[0] is the command's last word. */
static int
run(struct ctl *ctl, const struct op_row *row, const struct command *command, char **argv)
{
	struct args args = { .row = row };
	int argc = 0, status = CTL_LOCAL;

	if (command != NULL) {
		args.extras = command->extras;
		args.child = command->child;
	}

	while (argv[argc] != NULL)
		argc++;
	if (args_parse(ctl, &args, argc, argv)) {
		options_finish(ctl);
		status = CTL_DONE;
		if (ctl->help && command != NULL)
			help_command(command);
		else if (ctl->help)
			help_operation(row);
		else
			status = command != NULL ? command->run(ctl, &args)
						 : command_run(ctl, &args);
	}
	args_free(&args);
	return status;
}

static bool
is_help(const char *word)
{
	return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

static int
dispatch(struct ctl *ctl, int argc, char **argv)
{
	const char *noun = argv[0], *verb = argc > 1 ? argv[1] : NULL;
	int words = 0;
	const struct command *command = find_command(noun, verb, &words);
	const struct op_row *row = NULL;

	if (command != NULL) {
		row = command->method == NULL ? NULL : op_find(text_of(command->method));
		return run(ctl, row, command, argv + words - 1);
	}
	if (command_noun(noun) && (verb == NULL || is_help(verb) || ctl->help)) {
		row = verb == NULL ? NULL : command_find(noun, verb);
		if (row != NULL)
			help_operation(row);
		else
			help_noun(noun);
		return verb == NULL && !ctl->help ? CTL_LOCAL : CTL_DONE;
	}
	row = verb == NULL ? NULL : command_find(noun, verb);
	return row == NULL ? unknown(ctl, noun, verb) : run(ctl, row, NULL, argv + 1);
}

int
main(int argc, char **argv)
{
	struct ctl ctl;
	int next, status;

	/* So that text which is no ASCII is shown; numbers stay as JSON has them. */
	(void)setlocale(LC_CTYPE, "");
	if (!options_start(&ctl) || !leading_options(&ctl, argc, argv, &next))
		return CTL_LOCAL;
	if (next == argc) {
		help_all();
		return ctl.help ? CTL_DONE : CTL_LOCAL;
	}
	status = dispatch(&ctl, argc - next, argv + next);
	if ((fflush(stdout) != 0 || ferror(stdout)) && status == CTL_DONE)
		return ctl_local(&ctl, "the result could not be written");
	return status;
}
