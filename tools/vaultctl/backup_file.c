#include "tools/vaultctl/backup_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool
backup_file_open(const struct ctl *ctl, const char *path, const char *suffix, bool replace,
		 struct backup_file *file)
{
	struct stat st;
	int n = snprintf(file->path, sizeof file->path, "%s%s", path, suffix);

	file->replace = replace;
	if (n < 0 || (size_t)n >= sizeof file->path) {
		ctl_local(ctl, "the file's name is too long");
		return false;
	}
	if (!replace && lstat(file->path, &st) == 0) {
		ctl_local(ctl, "%s is there already; --force replaces it", file->path);
		return false;
	}
	snprintf(file->temporary, sizeof file->temporary, "%s.%ld.new", file->path, (long)getpid());
	file->fd =
		open(file->temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (file->fd >= 0)
		return true;
	ctl_local(ctl, "%s: %m", file->temporary);
	file->temporary[0] = '\0';
	return false;
}

bool
backup_file_write(const struct ctl *ctl, struct backup_file *file, struct vault_bytes bytes)
{
	while (bytes.len > 0) {
		ssize_t n = write(file->fd, bytes.p, bytes.len);

		if (n < 0 && errno != EINTR) {
			ctl_local(ctl, "%s: %m", file->temporary);
			return false;
		}
		if (n > 0)
			bytes = (struct vault_bytes){ bytes.p + n, bytes.len - (size_t)n };
	}
	return true;
}

bool
backup_file_sync(const struct ctl *ctl, struct backup_file *file)
{
	if (fsync(file->fd) == 0)
		return true;
	ctl_local(ctl, "%s: %m", file->temporary);
	return false;
}

/* The name is on the disk once its directory is. */
static bool
sync_directory(const struct ctl *ctl, const struct backup_file *file)
{
	char copy[BACKUP_PATH_MAX];
	bool good;
	int fd;

	snprintf(copy, sizeof copy, "%s", file->path);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	good = fd >= 0 && fsync(fd) == 0;
	if (!good)
		ctl_local(ctl, "the directory of %s: %m", file->path);
	if (fd >= 0)
		close(fd);
	return good;
}

/* Where the file system cannot rename without replacing, a second link can be made without. */
static int
give_name(const struct backup_file *file)
{
	if (file->replace)
		return rename(file->temporary, file->path);
	if (renameat2(AT_FDCWD, file->temporary, AT_FDCWD, file->path, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
	return link(file->temporary, file->path) == 0 ? unlink(file->temporary) : -1;
}

bool
backup_file_keep(const struct ctl *ctl, struct backup_file *file)
{
	if (give_name(file) != 0) {
		ctl_local(ctl, "%s: %m", file->path);
		return false;
	}
	file->temporary[0] = '\0';
	return sync_directory(ctl, file);
}

void
backup_file_close(struct backup_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	if (file->temporary[0] != '\0')
		unlink(file->temporary);
	file->fd = -1;
	file->temporary[0] = '\0';
}
