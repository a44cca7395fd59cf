/*
 * run: one command with secrets in its environment or its file descriptors.
 */
#include <ctype.h>
#include <string.h>

#include "protocol/text.h"
#include "tools/vaultctl/child.h"
#include "tools/vaultctl/command.h"

#define SCHEME "secret:"

const struct extra run_extras[] = {
	{ "env", "NAME=secret:SECRET", "the secret as the variable's value" },
	{ "file", "NAME=secret:SECRET", "the variable names a file in memory that holds it" },
	{ NULL, NULL, NULL },
};

/* "NAME=secret:db/password" in its parts. */
static bool
parse(const struct ctl *ctl, const char *option, const char *value, struct vault_text *name,
      struct vault_text *secret)
{
	const char *equals = strchr(value, '=');
	bool good = equals != NULL && equals != value && isdigit((unsigned char)value[0]) == 0;

	for (const char *p = value; good && p < equals; p++)
		good = isalnum((unsigned char)*p) != 0 || *p == '_';
	if (!good || strncmp(equals + 1, SCHEME, strlen(SCHEME)) != 0) {
		ctl_usage(ctl,
			  "--%s takes NAME=secret:SECRET, as in DB_PASSWORD=secret:db/password",
			  option);
		return false;
	}
	*name = (struct vault_text){ value, (size_t)(equals - value) };
	*secret = text_of(equals + 1 + strlen(SCHEME));
	return true;
}

static int
give_one(const struct ctl *ctl, struct vault *vault, struct child *child, const char *option,
	 const char *value)
{
	struct vault_secret_get_req req = { .tenant = vault_text(ctl->tenant) };
	struct vault_secret_get_res res;
	struct vault_text name;

	if (!parse(ctl, option, value, &name, &req.name))
		return CTL_LOCAL;
	if (vault_secret_get(vault, &req, &res) != VAULT_OK) {
		ctl_note(ctl, "%s:", value);
		return ctl_failed(ctl, vault, op_find(TEXT_LITERAL("secret.get")));
	}
	return (strcmp(option, "env") == 0 ? child_give : child_give_file)(ctl, child, name,
									   res.value)
		       ? CTL_DONE
		       : CTL_LOCAL;
}

static int
give_all(struct ctl *ctl, const struct args *args, struct child *child)
{
	struct vault *vault = NULL;
	int status = ctl_connect(ctl, op_find(TEXT_LITERAL("secret.get")), &vault);

	for (size_t i = 0; i < args->given_n && status == CTL_DONE; i++)
		status = give_one(ctl, vault, child, args->given[i].extra->name,
				  args->given[i].value);
	vault_close(vault);
	return status;
}

int
run_run(struct ctl *ctl, struct args *args)
{
	struct child child = { .n = 0 };
	int status;

	if (args->command == NULL || args->command[0] == NULL || args->words_n > 0)
		return ctl_usage(ctl, "what to run stands behind --: vaultctl run --env "
				      "DB_PASSWORD=secret:db/password -- ./server");
	if (ctl->tenant == NULL && args->given_n > 0)
		return ctl_usage(ctl, "--tenant is required (or set VAULTD_TENANT)");
	child_guard();
	status = args->given_n == 0 ? CTL_DONE : give_all(ctl, args, &child);
	if (status == CTL_DONE) {
		status = child_run(ctl, &child, args->command);
		if (status < 0)
			status = CTL_LOCAL;
	}
	child_free(&child);
	return status;
}
