/*
 * How connections come to a worker: from main when they are accepted, from another worker that has
 * more to do. Either way they stand in the worker's list of arrivals until its next turn.
 */
#ifndef NET_INTAKE_H
#define NET_INTAKE_H

#include "vaultd/net/worker.h"

/*
 * From any thread: a new connection, which the worker owns from then on with its session, as it does
 * its count in uid->connections. False, with both still the caller's, when memory is short.
 */
bool intake_new(struct worker *worker, int fd, struct session *session, struct uid_place *uid);
/*
 * From the connection's worker: it is the other's from here on. False where that one is stopping.
 * Whether the connection may leave is for conn_may_leave() to say.
 */
bool intake_give(struct conn *conn, struct worker *to);
/* The worker's own: makes what arrived its own. */
void intake_take(struct worker *worker);

#endif
