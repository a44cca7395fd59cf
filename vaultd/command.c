#include "vaultd/command.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

#include "vaultd/base/log.h"
#include "vaultd/start.h"

#define INTERRUPT 0x03 /* Ctrl-C: read like a line's end, so that the echo comes back on */

int
command_misused(const struct command *self, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "vaultd %s: ", self->name);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\nTry: vaultd %s --help\n", self->name);
	return EXIT_USAGE_ERROR;
}

int
command_help(const struct command *self)
{
	fputs(self->usage, stdout);
	return EXIT_OK;
}

void
command_say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

enum vault_err
command_secret_read(const struct command_secret *from, struct arena *arena, struct secret *bytes)
{
	const char *path = from->keyfile != NULL ? from->keyfile : from->passphrase_file;
	SECRET_LOCAL(read);

	if (from->share_count > 0)
		return command_shares_read(from, arena, bytes);
	if (path == NULL)
		return VAULT_OK;
	if (start_secret_read(path, arena, &read) != VAULT_OK) {
		log_error("%s cannot be read, is empty or is longer than %d bytes", path,
			  START_SECRET_MAX);
		return VAULT_INVALID_PARAMS;
	}
	if (from->keyfile != NULL || read.p[read.len - 1] != '\n') {
		secret_move(bytes, &read);
		return VAULT_OK;
	}
	if (read.len == 1) {
		log_error("%s holds nothing but the end of a line", path);
		return VAULT_INVALID_PARAMS;
	}
	return secret_copy(arena, read.p, read.len - 1, bytes);
}

/* The bytes of a line, its end not counted; 0 where it was given up, is empty or too long. */
static size_t
read_line(int tty, const struct secret *room)
{
	size_t len = 0;
	uint8_t c = 0;

	while (read(tty, &c, 1) == 1 && c != '\n' && c != INTERRUPT && len < room->len)
		room->p[len++] = c;
	len = c == '\n' ? len : 0;
	secret_wipe(&c, sizeof c);
	return len;
}

static size_t
ask_line(int tty, const char *prompt, const struct termios *before, const struct secret *room)
{
	struct termios silent = *before;
	size_t len;

	silent.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
	silent.c_cc[VEOL] = INTERRUPT;
	tcsetattr(tty, TCSAFLUSH, &silent);
	dprintf(tty, "%s", prompt);
	len = read_line(tty, room);
	tcsetattr(tty, TCSAFLUSH, before);
	dprintf(tty, "\n");
	return len;
}

enum vault_err
command_line_ask(struct arena *arena, const char *prompt, struct secret *bytes)
{
	int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	struct termios before;
	SECRET_LOCAL(room);
	enum vault_err err;
	size_t len;

	if (tty < 0 || tcgetattr(tty, &before) != 0) {
		log_error("there is no terminal to ask on: give the secret in a file");
		if (tty >= 0)
			close(tty);
		return VAULT_INVALID_PARAMS;
	}
	err = secret_new(arena, COMMAND_LINE_MAX, &room);
	len = err == VAULT_OK ? ask_line(tty, prompt, &before, &room) : 0;
	close(tty);
	TRY(err);
	if (len == 0) {
		log_error("nothing was entered");
		return VAULT_INVALID_PARAMS;
	}
	return secret_copy(arena, room.p, len, bytes);
}

enum vault_err
command_secret_ask(struct arena *arena, struct secret *bytes)
{
	return command_line_ask(arena, "Passphrase: ", bytes);
}

unsigned
command_secret_count(const struct command_secret *from)
{
	return (from->passphrase_file != NULL) + (from->keyfile != NULL) + (from->share_count > 0) +
	       from->ask_shares;
}

enum slot_kind
command_secret_kind(const struct command_secret *from)
{
	if (from->share_count > 0 || from->ask_shares)
		return SLOT_SHARES;
	return from->keyfile != NULL ? SLOT_KEYFILE : SLOT_PASSPHRASE;
}
