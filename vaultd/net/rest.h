/*
 * Connections that rest: a request of theirs was refused as limited, and for a millisecond they are
 * neither read nor run. The worker's thread.
 */
#ifndef NET_REST_H
#define NET_REST_H

struct conn;
struct worker;

void rest_init(struct worker *worker);
void rest_free(struct worker *worker);
/* From here on the connection rests. */
void rest_begin(struct conn *conn);
/* At a turn's end: sees that who rests is woken. */
void rest_arm(struct worker *worker);

#endif
