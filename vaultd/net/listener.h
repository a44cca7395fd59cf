/*
 * The two sockets: made right before anyone can connect, or taken over from the service manager.
 */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include <sys/stat.h>
#include <sys/types.h>

#include "protocol/error.h"

#define LISTENER_PATH_MAX 108 /* sun_path */

struct listener {
	int fd; /* -1: none */
	bool admin;
	bool ours; /* made here, so removed here */
	char path[LISTENER_PATH_MAX];
	dev_t device;
	ino_t inode;
};

struct listener_config {
	const char *directory; /* RUNTIME */
	const char *name;      /* "vaultd.sock" */
	bool admin;
	bool group_set;
	gid_t group;
};

/*
 * Binds under umask 077, sets group and mode, then listens. A socket that a dead daemon left, which
 * refuses connections, is replaced. VAULT_BUSY where a living one answers there; *why is a string
 * constant.
 */
MUST_USE enum vault_err listener_open(const struct listener_config *config,
				      struct listener *listener, const char **why);
/* Takes over a listening socket. */
void listener_adopt(struct listener *listener, int fd, bool admin);
/* Closes, and removes the socket if it is still the one that was made. */
void listener_close(struct listener *listener);

#endif
