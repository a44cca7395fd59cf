#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/text.h"
#include "tools/vaultctl/ctl.h"
#include "tools/vaultctl/json.h"
#include "tools/vaultctl/names.h"
#include "tools/vaultctl/totp.h"

#define TIMEOUT_LONG_MS (86400 * 1000) /* of what takes as long as the store is large */
#define MESSAGE_MAX 1024	       /* bytes of one line to the user */

/* One error, as the format asks; daemon: it is the daemon's. Bytes that would steer a terminal are
 * not let through. */
static void
say_error(const struct ctl *ctl, bool daemon, const char *code, const char *message,
	  const char *field)
{
	bar_hide(&ctl->bar);
	if (ctl->format == CTL_JSON) {
		fputs("{\"code\":", stderr);
		json_print_text(stderr, (struct vault_text){ code, strlen(code) });
		fputs(",\"message\":", stderr);
		json_print_text(stderr, (struct vault_text){ message, strlen(message) });
		if (field[0] != '\0') {
			fputs(",\"field\":", stderr);
			json_print_text(stderr, (struct vault_text){ field, strlen(field) });
		}
		fputs("}\n", stderr);
		return;
	}
	fputs("vaultctl: ", stderr);
	if (field[0] != '\0')
		fprintf(stderr, "%s: ", field);
	for (const char *p = message; *p != '\0'; p++)
		fputc((unsigned char)*p < 0x20 && *p != '\n' ? '?' : *p, stderr);
	if (daemon)
		fprintf(stderr, " (%s)", code);
	fputc('\n', stderr);
}

int
ctl_usage(const struct ctl *ctl, const char *format, ...)
{
	char message[MESSAGE_MAX];
	va_list ap;

	va_start(ap, format);
	vsnprintf(message, sizeof message, format, ap);
	va_end(ap);
	say_error(ctl, false, "usage", message, "");
	return CTL_LOCAL;
}

int
ctl_local(const struct ctl *ctl, const char *format, ...)
{
	char message[MESSAGE_MAX];
	va_list ap;

	va_start(ap, format);
	vsnprintf(message, sizeof message, format, ap);
	va_end(ap);
	say_error(ctl, false, "local", message, "");
	return CTL_LOCAL;
}

void
ctl_note(const struct ctl *ctl, const char *format, ...)
{
	va_list ap;

	if (ctl->quiet)
		return;
	bar_hide(&ctl->bar);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
}

/* " (group X)" where that can be seen. */
static void
group_of(const char *path, char *out, size_t size)
{
	struct stat st;
	char name[64];

	out[0] = '\0';
	if (stat(path, &st) != 0 || (st.st_mode & S_IWGRP) == 0)
		return;
	if (names_of_group(st.st_gid, name, sizeof name))
		snprintf(out, size, " (group %s)", name);
}

static int
no_connection(const struct ctl *ctl, const struct vault_failure *f, const char *path)
{
	char message[MESSAGE_MAX], group[128];

	switch (f->sys_errno) {
	case ENOENT:
		snprintf(message, sizeof message,
			 "there is no socket at %s: is vaultd running? "
			 "Start it, or name its socket with --socket or VAULTD_SOCKET",
			 path);
		break;
	case ECONNREFUSED:
		snprintf(message, sizeof message,
			 "nobody listens at %s: vaultd is not running; start it", path);
		break;
	case EACCES:
		group_of(path, group, sizeof group);
		snprintf(message, sizeof message,
			 "you may not open %s: join the socket's group%s or use root", path, group);
		break;
	default:
		errno = f->sys_errno;
		snprintf(message, sizeof message, errno != 0 ? "%s at %s: %m" : "%s at %s",
			 f->message, path);
	}
	say_error(ctl, false, f->code, message, "");
	return CTL_LOCAL;
}

static const struct field *
field_named(const struct op_row *row, const char *name)
{
	const struct object_type *type =
		row == NULL || row->request == NULL ? NULL : row->request();

	for (unsigned i = 0; type != NULL && i < type->count; i++)
		if (strcmp(type->fields[i].name, name) == 0)
			return &type->fields[i];
	return NULL;
}

/* The words that the field takes, where those are few. */
static void
advise_values(const struct op_row *row, const char *name)
{
	const struct field *field = field_named(row, name);

	if (field == NULL || field->kind != FIELD_ENUM)
		return;
	fputs("--", stderr);
	for (const char *p = name; *p != '\0'; p++)
		fputc(*p == '_' ? '-' : *p, stderr);
	fputs(" takes", stderr);
	for (int i = 1; i < field->values->count; i++)
		fprintf(stderr, "%s %s", i > 1 ? "," : "", field->values->names[i]);
	fputs(".\n", stderr);
}

/* Which list shows what there is in place of what is not. */
static void
advise_list(const struct op_row *row, const char *name)
{
	char method[64];
	int n = 0;

	if (row == NULL || field_named(row, name) == NULL)
		return;
	if (strcmp(name, "name") == 0 || strcmp(name, "id") == 0)
		n = snprintf(method, sizeof method, "%.*s.list", (int)strcspn(row->method, "."),
			     row->method);
	else
		n = snprintf(method, sizeof method, "%s.list", name);
	if (n < 0 || (size_t)n >= sizeof method || op_find(text_of(method)) == NULL)
		return;
	*strchr(method, '.') = ' ';
	fprintf(stderr, "`vaultctl %s` shows what there is.\n", method);
}

