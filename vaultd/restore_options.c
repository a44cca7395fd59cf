#include "vaultd/restore_options.h"

#include <getopt.h>
#include <unistd.h>

#include "protocol/text.h"
#include "vaultd/config.h"

const char restore_usage[] =
	"usage: vaultd restore FILE --into DIR [--audit DIR | --accept-gap] [--erased FILE]...\n"
	"                      [--keys FILE] [--slot NAME] [--signed-by KEY] [--config FILE]\n"
	"                      [--passphrase-file FILE | --keyfile FILE | --identity FILE |\n"
	"                      --share-file FILE...]\n"
	"\n"
	"Makes the store of a backup in an empty directory, does again what the surviving audit "
	"tells of\n"
	"(revocations, deletions, spent uses), and begins a new audit. No daemon is needed. "
	"Without a file it\n"
	"asks for the passphrase. Where anything is wrong nothing is left behind.\n"
	"\n"
	"  --into DIR              an empty directory; what vaultd --state is to be\n"
	"  --audit DIR             the audit of the lost store, as far as it is there\n"
	"  --accept-gap            go on where that does not lead on from the backup: API keys "
	"with a\n"
	"                          number of uses are disabled, tokens issued until now refused\n"
	"  --erased FILE           a certificate of tenant.erase: that tenant is dropped; may be "
	"repeated\n"
	"  --keys FILE             the tenants' keys of a split backup (default: the backup's name "
	"and .keys)\n"
	"  --slot NAME             try this unseal slot only\n"
	"  --passphrase-file FILE  a slot's passphrase, or the backup's own; one newline at its "
	"end does\n"
	"                          not count\n"
	"  --keyfile FILE          a slot's key file\n"
	"  --share-file FILE       one of a slot's shares; to be repeated\n"
	"  --identity FILE         the private half of the recipient that it was made for\n"
	"  --signed-by KEY         refuse what another store signed; vaultctl backup inspect shows "
	"whose it is\n"
	"  --config FILE           read FILE instead of " CONFIG_DEFAULT_FILE "\n"
	"\n"
	"Exit status: 0 restored; 1 wrong usage, configuration or file; 2 refused or failed.\n";

/* -1: go on; else the exit status. */
static int
take_erased(const struct command *self, struct restore_options *options)
{
	if (options->erased_count == RESTORE_ERASED_MAX)
		return command_misused(self, "--erased: at most %d certificates",
				       RESTORE_ERASED_MAX);
	options->erased[options->erased_count++] = optarg;
	return -1;
}

static int
take_share(const struct command *self, struct restore_options *options)
{
	struct command_secret *from = &options->source.from;

	if (from->share_count == SHARES_MAX)
		return command_misused(self, "--share-file: at most %d shares", SHARES_MAX);
	from->share_files[from->share_count++] = optarg;
	return -1;
}

static int
take_option(const struct command *self, int c, struct restore_options *options)
{
	switch (c) {
	case 'c':
		options->from.config = optarg;
		return -1;
	case 'i':
		options->into = optarg;
		return -1;
	case 'a':
		options->audit = optarg;
		return -1;
	case 'e':
		return take_erased(self, options);
	case 'g':
		options->accept_gap = true;
		return -1;
	case 'K':
		options->keys = optarg;
		return -1;
	case 'l':
		options->source.slot = text_of(optarg);
		return text_name(options->source.slot)
			       ? -1
			       : command_misused(self, "--slot: not the name of a slot");
	case 'p':
		options->source.from.passphrase_file = optarg;
		return -1;
	case 'k':
		options->source.from.keyfile = optarg;
		return -1;
	case 'I':
		options->source.identity = optarg;
		return -1;
	case 's':
		return take_share(self, options);
	case 'S':
		options->signed_by = optarg;
		return -1;
	case 'h':
		return command_help(self);
	case 'x':
		return command_misused(self, "a passphrase comes from a file or a prompt only");
	default:
		return command_misused(self, "wrong usage");
	}
}

static int
check_options(const struct command *self, int argc, char **argv, struct restore_options *options)
{
	const struct restore_source *source = &options->source;
	unsigned secrets = command_secret_count(&source->from) + (source->identity != NULL);

	if (optind + 1 != argc)
		return command_misused(self, "give one backup");
	if (options->into == NULL)
		return command_misused(self, "--into: which directory?");
	if (secrets > 1)
		return command_misused(
			self,
			"give one of --passphrase-file, --keyfile, --share-file and --identity");
	options->file = argv[optind];
	return -1;
}

int
restore_options_parse(const struct command *self, int argc, char **argv,
		      struct restore_options *options)
{
	static const struct option longs[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "into", required_argument, NULL, 'i' },
		{ "audit", required_argument, NULL, 'a' },
		{ "erased", required_argument, NULL, 'e' },
		{ "accept-gap", no_argument, NULL, 'g' },
		{ "keys", required_argument, NULL, 'K' },
		{ "slot", required_argument, NULL, 'l' },
		{ "passphrase-file", required_argument, NULL, 'p' },
		{ "keyfile", required_argument, NULL, 'k' },
		{ "identity", required_argument, NULL, 'I' },
		{ "share-file", required_argument, NULL, 's' },
		{ "signed-by", required_argument, NULL, 'S' },
		/* Else it would stand for the longer name, and the log would tell the secret. */
		{ "passphrase", required_argument, NULL, 'x' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		int status = take_option(self, c, options);

		if (status >= 0)
			return status;
	}
	return check_options(self, argc, argv, options);
}
