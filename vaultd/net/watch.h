/*
 * A worker's subscriptions: which of its connections are told of events, and the telling. All on
 * the worker's thread.
 */
#ifndef NET_WATCH_H
#define NET_WATCH_H

#include "vaultd/net/conn.h"

/* Unsent bytes above which a notification closes the connection instead. */
#define WATCH_UNSENT_MAX (4u << 20)
/* Events told in one turn; what is left is told in the next. */
#define WATCH_TURN_MAX 64

/*
 * The connection asked for this, which is taken over. It counts from the turn's end, when the
 * reply that promises it is on its way, and then replaces what the connection had.
 */
void watch_ask(struct conn *conn, struct subscription *subscription);
/* The reply could not be given: what was asked for in this turn is forgotten. */
void watch_forget(struct conn *conn);
/* Ends what the connection has. */
void watch_drop(struct conn *conn);

/* At a turn's end, before anything is sent: begins what was asked for, tells what happened. */
void watch_turn(struct worker *worker);

#endif
