/*
 * Who is at the other end, from the kernel.
 */
#ifndef NET_PEER_H
#define NET_PEER_H

#include "vaultd/dispatch.h"

/*
 * A session of what the kernel noted at connect: uid, gid, pid, supplementary groups; and of the
 * systemd unit that the process is in now. VAULT_DENIED where any of them cannot be read (a kernel
 * that has no SO_PEERPIDFD, or a process that has ended, only leaves the unit empty: unit.h);
 * VAULT_BUSY when memory is short.
 */
MUST_USE enum vault_err peer_session(int fd, bool admin_socket, struct session **session);

#endif
