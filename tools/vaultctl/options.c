#include "tools/vaultctl/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/vaultctl/source.h"
#include "tools/vaultctl/units.h"

#define ADMIN_SOCKET_DEFAULT "/run/vaultd/admin.sock"
#define TIMEOUT_SECONDS_MAX 86400

enum {
	OPTION_HELP = 'h',
	OPTION_VERSION = 'V',
	OPTION_SOCKET = 0x100,
	OPTION_ADMIN_SOCKET,
	OPTION_TENANT,
	OPTION_FORMAT,
	OPTION_QUIET,
	OPTION_YES,
	OPTION_SHOW,
	OPTION_ALL,
	OPTION_QR,
	OPTION_TOTP,
	OPTION_TIMEOUT,
	OPTION_ACTOR,
	OPTION_REQUEST_ID,
};

const struct option options_global[OPTIONS_GLOBAL_COUNT] = {
	{ "socket", required_argument, NULL, OPTION_SOCKET },
	{ "admin-socket", required_argument, NULL, OPTION_ADMIN_SOCKET },
	{ "tenant", required_argument, NULL, OPTION_TENANT },
	{ "format", required_argument, NULL, OPTION_FORMAT },
	{ "quiet", no_argument, NULL, OPTION_QUIET },
	{ "yes", no_argument, NULL, OPTION_YES },
	{ "show", no_argument, NULL, OPTION_SHOW },
	{ "all", no_argument, NULL, OPTION_ALL },
	{ "qr", no_argument, NULL, OPTION_QR },
	{ "totp", optional_argument, NULL, OPTION_TOTP },
	{ "timeout", required_argument, NULL, OPTION_TIMEOUT },
	{ "actor", required_argument, NULL, OPTION_ACTOR },
	{ "request-id", required_argument, NULL, OPTION_REQUEST_ID },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ "version", no_argument, NULL, OPTION_VERSION },
};

/* NULL where it is empty or not there. */
static const char *
environment(const char *name)
{
	const char *v = getenv(name);

	return v == NULL || v[0] == '\0' ? NULL : v;
}

static bool
set_format(struct ctl *ctl, const char *value)
{
	if (strcmp(value, "json") == 0) {
		ctl->format = CTL_JSON;
	} else if (strcmp(value, "table") == 0) {
		ctl->format = CTL_TABLE;
	} else {
		ctl_usage(ctl, "the format is table or json, not \"%s\"", value);
		return false;
	}
	return true;
}

bool
options_start(struct ctl *ctl)
{
	const char *format = environment("VAULTD_FORMAT");

	*ctl = (struct ctl){ .socket = environment("VAULTD_SOCKET"),
			     .admin_socket = environment("VAULTD_ADMIN_SOCKET"),
			     .tenant = environment("VAULTD_TENANT"),
			     .now = time(NULL) };
	return format == NULL || set_format(ctl, format);
}

static bool
set_timeout(struct ctl *ctl, const char *value)
{
	int64_t seconds;

	if (!unit_duration(value, &seconds) || seconds < 1 || seconds > TIMEOUT_SECONDS_MAX) {
		ctl_usage(ctl, "--timeout takes seconds (30) or a duration (2m)");
		return false;
	}
	ctl->timeout_ms = (int)seconds * 1000;
	return true;
}

/* value NULL: the terminal. */
static bool
set_totp(struct ctl *ctl, const char *value)
{
	if (value != NULL && !source_is(value)) {
		ctl_usage(ctl, "--totp asks for the code; --totp=- reads stdin and --totp=@FILE a "
			       "file: it never stands on the command line");
		return false;
	}
	ctl->totp = value == NULL ? "" : value;
	return true;
}

bool
options_take(struct ctl *ctl, int option, const char *value)
{
	switch (option) {
	case OPTION_SOCKET:
		ctl->socket = value;
		return true;
	case OPTION_ADMIN_SOCKET:
		ctl->admin_socket = value;
		return true;
	case OPTION_TENANT:
		ctl->tenant = value;
		ctl->tenant_given = true;
		return true;
	case OPTION_FORMAT:
		return set_format(ctl, value);
	case OPTION_QUIET:
		ctl->quiet = true;
		return true;
	case OPTION_YES:
		ctl->yes = true;
		return true;
	case OPTION_SHOW:
		ctl->show = true;
		return true;
	case OPTION_ALL:
		ctl->all = true;
		return true;
	case OPTION_QR:
		ctl->qr = true;
		return true;
	case OPTION_TOTP:
		return set_totp(ctl, value);
	case OPTION_TIMEOUT:
		return set_timeout(ctl, value);
	case OPTION_ACTOR:
		ctl->actor = value;
		return true;
	case OPTION_REQUEST_ID:
		ctl->request_id = value;
		return true;
	case OPTION_VERSION:
		puts("vaultctl " VAULT_VERSION);
		exit(CTL_DONE);
	default:
		ctl->help = true;
		return true;
	}
}

void
options_finish(struct ctl *ctl)
{
	const char *slash = ctl->socket == NULL ? NULL : strrchr(ctl->socket, '/');

	/* A daemon's two sockets lie together, so naming one of them names both. */
	if (ctl->admin_socket == NULL && ctl->socket != NULL) {
		snprintf(ctl->admin_beside, sizeof ctl->admin_beside, "%.*sadmin.sock",
			 slash == NULL ? 0 : (int)(slash - ctl->socket + 1), ctl->socket);
		ctl->admin_socket = ctl->admin_beside;
	}
	if (ctl->admin_socket == NULL)
		ctl->admin_socket = ADMIN_SOCKET_DEFAULT;
	if (ctl->socket == NULL)
		ctl->socket = VAULT_SOCKET_DEFAULT;
}
