/*
 * vaultd: the daemon where the command line begins with an option or is empty, else the command
 * that it names.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "vaultd/command.h"
#include "vaultd/recover.h"
#include "vaultd/restore.h"
#include "vaultd/serve.h"

static const struct command *const commands[] = { &recover_owner_command, &restore_command };
#define COMMANDS (sizeof commands / sizeof commands[0])

static void
usage(FILE *out)
{
	fputs("usage: vaultd [--config FILE] [--state DIR] [--runtime DIR] [--check-config] "
	      "[--version]\n"
	      "       vaultd COMMAND [OPTIONS]\n"
	      "\n"
	      "Keeps the keys of many tenants and signs for other processes over a Unix socket. "
	      "Stays in the foreground\n"
	      "and logs to stderr. Everything else is in " CONFIG_DEFAULT_FILE
	      " (vaultd.conf(5)).\n"
	      "\n"
	      "  --config FILE    read FILE instead of " CONFIG_DEFAULT_FILE "\n"
	      "  --state DIR      the store and the audit (default /var/lib/vaultd)\n"
	      "  --runtime DIR    the sockets (default /run/vaultd)\n"
	      "  --check-config   say whether the configuration is good, and end\n"
	      "  --version        tell the version, and end\n"
	      "\n"
	      "Commands, for a state that no daemon uses (vaultd COMMAND --help tells more):\n",
	      out);
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(out, "  %-15s  %s\n", commands[i]->name, commands[i]->summary);
}

static const struct command *
find_command(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

/* -1: go on; else the exit status. */
static int
parse_options(int argc, char **argv, struct serve_options *options)
{
	static const struct option longs[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "state", required_argument, NULL, 's' },
		{ "runtime", required_argument, NULL, 'r' },
		{ "check-config", no_argument, NULL, 'k' },
		{ "version", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "+h", longs, NULL)) != -1) {
		switch (c) {
		case 'c':
			options->from.config = optarg;
			break;
		case 's':
			options->from.state = optarg;
			break;
		case 'r':
			options->from.runtime = optarg;
			break;
		case 'k':
			options->check_config = true;
			break;
		case 'v':
			puts("vaultd " VAULT_VERSION);
			return EXIT_OK;
		case 'h':
			usage(stdout);
			return EXIT_OK;
		default:
			usage(stderr);
			return EXIT_USAGE_ERROR;
		}
	}
	if (optind == argc)
		return -1;
	if (find_command(argv[optind]) != NULL)
		fprintf(stderr, "vaultd: the command comes first: vaultd %s [OPTIONS]\n",
			argv[optind]);
	else
		fprintf(stderr, "vaultd: there is no command \"%s\"; see vaultd --help\n",
			argv[optind]);
	return EXIT_USAGE_ERROR;
}

int
main(int argc, char **argv)
{
	const struct command *command = argc > 1 ? find_command(argv[1]) : NULL;
	struct serve_options options = { 0 };
	int status = command == NULL ? parse_options(argc, argv, &options) : -1;

	if (status >= 0)
		return status;
	log_open(LOG_LEVEL_INFO);
	if (sandbox_harden() != VAULT_OK)
		return EXIT_USAGE_ERROR;
	signal(SIGPIPE, SIG_IGN);
	return command != NULL ? command->run(command, argc - 1, argv + 1) : serve_run(&options);
}
