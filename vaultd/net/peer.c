#include "vaultd/net/peer.h"

#include <sys/socket.h>

enum vault_err
peer_session(int fd, bool admin_socket, struct session **session)
{
	struct ucred cred;
	socklen_t len = sizeof cred;
	struct identity who;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0 || len != sizeof cred)
		return VAULT_DENIED;
	who = (struct identity){
		.uid = cred.uid, .gid = cred.gid, .pid = cred.pid, .admin_socket = admin_socket
	};
	*session = session_new(&who);
	return *session == NULL ? VAULT_BUSY : VAULT_OK;
}
