/*
 * secret put and get: values from stdin, a file or a prompt, and their bytes as they are to a pipe.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/vaultctl/child.h"
#include "tools/vaultctl/command.h"
#include "tools/vaultctl/show.h"
#include "tools/vaultctl/source.h"

int
run_secret_put(struct ctl *ctl, struct args *args)
{
	bool terminal = isatty(STDIN_FILENO) == 1, given = args_given(args, "value");
	struct buf value = { 0 };
	int status = CTL_LOCAL;

	child_guard();
	if (given || !terminal) {
		if (given || args_add(ctl, args, "value", "-"))
			status = command_run(ctl, args);
	} else if (source_ask_twice(ctl, "Value: ", &value) &&
		   args_add_secret(ctl, args, "value", &value)) {
		status = command_run(ctl, args);
	}
	buf_free(&value);
	return status;
}

static int
write_value(const struct ctl *ctl, struct cursor result)
{
	struct cursor value;
	struct vault_bytes bytes;

	if (!show_entry(result, "value", &value) || !cursor_bytes(&value, &bytes))
		return ctl_local(ctl, "the daemon's answer holds no value");
	/* Not through stdio, whose buffer nobody wipes. */
	while (bytes.len > 0) {
		ssize_t n = write(STDOUT_FILENO, bytes.p, bytes.len);

		if (n < 0 && errno != EINTR)
			return ctl_local(ctl, "the value could not be written: %s",
					 strerror(errno));
		if (n > 0)
			bytes = (struct vault_bytes){ bytes.p + n, bytes.len - (size_t)n };
	}
	if (ctl_on_terminal())
		(void)!write(STDOUT_FILENO, "\n", 1);
	return CTL_DONE;
}

int
run_secret_get(struct ctl *ctl, struct args *args)
{
	struct cursor result = { NULL, NULL };
	struct vault *vault;
	int status;

	child_guard();
	if (ctl->format == CTL_JSON)
		return command_run(ctl, args);
	if (ctl_on_terminal() && !ctl->show)
		return ctl_usage(ctl,
				 "a secret is not written to a terminal unless --show asks for "
				 "it; send it to a pipe or a file");
	status = command_ask(ctl, args, &vault, &result);
	if (status == CTL_DONE)
		status = write_value(ctl, result);
	vault_close(vault);
	return status;
}
