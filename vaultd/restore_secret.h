/*
 * What a backup is opened with: a slot's secret, the backup's own passphrase, or the private half
 * of the recipient that it was made for.
 */
#ifndef VAULTD_RESTORE_SECRET_H
#define VAULTD_RESTORE_SECRET_H

#include "vaultd/backup/backup_opener.h"
#include "vaultd/command.h"

/* As the command line names it; an identity, or one of what opens slots. */
struct restore_source {
	struct command_secret from;
	const char *identity;
	struct vault_text slot; /* p NULL: any */
};

/*
 * Reads the files; *bytes stays empty where none was named, and it is to be asked for.
 * VAULT_INVALID_PARAMS, told already.
 */
MUST_USE enum vault_err restore_secret_read(const struct restore_source *source,
					    struct arena *arena, struct secret *bytes);
/* The secret as it is tried; borrows bytes. */
struct backup_secret restore_secret_of(const struct restore_source *source,
				       const struct secret *bytes);

#endif
