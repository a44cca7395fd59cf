/*
 * The program's commands: what vaultd does besides serving, on the state of a daemon that does not
 * run. A command is a row of main's table and a file of its own.
 */
#ifndef VAULTD_COMMAND_H
#define VAULTD_COMMAND_H

#include "vaultd/core/slots.h"

#define EXIT_OK 0
#define EXIT_USAGE_ERROR 1 /* or an error in the configuration */
#define EXIT_FAILED 2	   /* refused or failed */

struct command {
	const char *name;
	const char *summary; /* its line in vaultd --help */
	const char *usage;   /* what its own --help prints */
	/* argv[0] is the command's name; the exit status. */
	int (*run)(const struct command *self, int argc, char **argv);
};

/* Says why the command line is wrong and where help is; answers EXIT_USAGE_ERROR. */
__attribute__((format(printf, 2, 3))) int command_misused(const struct command *self,
							  const char *format, ...);
int command_help(const struct command *self);
/* A line of result, on stdout. */
__attribute__((format(printf, 1, 2))) void command_say(const char *format, ...);
/* What a noun that is counted ends with. */
static inline const char *
command_plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

/* Where a slot's secret comes from; at most one kind is given, none: a passphrase is asked for. */
struct command_secret {
	const char *passphrase_file, *keyfile;
	const char *share_files[SHARES_MAX]; /* one share in each */
	unsigned share_count;
	bool ask_shares;
};
/* How many kinds were given. */
unsigned command_secret_count(const struct command_secret *from);
/* What the bytes are, for struct slot_secret. */
enum slot_kind command_secret_kind(const struct command_secret *from);
/*
 * Reads the file that was named, or the shares, which are joined; *bytes stays empty where none
 * was. A passphrase loses one newline at its end. VAULT_INVALID_PARAMS, told already, where it
 * cannot be read, or they are not the shares it takes.
 */
MUST_USE enum vault_err command_secret_read(const struct command_secret *from, struct arena *arena,
					    struct secret *bytes);
/*
 * Asks for a passphrase on the terminal, without echo. VAULT_INVALID_PARAMS, told already, where
 * there is no terminal or nothing was entered.
 */
MUST_USE enum vault_err command_secret_ask(struct arena *arena, struct secret *bytes);
/* Asks for shares, one after the other until there are enough, and joins them. */
MUST_USE enum vault_err command_shares_ask(struct arena *arena, struct secret *bytes);
/* Reads and joins those of from->share_files. */
MUST_USE enum vault_err command_shares_read(const struct command_secret *from, struct arena *arena,
					    struct secret *bytes);
/* Asks for one line, without echo; for command_shares.c too. */
#define COMMAND_LINE_MAX 1024 /* bytes, as sys.unseal takes passphrases and shares */
MUST_USE enum vault_err command_line_ask(struct arena *arena, const char *prompt,
					 struct secret *bytes);

#endif
