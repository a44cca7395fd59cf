#include "vaultd/base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG_LINE_MAX 1024 /* bytes of one line, its end included */

/*
 * The one thing that cannot be handed down: lines come from everywhere. Written by log_open only.
 */
static struct {
	enum log_level level;
	bool journal; /* stderr is the journal, which wants <N> in front (sd-daemon(3)) */
} /* NOLINT(cppcoreguidelines-avoid-non-const-global-variables) */ log_state = { LOG_LEVEL_INFO,
										 false };

void
log_open(enum log_level level)
{
	log_state.level = level;
	log_state.journal = getenv("JOURNAL_STREAM") != NULL;
}

static const char *
level_word(enum log_level level)
{
	switch (level) {
	case LOG_LEVEL_ERROR:
		return "error";
	case LOG_LEVEL_WARNING:
		return "warning";
	case LOG_LEVEL_INFO:
		return "info";
	default:
		return "debug";
	}
}

/*
 * Everything but printable ASCII becomes \xNN, so that no text can forge a line or speak to a
 * terminal.
 */
static size_t
escape(char *out, size_t room, const char *text)
{
	static const char hex[] = "0123456789abcdef";
	size_t n = 0;

	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;
		bool plain = c >= 0x20 && c < 0x7f;

		if (room - n < (plain ? 1u : 4u))
			break;
		if (plain) {
			out[n++] = (char)c;
			continue;
		}
		out[n++] = '\\';
		out[n++] = 'x';
		out[n++] = hex[c >> 4];
		out[n++] = hex[c & 15];
	}
	return n;
}

void
log_line(enum log_level level, const char *format, ...)
{
	char text[LOG_LINE_MAX], line[LOG_LINE_MAX];
	int saved = errno;
	va_list args;
	size_t n;

	if (level > log_state.level)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (log_state.journal)
		n = (size_t)snprintf(line, sizeof line, "<%d>", (int)level);
	else
		n = (size_t)snprintf(line, sizeof line, "vaultd: %s: ", level_word(level));
	n += escape(line + n, sizeof line - 1 - n, text);
	line[n++] = '\n';
	/*
	 * One write a line, so that lines of several threads do not mix. A log that cannot be
	 * written has no other place.
	 */
	while (write(STDERR_FILENO, line, n) < 0 && errno == EINTR)
		;
	errno = saved;
}
