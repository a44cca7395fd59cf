/*
 * Where a store is restored to: everything is made in INTO/restore.part, a state directory that no
 * daemon looks at, and moved into place when it is whole. Functions say on the log why they failed.
 */
#ifndef VAULTD_RESTORE_PLACE_H
#define VAULTD_RESTORE_PLACE_H

#include "vaultd/config.h"

#define RESTORE_PART "restore.part"

struct restore_place {
	int dir;		    /* INTO; -1: not open */
	char part[CONFIG_PATH_MAX]; /* INTO/restore.part */
	bool made;		    /* there is something to be removed */
};

/*
 * Opens the directory, which must be there, ours and empty but for what an interrupted restore left.
 * VAULT_EXISTS where it is not empty.
 */
MUST_USE enum vault_err restore_place_open(struct restore_place *place, const char *into);
/* Removes what an interrupted restore left, and makes the part anew. */
MUST_USE enum vault_err restore_place_make(struct restore_place *place);
/* An empty directory in the part. */
MUST_USE enum vault_err restore_place_directory(struct restore_place *place, const char *name);
/*
 * Moves the audit and the store, which has that name in the part, into place; from then on a daemon
 * starts on them. Nothing of them may be open.
 */
MUST_USE enum vault_err restore_place_finish(struct restore_place *place, const char *store);
/* Removes what was made and is not in place, and closes. */
void restore_place_close(struct restore_place *place);

#endif
