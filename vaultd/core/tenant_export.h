/*
 * A tenant as another vault can take it over: its records, opened, in the sealed container of
 * backups (kind BACKUP_TENANT), to a passphrase. What hangs from a store's keys or numbers is left
 * out and made anew where it is imported.
 */
#ifndef CORE_TENANT_EXPORT_H
#define CORE_TENANT_EXPORT_H

#include "vaultd/core/backups.h"
#include "vaultd/core/tenant.h"

/* Behind a record's place: the version that its row is bound to. */
#define EXPORT_VERSION_BYTES 4

/* On the slow lane: begins that of the operation's tenant, to be read as a backup is. */
MUST_USE enum vault_err tenant_export(struct op *op, struct vault_bytes passphrase,
				      struct backup **backup);

#endif
