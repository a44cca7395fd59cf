/*
 * Reading a backup's file, without a daemon.
 */
#ifndef VAULTCTL_BACKUP_READ_H
#define VAULTCTL_BACKUP_READ_H

#include "tools/vaultctl/ctl.h"
#include "vaultd/backup/backup_opener.h"
#include "vaultd/backup/backup_reader.h"

/* What became of reading one file whole. */
struct backup_reading {
	const char *path;
	struct backup_header header;
	struct backup_manifest manifest;
	bool opened; /* every chunk and item */
};

/*
 * Reads all of it; with a secret (NULL: none) opens all of it too. VAULT_INTEGRITY, VAULT_UNSUPPORTED
 * and what backup_open says are answered silently; VAULT_INTERNAL: the file could not be read, told.
 */
enum vault_err backup_read_whole(struct ctl *ctl, const struct backup_secret *secret,
				 struct arena *arena, struct backup_reading *reading);
/* Header and manifest alone, without reading what lies between; as above. */
enum vault_err backup_read_ends(const struct ctl *ctl, struct backup_reading *reading);

#endif