/* What the user can do about an answer. */
static void
advise(const struct ctl *ctl, const struct vault_failure *f, const struct op_row *row)
{
	if (ctl->format == CTL_JSON || ctl->quiet)
		return;
	switch (f->err) {
	case VAULT_SEALED:
		fputs("Run: vaultctl unseal\n", stderr);
		break;
	case VAULT_UNINITIALIZED:
		fputs("Run: vaultctl init\n", stderr);
		break;
	case VAULT_MFA_REQUIRED:
		fputs("Give a one-time code: --totp asks for it.\n", stderr);
		break;
	case VAULT_DENIED:
		if (row != NULL && row->id == OP_auth_totp)
			fputs("The code is wrong, or has counted before: wait for the next one.\n",
			      stderr);
		else if (f->field[0] != '\0')
			break; /* of what was given, not of who asks */
		else if (row != NULL && row->id == OP_sys_unseal)
			fputs("A key file is given by --keyfile, a share by --share. Five failures "
			      "within 30 minutes lock it.\n",
			      stderr);
		else
			fputs("You need a grant for this; `vaultctl status` shows who the daemon "
			      "takes "
			      "you for.\n",
			      stderr);
		break;
	case VAULT_INTEGRITY:
		if (row != NULL && row->id == OP_sys_unseal &&
		    strstr(f->message, "accept_rollback") != NULL)
			fputs("First find out who put an older state back. Where the newest is "
			      "lost, as "
			      "root: vaultctl unseal --accept-rollback\n",
			      stderr);
		break;
	case VAULT_INVALID_PARAMS:
		advise_values(row, f->field);
		break;
	case VAULT_NOT_FOUND:
		advise_list(row, f->field);
		break;
	case VAULT_UNKNOWN_METHOD:
		fputs("`vaultctl methods` lists what this daemon can do.\n", stderr);
		break;
	default:
		break;
	}
	if (f->retry_after_ms > 0)
		fprintf(stderr, "Retry in %lld s.\n",
			(long long)((f->retry_after_ms + 999) / 1000));
}

int
ctl_failed(const struct ctl *ctl, const struct vault *vault, const struct op_row *row)
{
	const struct vault_failure *f = vault_error(vault);
	bool admin = row != NULL && row->class == CLASS_ADMIN;

	if (f->local == VAULT_LOCAL_CONNECT)
		return no_connection(ctl, f, admin ? ctl->admin_socket : ctl->socket);
	say_error(ctl, f->local == VAULT_LOCAL_NONE, f->code, f->message, f->field);
	if (f->local == VAULT_LOCAL_TIMEOUT && ctl->format == CTL_TABLE && !ctl->quiet)
		fputs("Whether it was done is unknown. Look, then try again with a longer "
		      "--timeout.\n",
		      stderr);
	if (f->local == VAULT_LOCAL_NONE)
		advise(ctl, f, row);
	return f->local == VAULT_LOCAL_NONE ? CTL_DAEMON : CTL_LOCAL;
}

void
ctl_bar(struct ctl *ctl, const char *label, const char *unit)
{
	bar_begin(&ctl->bar, isatty(STDERR_FILENO) == 1 && !ctl->quiet && ctl->format == CTL_TABLE,
		  label, unit);
}

bool
ctl_on_terminal(void)
{
	return isatty(STDOUT_FILENO) == 1;
}

bool
ctl_colours(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return ctl_on_terminal() && (no == NULL || no[0] == '\0') && term != NULL &&
	       strcmp(term, "dumb") != 0;
}

bool
ctl_confirm(const struct ctl *ctl, const char *question)
{
	char answer[16];

	if (ctl->yes || isatty(STDIN_FILENO) != 1 || isatty(STDERR_FILENO) != 1)
		return true;
	fprintf(stderr, "%s [y/N] ", question);
	return fgets(answer, sizeof answer, stdin) != NULL &&
	       (answer[0] == 'y' || answer[0] == 'Y');
}

bool
ctl_takes_long(const struct op_row *row)
{
	return row != NULL &&
	       (row->id == OP_sys_check || row->id == OP_sys_rekey || row->id == OP_audit_verify ||
		row->id == OP_audit_query || row->id == OP_audit_checkpoint ||
		row->id == OP_audit_prove || row->id == OP_backup_drill);
}

int
ctl_timeout_ms(const struct ctl *ctl, const struct op_row *row)
{
	if (ctl->timeout_ms > 0)
		return ctl->timeout_ms;
	return ctl_takes_long(row) ? TIMEOUT_LONG_MS : VAULT_TIMEOUT_MS;
}

int
ctl_connect(struct ctl *ctl, const struct op_row *row, struct vault **vault)
{
	struct vault_options options = { .timeout_ms = ctl_timeout_ms(ctl, row),
					 .client = "vaultctl" };
	bool admin = row != NULL && row->class == CLASS_ADMIN;

	if (vault_open(admin ? ctl->admin_socket : ctl->socket, &options, vault) != VAULT_OK)
		return ctl_failed(ctl, *vault, row);
	if (ctl->actor != NULL && vault_set_actor(*vault, vault_text(ctl->actor)) != VAULT_OK)
		return ctl_failed(ctl, *vault, row);
	if (ctl->totp != NULL) {
		int status = totp_give(ctl, *vault);

		if (status != CTL_DONE)
			return status;
	}
	/* The next request carries the id, so it is set behind the code's. */
	if (ctl->request_id != NULL &&
	    vault_set_request_id(*vault, vault_text(ctl->request_id)) != VAULT_OK)
		return ctl_failed(ctl, *vault, row);
	return CTL_DONE;
}
