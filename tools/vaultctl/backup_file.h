/*
 * A file that is there whole or not at all: written under a temporary name in its directory, mode
 * 0600, and given its own once it is on the disk.
 */
#ifndef VAULTCTL_BACKUP_FILE_H
#define VAULTCTL_BACKUP_FILE_H

#include "tools/vaultctl/ctl.h"

#define BACKUP_PATH_MAX 4096

struct backup_file {
	char path[BACKUP_PATH_MAX];
	char temporary[BACKUP_PATH_MAX + 32]; /* empty: there is none */
	int fd;
	bool replace; /* whatever stands there already */
};
#define BACKUP_FILE_NONE                                                                           \
	{                                                                                          \
		.fd = -1                                                                           \
	}

/* suffix stands behind path. The functions answer false having told why. */
bool backup_file_open(const struct ctl *ctl, const char *path, const char *suffix, bool replace,
		      struct backup_file *file);
bool backup_file_write(const struct ctl *ctl, struct backup_file *file, struct vault_bytes bytes);
/* On the disk, still under the temporary name. */
bool backup_file_sync(const struct ctl *ctl, struct backup_file *file);
/* Gives it its name. */
bool backup_file_keep(const struct ctl *ctl, struct backup_file *file);
/* Closes, and removes what was not kept. */
void backup_file_close(struct backup_file *file);

#endif
