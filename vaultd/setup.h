/*
 * What the daemon and the commands that work on its state have in common: configuration, secret
 * memory, the state directory, the store, confinement. The functions are to be called in the order
 * they stand in; each says on the log why it failed.
 */
#ifndef VAULTD_SETUP_H
#define VAULTD_SETUP_H

#include "vaultd/config.h"
#include "vaultd/core/vault.h"
#include "vaultd/sandbox/sandbox.h"

/* Directories and the file as the command line gave them, NULL where it did not. */
struct setup_options {
	const char *config, *state, *runtime;
};

/* Made by SETUP_EMPTY, ended by setup_close, whatever became of what stands between. */
struct setup {
	struct config config;
	int state_dir, lock, anchor_dir;
	char anchor_path[CONFIG_PATH_MAX + 8];
	struct vault vault;
	char sandbox_text[SANDBOX_TEXT_MAX];
};
#define SETUP_EMPTY                                                                                \
	{                                                                                          \
		.state_dir = -1, .lock = -1, .anchor_dir = -1                                      \
	}

/* The configuration with the command line over it; VAULT_INVALID_PARAMS where it has errors. */
MUST_USE enum vault_err setup_config(const struct setup_options *options, struct config *config);
MUST_USE enum vault_err setup_memory(struct setup *setup);
/*
 * Root becomes the user whom the state belongs to, for good, so that what is written there can be
 * read by the daemon. Anybody else stays who he is.
 */
MUST_USE enum vault_err setup_become_owner(const struct setup *setup);
/*
 * Opens the state directory, which must be there, and locks it; VAULT_BUSY where another vaultd
 * has it.
 */
MUST_USE enum vault_err setup_state(struct setup *setup);
/*
 * Opens the store and the anchor's directory in STATE, which are made where they are missing, and
 * tells vault.state. An anchor's directory that is configured must be there.
 */
MUST_USE enum vault_err setup_store(struct setup *setup);
/* runtime: NULL where no socket is to be served. */
MUST_USE enum vault_err setup_sandbox(struct setup *setup, const char *runtime);
void setup_close(struct setup *setup);

#endif
