/*
 * Who is at the other end, from the kernel.
 */
#ifndef NET_PEER_H
#define NET_PEER_H

#include "vaultd/dispatch.h"

/*
 * A session of the credentials that the kernel noted at connect. VAULT_DENIED where any of them
 * cannot be read, VAULT_BUSY when memory is short.
 */
MUST_USE enum vault_err peer_session(int fd, bool admin_socket, struct session **session);

#endif
