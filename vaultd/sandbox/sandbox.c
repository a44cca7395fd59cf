#include "vaultd/sandbox/sandbox.h"

#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "vaultd/sandbox/parts.h"

enum vault_err
sandbox_harden(void)
{
	const struct rlimit none = { 0, 0 };

	umask(077);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return VAULT_INTERNAL;
	return setrlimit(RLIMIT_CORE, &none) == 0 ? VAULT_OK : VAULT_INTERNAL;
}

enum vault_err
sandbox_enter(const struct sandbox_config *config, struct sandbox_level *level)
{
	struct sandbox_level entered = { 0 };

	/* Landlock first: its system calls are not on the list. */
	if (config->landlock)
		TRY(sandbox_landlock(&config->paths, &entered.landlock));
	if (config->seccomp)
		TRY(sandbox_seccomp(&entered.seccomp));
	*level = entered;
	return VAULT_OK;
}

const char *
sandbox_level_text(const struct sandbox_level *level, char out[SANDBOX_TEXT_MAX])
{
	if (level->landlock == 0)
		return level->seccomp ? "seccomp" : "off";
	snprintf(out, SANDBOX_TEXT_MAX, "landlock %d%s", level->landlock,
		 level->seccomp ? ", seccomp" : "");
	return out;
}
