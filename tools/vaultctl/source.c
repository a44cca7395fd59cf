#include "tools/vaultctl/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "protocol/text.h"

#define READ_SIZE 65536		   /* bytes read at a time */
#define SOURCE_MAX (4u * 1048576u) /* more than any message can carry, encoded however */
#define INTERRUPT 0x03	   /* Ctrl-C: read like a line's end, so that the echo comes back on */
#define FROM_FILE_MIN 2048 /* a text that may be longer than this may come from a file */

bool
source_required(const struct field *field)
{
	/* What a ciphertext is bound to stands beside it in the open. */
	bool open = strcmp(field->name, "context") == 0;

	return (field->kind == FIELD_BYTES && !open) || (field->flags & F_SECRET) != 0;
}

bool
source_allowed(const struct field *field)
{
	return source_required(field) || field->kind == FIELD_BYTES || field->kind == FIELD_MAP ||
	       (field->kind == FIELD_TEXT && field->max > FROM_FILE_MIN);
}

bool
source_is(const char *arg)
{
	return strcmp(arg, "-") == 0 || (arg[0] == '@' && arg[1] != '\0');
}

static bool
read_all(const struct ctl *ctl, int fd, const char *name, struct buf *out)
{
	ssize_t n;

	do {
		if (buf_reserve(out, READ_SIZE) != VAULT_OK || buf_len(out) > SOURCE_MAX) {
			ctl_local(ctl, "%s is too large", name);
			return false;
		}
		n = read(fd, out->p + out->tail, READ_SIZE);
		if (n > 0)
			out->tail += (size_t)n;
	} while (n > 0 || (n < 0 && errno == EINTR));
	if (n < 0)
		ctl_local(ctl, "%s: %m", name);
	return n == 0;
}

static bool
read_file(const struct ctl *ctl, const char *path, struct buf *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool ok;

	if (fd < 0) {
		ctl_local(ctl, "%s: %m", path);
		return false;
	}
	ok = read_all(ctl, fd, path, out);
	close(fd);
	return ok;
}

static bool
loses_newline(const struct field *field)
{
	bool text = field->kind == FIELD_TEXT || strcmp(field->name, "passphrase") == 0;

	return text || field->kind == FIELD_MAP;
}

static bool
read_stdin(struct ctl *ctl, const struct field *field, struct buf *out)
{
	char prompt[128];

	if (isatty(STDIN_FILENO) == 1 && (field->flags & F_SECRET) != 0) {
		snprintf(prompt, sizeof prompt, "%s: ", field->name);
		return source_ask(ctl, prompt, out);
	}
	if (ctl->stdin_taken) {
		ctl_usage(ctl, "--%s: only one value can come from stdin", field->name);
		return false;
	}
	ctl->stdin_taken = true;
	return read_all(ctl, STDIN_FILENO, "stdin", out);
}

bool
source_read(struct ctl *ctl, const struct field *field, const char *arg, struct buf *out)
{
	bool from_stdin = strcmp(arg, "-") == 0;

	if (!(from_stdin ? read_stdin(ctl, field, out) : read_file(ctl, arg + 1, out)))
		return false;
	if (loses_newline(field) && buf_len(out) > 0 && buf_data(out)[buf_len(out) - 1] == '\n')
		buf_truncate(out, buf_len(out) - 1);
	return true;
}

/* A line from the terminal itself, whatever stdin is; false too where it was given up. */
static bool
read_line(int tty, struct buf *out)
{
	char c;
	ssize_t n;

	while ((n = read(tty, &c, 1)) == 1 && c != '\n' && c != INTERRUPT)
		if (buf_append(out, &c, 1) != VAULT_OK)
			return false;
	return n == 1 && c == '\n';
}

bool
source_ask(const struct ctl *ctl, const char *prompt, struct buf *out)
{
	int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	struct termios before, silent;
	bool ok;

	if (tty < 0 || tcgetattr(tty, &before) != 0) {
		ctl_usage(ctl,
			  "there is no terminal to ask on: give the secret by stdin (-) or @FILE");
		if (tty >= 0)
			close(tty);
		return false;
	}
	silent = before;
	silent.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
	silent.c_cc[VEOL] = INTERRUPT;
	tcsetattr(tty, TCSAFLUSH, &silent);
	dprintf(tty, "%s", prompt);
	ok = read_line(tty, out);
	tcsetattr(tty, TCSAFLUSH, &before);
	dprintf(tty, "\n");
	close(tty);
	if (!ok)
		ctl_local(ctl, "nothing was entered");
	return ok;
}

bool
source_ask_twice(const struct ctl *ctl, const char *prompt, struct buf *out)
{
	struct buf again = { 0 };
	size_t before = buf_len(out);
	bool ok = source_ask(ctl, prompt, out) && source_ask(ctl, "Once more: ", &again);

	if (ok && (buf_len(out) - before != buf_len(&again) ||
		   (buf_len(&again) > 0 &&
		    memcmp(buf_data(out) + before, buf_data(&again), buf_len(&again)) != 0))) {
		ctl_local(ctl, "the two differ");
		ok = false;
	}
	buf_free(&again);
	return ok;
}
