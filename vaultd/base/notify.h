/*
 * What a service manager says and is told: sd_notify(3), the watchdog and socket activation
 * (sd_listen_fds(3)), by their documented protocols. All functions that read the environment remove
 * what they read, so that nobody inherits it.
 */
#ifndef BASE_NOTIFY_H
#define BASE_NOTIFY_H

#include <sys/types.h>

#include "protocol/error.h"

/* All zero but fd = -1: nobody listens, and everything below does nothing. */
struct notify {
	int fd;		       /* connected to the manager's socket */
	int64_t watchdog_usec; /* the longest silence the manager bears; 0: no watchdog */
};

/*
 * Connects to $NOTIFY_SOCKET; before the sandbox, which forbids reaching abstract sockets later.
 * Without the variable *notify is silent. VAULT_INVALID_PARAMS: the variables make no sense;
 * VAULT_INTERNAL: the socket cannot be reached.
 */
MUST_USE enum vault_err notify_open(struct notify *notify);
void notify_close(struct notify *notify);

/* None blocks; a message that the manager has no room for is lost. */
void notify_ready(const struct notify *notify);
void notify_reloading(const struct notify *notify);
void notify_stopping(const struct notify *notify);
void notify_watchdog(const struct notify *notify);
/* One line for systemctl status; cut at NOTIFY_STATUS_MAX bytes. */
#define NOTIFY_STATUS_MAX 200
void notify_status(const struct notify *notify, const char *status);

/* Sockets that the manager opened, by the names of vaultd.socket; -1 where it did not.
 * Close-on-exec is set. */
struct listen_fds {
	int app;   /* "vaultd" */
	int admin; /* "admin" */
};

/*
 * VAULT_INVALID_PARAMS where the manager passed something else than these two sockets, listening
 * and of AF_UNIX.
 */
MUST_USE enum vault_err notify_listen_fds(struct listen_fds *fds);

#endif
