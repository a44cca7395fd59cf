/*
 * Landlock by its system calls (there is no library for it, and Debian 12's headers know version 2
 * only). Everything that a version can forbid is forbidden, then given back for the directories
 * listed. The versions are those of Documentation/userspace-api/landlock.rst in the Linux tree.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vaultd/sandbox/parts.h"

#define VERSION_USED 7 /* the newest version whose rights are known here */

#define FS_EXECUTE (1ULL << 0)
#define FS_WRITE_FILE (1ULL << 1)
#define FS_READ_FILE (1ULL << 2)
#define FS_READ_DIR (1ULL << 3)
#define FS_REMOVE_DIR (1ULL << 4)
#define FS_REMOVE_FILE (1ULL << 5)
#define FS_MAKE_CHAR (1ULL << 6)
#define FS_MAKE_DIR (1ULL << 7)
#define FS_MAKE_REG (1ULL << 8)
#define FS_MAKE_SOCK (1ULL << 9)
#define FS_MAKE_FIFO (1ULL << 10)
#define FS_MAKE_BLOCK (1ULL << 11)
#define FS_MAKE_SYM (1ULL << 12)
#define FS_REFER (1ULL << 13)	  /* version 2: rename between directories */
#define FS_TRUNCATE (1ULL << 14)  /* version 3 */
#define FS_IOCTL_DEV (1ULL << 15) /* version 5 */

#define NET_BIND_TCP (1ULL << 0) /* version 4 */
#define NET_CONNECT_TCP (1ULL << 1)

#define SCOPE_ABSTRACT_UNIX_SOCKET (1ULL << 0) /* version 6 */
#define SCOPE_SIGNAL (1ULL << 1)

#define FS_OF_VERSION_1 (FS_REFER - 1)
#define FS_OF_FILES                                                                                \
	(FS_READ_FILE | FS_WRITE_FILE | FS_TRUNCATE) /* what a rule for a file may hold */
#define FS_READING (FS_READ_FILE | FS_READ_DIR)
#define FS_WRITING                                                                                 \
	(FS_READING | FS_WRITE_FILE | FS_REMOVE_DIR | FS_REMOVE_FILE | FS_MAKE_DIR | FS_MAKE_REG | \
	 FS_MAKE_SOCK | FS_REFER | FS_TRUNCATE)

#define CREATE_RULESET_VERSION 1u
#define RULE_PATH_BENEATH 1

/* struct landlock_ruleset_attr of version 6; older kernels take it while what they do not know is
 * 0. */
struct ruleset {
	uint64_t fs;
	uint64_t net;
	uint64_t scoped;
};

/* struct landlock_path_beneath_attr */
struct path_beneath {
	uint64_t allowed;
	int32_t parent;
} __attribute__((packed));

static struct ruleset
ruleset_of(int version)
{
	struct ruleset set = { .fs = FS_OF_VERSION_1 };

	if (version >= 2)
		set.fs |= FS_REFER;
	if (version >= 3)
		set.fs |= FS_TRUNCATE;
	if (version >= 4)
		set.net = NET_BIND_TCP | NET_CONNECT_TCP;
	if (version >= 5)
		set.fs |= FS_IOCTL_DEV;
	if (version >= 6)
		set.scoped = SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL;
	return set;
}

/* Allows access to what is beneath path, or to the file it is; a missing path is VAULT_NOT_FOUND.
 */
static enum vault_err
allow(int ruleset, const char *path, uint64_t access)
{
	struct path_beneath rule = { .allowed = access };
	struct stat st;
	long added = -1;

	rule.parent = open(path, O_PATH | O_CLOEXEC);
	if (rule.parent < 0)
		return errno == ENOENT ? VAULT_NOT_FOUND : VAULT_INTERNAL;
	if (fstat(rule.parent, &st) == 0) {
		if (!S_ISDIR(st.st_mode))
			rule.allowed &= FS_OF_FILES;
		added = syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule, 0u);
	}
	close(rule.parent);
	return added == 0 ? VAULT_OK : VAULT_INTERNAL;
}

static enum vault_err
allow_paths(int ruleset, const struct sandbox_paths *paths, uint64_t handled)
{
	/* Peers' pids and cgroups (net/unit.h), and what the C library asks of this process. */
	TRY(allow(ruleset, "/proc", FS_READING));
	for (const char *const *path = paths->read; *path != NULL; path++) {
		enum vault_err err = allow(ruleset, *path, FS_READING);

		if (err != VAULT_OK && err != VAULT_NOT_FOUND)
			return err;
	}
	for (const char *const *path = paths->write; *path != NULL; path++)
		if (allow(ruleset, *path, FS_WRITING & handled) != VAULT_OK)
			return VAULT_INTERNAL;
	return VAULT_OK;
}

static enum vault_err
enter(int ruleset, const struct sandbox_paths *paths, uint64_t handled)
{
	TRY(allow_paths(ruleset, paths, handled));
	/* The kernel asks for it; sandbox_harden may not have run in a test. */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return VAULT_INTERNAL;
	return syscall(SYS_landlock_restrict_self, ruleset, 0u) == 0 ? VAULT_OK : VAULT_INTERNAL;
}

enum vault_err
sandbox_landlock(const struct sandbox_paths *paths, int *version)
{
	long known = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION);
	struct ruleset set;
	enum vault_err err;
	int fd;

	/* ENOSYS: not compiled in; EOPNOTSUPP: switched off at boot. */
	if (known < 0 && (errno == ENOSYS || errno == EOPNOTSUPP)) {
		*version = 0;
		return VAULT_OK;
	}
	if (known < 1)
		return VAULT_INTERNAL;
	if (known > VERSION_USED)
		known = VERSION_USED;
	set = ruleset_of((int)known);
	fd = (int)syscall(SYS_landlock_create_ruleset, &set, sizeof set, 0u);
	if (fd < 0)
		return VAULT_INTERNAL;
	err = enter(fd, paths, set.fs);
	close(fd);
	if (err == VAULT_OK)
		*version = (int)known;
	return err;
}
