#include "vaultd/net/peer.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "vaultd/net/unit.h"

#define GROUPS_USUAL 64	       /* supplementary groups that need no allocation */
#define GROUPS_MAX NGROUPS_MAX /* the kernel gives a process no more: setgroups(2) */
#define ID_NONE UINT32_MAX     /* no uid or gid: what the kernel tells where it noted none */

struct groups {
	uint32_t usual[GROUPS_USUAL];
	uint32_t *many; /* NULL, or where they are instead */
	size_t count;
};

static enum vault_err
read_credentials(int fd, struct identity *who)
{
	struct ucred cred;
	socklen_t len = sizeof cred;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0 || len != sizeof cred ||
	    cred.uid == ID_NONE || cred.gid == ID_NONE)
		return VAULT_DENIED;
	who->uid = cred.uid;
	who->gid = cred.gid;
	who->pid = cred.pid;
	return VAULT_OK;
}

/* The kernel's note does not change, so that the size it asks for once is the size. */
static enum vault_err
read_many_groups(int fd, size_t bytes, struct groups *groups)
{
	socklen_t len = (socklen_t)bytes;

	if (bytes > GROUPS_MAX * sizeof groups->many[0])
		return VAULT_DENIED;
	groups->many = malloc(bytes);
	if (groups->many == NULL)
		return VAULT_BUSY;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups->many, &len) != 0 || len != bytes)
		return VAULT_DENIED;
	groups->count = bytes / sizeof groups->many[0];
	return VAULT_OK;
}

static enum vault_err
read_groups(int fd, struct groups *groups)
{
	socklen_t len = sizeof groups->usual;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups->usual, &len) != 0)
		return errno == ERANGE ? read_many_groups(fd, len, groups) : VAULT_DENIED;
	groups->count = len / sizeof groups->usual[0];
	return VAULT_OK;
}

static enum vault_err
read_identity(int fd, struct identity *who, struct groups *groups)
{
	TRY(read_credentials(fd, who));
	TRY(read_groups(fd, groups));
	who->groups = groups->many != NULL ? groups->many : groups->usual;
	who->group_count = groups->count;
	return unit_of_peer(fd, who->unit);
}

enum vault_err
peer_session(int fd, bool admin_socket, struct session **session)
{
	struct identity who = { .admin_socket = admin_socket };
	struct groups groups = { .count = 0 };
	struct session *made = NULL;
	enum vault_err err = read_identity(fd, &who, &groups);

	if (err == VAULT_OK) {
		made = session_new(&who);
		err = made == NULL ? VAULT_BUSY : VAULT_OK;
	}
	free(groups.many);
	TRY(err);
	*session = made;
	return VAULT_OK;
}
