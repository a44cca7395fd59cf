/*
 * Who is at the other end, from the kernel.
 */
#ifndef NET_PEER_H
#define NET_PEER_H

#include "vaultd/dispatch.h"

/*
 * Reads the credentials that the kernel noted at connect. VAULT_DENIED where any of them cannot be
 * read.
 */
MUST_USE enum vault_err peer_identity(int fd, bool admin_socket, struct identity *who);

#endif
