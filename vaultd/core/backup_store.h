/*
 * A backup of the whole store from one snapshot, while writes go on.
 */
#ifndef CORE_BACKUP_STORE_H
#define CORE_BACKUP_STORE_H

#include "vaultd/core/backups.h"

#define BACKUP_SPLIT_TENANTS_MAX (1u << 20) /* whose keys one split backup can tell from the rest */

struct backup_wish {
	struct vault_bytes passphrase; /* p NULL: none */
	struct vault_text recipient;   /* likewise; with neither, to the store's slots */
	bool split;
};
/* Begins it: one stream, or two where it is split. The right to it was looked at already. */
MUST_USE enum vault_err backup_store_begin(struct op *op, const struct backup_wish *wish,
					   struct backup **backup);

#endif
