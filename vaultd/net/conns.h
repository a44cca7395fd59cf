/*
 * A worker's connections, in its lists and by id: a place in its table, and a count that is never used again, so that
 * a reply to a connection that is gone finds nobody.
 */
#ifndef NET_CONNS_H
#define NET_CONNS_H

#include "vaultd/net/worker.h"

/* Gives the connection its id. False when memory is short. */
bool conns_add(struct worker *worker, struct conn *conn);
/* Takes it out of all of its worker's lists. */
void conns_remove(struct conn *conn);
/* NULL where there is none of that id any more. */
struct conn *conns_find(const struct worker *worker, uint64_t id);

#endif
