#include "vaultd/restore_place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vaultd/base/log.h"
#include "vaultd/start.h"

#define TREE_DEPTH 3 /* of directories in the part */

/* What is moved into place before the store is. */
static const char *const parts[] = { "anchor", "audit" };
#define PARTS (sizeof parts / sizeof parts[0])

static DIR *
list(int parent, const char *name)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (dir == NULL && fd >= 0)
		close(fd);
	return dir;
}

static bool
is_entry(const struct dirent *entry)
{
	return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static bool
empty_but_part(int dir)
{
	const struct dirent *entry;
	bool empty = true;
	DIR *found = list(dir, ".");

	if (found == NULL)
		return false;
	while ((entry = readdir(found)) != NULL)
		if (is_entry(entry) && strcmp(entry->d_name, RESTORE_PART) != 0)
			empty = false;
	closedir(found);
	return empty;
}

enum vault_err
restore_place_open(struct restore_place *place, const char *into)
{
	enum vault_err err = start_directory_ours(into);

	if (err == VAULT_NOT_FOUND) {
		log_error("make it first: install -d -m 700 -o vaultd -g vaultd %s", into);
		return VAULT_CONFLICT;
	}
	TRY(err);
	if (snprintf(place->part, sizeof place->part, "%s/" RESTORE_PART, into) >=
	    (int)sizeof place->part)
		return VAULT_INVALID_PARAMS;
	place->dir = open(into, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (place->dir < 0) {
		log_error("%s: %s", into, strerror(errno));
		return VAULT_INTERNAL;
	}
	if (!empty_but_part(place->dir)) {
		log_error("%s is not empty: a restore goes into an empty directory only", into);
		return VAULT_EXISTS;
	}
	return VAULT_OK;
}

/* False where something stays. Depth is bounded, because the part holds no more. */
static bool
remove_tree(int parent, const char *name, int depth)
{
	const struct dirent *entry;
	bool gone = true;
	DIR *dir = list(parent, name);

	if (dir == NULL)
		return unlinkat(parent, name, 0) == 0 || errno == ENOENT;
	while ((entry = readdir(dir)) != NULL) {
		if (!is_entry(entry))
			continue;
		if (unlinkat(dirfd(dir), entry->d_name, 0) != 0 &&
		    (depth == 0 || !remove_tree(dirfd(dir), entry->d_name, depth - 1)))
			gone = false;
	}
	closedir(dir);
	return unlinkat(parent, name, AT_REMOVEDIR) == 0 && gone;
}

/* Whether another restore is at work in the part. */
static bool
part_in_use(int dir)
{
	int lock = openat(dir, RESTORE_PART "/lock", O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	bool used = lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) != 0;

	if (lock >= 0)
		close(lock);
	return used;
}

enum vault_err
restore_place_make(struct restore_place *place)
{
	if (part_in_use(place->dir)) {
		log_error("another restore into this directory is under way");
		return VAULT_BUSY;
	}
	if (faccessat(place->dir, RESTORE_PART, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
		log_info("removing what an interrupted restore left");
		if (!remove_tree(place->dir, RESTORE_PART, TREE_DEPTH)) {
			log_error("%s cannot be removed: %s", place->part, strerror(errno));
			return VAULT_INTERNAL;
		}
	}
	if (mkdirat(place->dir, RESTORE_PART, 0700) != 0) {
		log_error("%s: %s", place->part, strerror(errno));
		return errno == ENOSPC ? VAULT_STORAGE_FULL : VAULT_INTERNAL;
	}
	place->made = true;
	return VAULT_OK;
}

enum vault_err
restore_place_directory(struct restore_place *place, const char *name)
{
	char path[CONFIG_PATH_MAX + 32];

	snprintf(path, sizeof path, "%s/%s", RESTORE_PART, name);
	return mkdirat(place->dir, path, 0700) == 0 ? VAULT_OK : VAULT_STORAGE_FULL;
}

/* Onto the disk: what LMDB wrote to a copy of its own it did not flush. */
static bool
flush_file(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	bool flushed = fd >= 0 && fsync(fd) == 0;

	if (fd >= 0)
		close(fd);
	return flushed;
}

static bool
move(const struct restore_place *place, const char *from, const char *to)
{
	char path[CONFIG_PATH_MAX + 32];

	snprintf(path, sizeof path, "%s/%s", RESTORE_PART, from);
	if (renameat2(place->dir, path, place->dir, to, RENAME_NOREPLACE) == 0)
		return true;
	log_error("%s cannot be moved into place: %s", to, strerror(errno));
	return false;
}

/* What was moved already goes; what stands in its way is somebody else's, and stays. */
static enum vault_err
undo(const struct restore_place *place, size_t moved, bool store)
{
	if (store)
		(void)remove_tree(place->dir, "store", TREE_DEPTH);
	for (size_t i = 0; i < moved; i++)
		(void)remove_tree(place->dir, parts[i], TREE_DEPTH);
	return VAULT_INTERNAL;
}

/* The store comes last: without it a daemon takes the directory for one that nobody initialised. */
enum vault_err
restore_place_finish(struct restore_place *place, const char *store)
{
	char path[CONFIG_PATH_MAX + 32];

	snprintf(path, sizeof path, "%s/%s/data.mdb", RESTORE_PART, store);
	if (!flush_file(place->dir, path)) {
		log_error("the store cannot be flushed: %s", strerror(errno));
		return VAULT_INTERNAL;
	}
	snprintf(path, sizeof path, "%s/%s", RESTORE_PART, store);
	if (!flush_file(place->dir, path) || !flush_file(place->dir, RESTORE_PART "/audit"))
		return VAULT_INTERNAL;
	for (size_t i = 0; i < PARTS; i++) {
		if (!move(place, parts[i], parts[i]))
			return undo(place, i, false);
		if (fsync(place->dir) != 0)
			return undo(place, i + 1, false);
	}
	if (!move(place, store, "store"))
		return undo(place, PARTS, false);
	return fsync(place->dir) == 0 ? VAULT_OK : undo(place, PARTS, true);
}

void
restore_place_close(struct restore_place *place)
{
	if (place->made && !remove_tree(place->dir, RESTORE_PART, TREE_DEPTH))
		log_warning("%s cannot be removed: %s", place->part, strerror(errno));
	place->made = false;
	if (place->dir >= 0)
		close(place->dir);
	place->dir = -1;
}
