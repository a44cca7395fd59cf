#include "vaultd/net/rest.h"

#include "vaultd/net/worker.h"

#define REST_US 1000

static void
on_rest(evutil_socket_t fd, short what, void *arg)
{
	struct worker *worker = arg;
	struct conn *conn = worker->resting;

	(void)fd;
	(void)what;
	worker_turn(worker);
	worker->resting = NULL;
	while (conn != NULL) {
		struct conn *next = conn->next_resting;

		conn_wake(conn);
		conn = next;
	}
}

void
rest_init(struct worker *worker)
{
	event_assign(&worker->rest, worker->base, -1, 0, on_rest, worker);
}

void
rest_free(struct worker *worker)
{
	event_del(&worker->rest);
}

void
rest_begin(struct conn *conn)
{
	if (conn->resting)
		return;
	conn->resting = true;
	conn->next_resting = conn->worker->resting;
	conn->worker->resting = conn;
}

void
rest_arm(struct worker *worker)
{
	const struct timeval rest = { 0, REST_US };

	if (worker->resting != NULL && !event_pending(&worker->rest, EV_TIMEOUT, NULL))
		event_add(&worker->rest, &rest);
}
