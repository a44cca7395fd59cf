/*
 * The server: listeners, workers, signals, and what must be done by the main thread alone: sealing
 * and stopping.
 */
#ifndef NET_SERVER_H
#define NET_SERVER_H

#include "vaultd/lanes/lanes.h"
#include "vaultd/net/listener.h"

#define WORKERS_MAX 64

struct server;

struct server_config {
	struct vault *vault;
	struct lanes *lanes;
	struct listener *app, *admin;
	unsigned workers; /* at most WORKERS_MAX */
	unsigned regular; /* those of them that new connections go to; the others are spare */
	unsigned max_connections;
	unsigned max_connections_per_uid;
	struct limit_rate uid_rate; /* of a caller's requests, before anything is parsed */
	size_t cache_limit;	    /* bytes of the arena for each worker */
	void (*reload)(void *arg);  /* SIGHUP */
	void (*ready)(void *arg);   /* once connections are accepted */
	void (*beat)(void *arg);    /* every second */
	void *arg;
};

/* Starts the workers and serves until SIGTERM or SIGINT, then answers what is in flight. */
MUST_USE enum vault_err server_run(const struct server_config *config);

/* From any thread: a request that the main thread is to run. False when the server is stopping. */
bool server_queue(struct server *server, struct job *job);

/*
 * The end of the vault's being open: signs and flushes the audit, commits its head, forgets every
 * key.
 */
void server_close_vault(struct vault *vault);

#endif
