/*
 * webhook sign, verify: headers as lines that curl -H takes, the payload from stdin where nothing
 * else is said.
 */
#include <stdio.h>
#include <unistd.h>

#include "tools/vaultctl/command.h"
#include "tools/vaultctl/json.h"
#include "tools/vaultctl/show.h"

static bool
payload_from_stdin(const struct ctl *ctl, struct args *args)
{
	if (args_given(args, "payload"))
		return true;
	if (isatty(STDIN_FILENO) == 1)
		ctl_note(ctl, "The payload is read from the terminal, up to Ctrl-D.");
	return args_add(ctl, args, "payload", "-");
}

/* Nothing that would end a line early, or steer a terminal. */
static void
put_safe(struct vault_text t)
{
	for (size_t i = 0; i < t.len; i++)
		putchar((unsigned char)t.p[i] < 0x20 || t.p[i] == 0x7f ? '?' : t.p[i]);
}

static void
header_lines(struct cursor headers)
{
	struct vault_text name, value;
	uint32_t n;

	if (!cursor_map(&headers, &n))
		return;
	for (uint32_t i = 0; i < n; i++) {
		if (!cursor_str(&headers, &name) || !cursor_str(&headers, &value))
			return;
		put_safe(name);
		fputs(": ", stdout);
		put_safe(value);
		putchar('\n');
	}
}

static int
show_headers(const struct ctl *ctl, const struct args *args, struct cursor result)
{
	struct cursor headers;

	if (!show_entry(result, "headers", &headers))
		return ctl_local(ctl, "the daemon's answer holds no headers");
	if (ctl->format == CTL_JSON)
		json_print(stdout, &result, args->row->result(), false);
	else
		header_lines(headers);
	return CTL_DONE;
}

int
run_webhook_sign(struct ctl *ctl, struct args *args)
{
	struct cursor result = { NULL, NULL };
	struct vault *vault = NULL;
	int status = CTL_LOCAL;

	if (payload_from_stdin(ctl, args))
		status = command_ask(ctl, args, &vault, &result);
	if (status == CTL_DONE)
		status = show_headers(ctl, args, result);
	vault_close(vault);
	return status;
}

int
run_webhook_verify(struct ctl *ctl, struct args *args)
{
	if (!args_given(args, "headers"))
		return ctl_usage(ctl, "give the headers that came with the message: "
				      "--header 'Name: value', several times, or --headers @FILE");
	return payload_from_stdin(ctl, args) ? command_run(ctl, args) : CTL_LOCAL;
}
