/*
 * What a backup of the store is made of: one snapshot, and the items of each stream out of it. The
 * snapshot is a read transaction of its own, which keeps pages from being used again as long as it
 * lives.
 */
#ifndef CORE_BACKUP_SOURCE_H
#define CORE_BACKUP_SOURCE_H

#include "vaultd/core/backups.h"
#include "vaultd/store/snapshot.h"

struct store_snapshot {
	unsigned references; /* the slow lane's alone */
	struct txn *txn;
	struct snapshot_counts counts;
	struct backup_manifest manifest; /* the head of that moment */
	/* Of a split backup: the rows of the tenants' keys, rising. */
	uint64_t *wraps;
	size_t wrap_count;
};

/*
 * With one reference. split: with the rows of the tenants' keys. VAULT_BUSY where the root key is
 * being replaced at this moment, VAULT_TOO_LARGE beyond BACKUP_SPLIT_TENANTS_MAX.
 */
MUST_USE enum vault_err store_snapshot_new(struct op *op, bool split, struct store_snapshot **out);
/* What a source of backup_source_new reads. */
struct store_snapshot *backup_source_snapshot(struct backup_source *source);
void store_snapshot_release(struct store_snapshot *snapshot);

/* kind: BACKUP_KEYS for the tenants' keys alone, else all but what the snapshot splits off. */
MUST_USE enum vault_err backup_source_new(struct store_snapshot *snapshot, enum backup_kind kind,
					  struct backup_source **out);

#endif
