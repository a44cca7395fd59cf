#include "vaultd/net/intake.h"

#include <stdlib.h>

#include "vaultd/net/conns.h"

/* A stopping worker takes whom it owes an answer: requests that were read where he came from. */
static void
adopt(struct worker *worker, struct conn *conn)
{
	bool wanted = !worker->stopping || buf_len(&conn->in) > 0;

	if (wanted && conns_add(worker, conn))
		conn_start(conn);
	else
		conn_free(conn);
}

/* Under the worker's mutex. */
static void
put(struct worker *worker, struct conn *conn)
{
	conn->worker = worker;
	conn->next = worker->arrived;
	worker->arrived = conn;
}

bool
intake_new(struct worker *worker, int fd, struct session *session, struct uid_place *uid)
{
	struct conn *conn = calloc(1, sizeof *conn);

	if (conn == NULL)
		return false;
	conn->fd = fd;
	conn->session = session;
	conn->uid = uid;
	atomic_fetch_add_explicit(&uid->connections, 1, memory_order_relaxed);
	/* Counted from here on, so that a burst of connections cannot pass the limit unseen. */
	worker_count(worker, 1);
	pthread_mutex_lock(&worker->mutex);
	put(worker, conn);
	pthread_mutex_unlock(&worker->mutex);
	worker_wake(worker);
	return true;
}

bool
intake_give(struct conn *conn, struct worker *to)
{
	struct worker *from = conn->worker;
	bool given;

	pthread_mutex_lock(&to->mutex);
	/* A worker that was told to stop may have ended already. */
	given = !to->stop;
	if (given) {
		conn_leave(conn);
		put(to, conn);
	}
	pthread_mutex_unlock(&to->mutex);
	if (!given)
		return false;
	atomic_fetch_add_explicit(&from->lanes->vault->metrics.moved, 1, memory_order_relaxed);
	worker_wake(to);
	return true;
}

void
intake_take(struct worker *worker)
{
	struct conn *conn;

	pthread_mutex_lock(&worker->mutex);
	conn = worker->arrived;
	worker->arrived = NULL;
	pthread_mutex_unlock(&worker->mutex);
	while (conn != NULL) {
		struct conn *next = conn->next;

		adopt(worker, conn);
		conn = next;
	}
}
