/*
 * Steps of start-up that others put in order.
 */
#ifndef VAULTD_START_H
#define VAULTD_START_H

#include "vaultd/config.h"
#include "vaultd/lanes/lanes.h"
#include "vaultd/net/listener.h"

/* The directory, made with this mode where it is missing; owned by us and not open to others. */
MUST_USE enum vault_err start_directory(const char *path, mode_t mode);
/* The same of one that must be there: VAULT_NOT_FOUND where it is not. */
MUST_USE enum vault_err start_directory_ours(const char *path);
MUST_USE enum vault_err start_group(const char *name, bool *set, gid_t *group);
/* Takes over fd where it is not -1, else makes the socket. */
MUST_USE enum vault_err start_listener(const struct listener_config *config, int fd,
				       struct listener *listener);
/*
 * Raises the limit of open files to what is allowed, and tells how many connections fit beside the
 * daemon's own.
 */
unsigned start_connections(unsigned wanted);
/* As configured, else half of all, but no fewer than a handful. */
unsigned start_connections_per_uid(const struct config *config);
/* As configured, all of them regular; else half the cores are (one at least), and a few stand by. */
struct start_workers {
	unsigned all, regular;
};
struct start_workers start_workers_wanted(const struct config *config);

#define START_SECRET_MAX 4096 /* bytes of a secret in a file, as sys.unseal takes them */
/* VAULT_NOT_FOUND where it cannot be opened, VAULT_INVALID_PARAMS where it is empty or too long. */
MUST_USE enum vault_err start_secret_read(const char *path, struct arena *arena,
					  struct secret *bytes);

/* A key file to unseal with, read before the sandbox closes it off; empty where there is none. */
struct start_key {
	struct secret bytes;
};
/*
 * The file that the configuration names, else $CREDENTIALS_DIRECTORY/vaultd.key, where there is
 * one.
 */
MUST_USE enum vault_err start_key_read(const char *configured, struct arena *arena,
				       struct start_key *key);
void start_key_free(struct start_key *key);
/* Asks the slow lane to unseal with the key, which is freed. */
void start_unseal(struct lanes *lanes, struct start_key *key);

#endif
