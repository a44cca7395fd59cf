#include "vaultd/net/watch.h"

#include <stdlib.h>

#include "vaultd/dispatch_watch.h"
#include "vaultd/net/worker.h"

void
watch_ask(struct conn *conn, struct subscription *subscription)
{
	free(conn->watch_asked);
	conn->watch_asked = subscription;
	conn->worker->watch_asked = true;
}

void
watch_forget(struct conn *conn)
{
	free(conn->watch_asked);
	conn->watch_asked = NULL;
}

static void
unlink_watcher(struct conn *conn)
{
	struct worker *worker = conn->worker;

	if (conn->prev_watcher != NULL)
		conn->prev_watcher->next_watcher = conn->next_watcher;
	else
		worker->watchers = conn->next_watcher;
	if (conn->next_watcher != NULL)
		conn->next_watcher->prev_watcher = conn->prev_watcher;
	conn->prev_watcher = conn->next_watcher = NULL;
}

void
watch_drop(struct conn *conn)
{
	struct events *events = &conn->worker->runner.vault->events;

	watch_forget(conn);
	if (conn->watch == NULL)
		return;
	free(conn->watch);
	conn->watch = NULL;
	unlink_watcher(conn);
	atomic_fetch_sub(&events->watchers, 1);
	if (conn->worker->watchers == NULL)
		events_unlisten(events, &conn->worker->listener);
}

/* From any thread. */
static void
on_event(void *arg)
{
	worker_wake(arg);
}

/* False when memory is short. */
static bool
listen_first(struct worker *worker)
{
	if (worker->watchers != NULL)
		return true;
	worker->listener.wake = on_event;
	worker->listener.arg = worker;
	return events_listen(&worker->runner.vault->events, &worker->listener) == VAULT_OK;
}

/* What was asked for counts from here. */
static void
begin(struct conn *conn)
{
	struct worker *worker = conn->worker;
	struct events *events = &worker->runner.vault->events;

	if (conn->dead || conn->ending || !listen_first(worker)) {
		/* A subscription that was promised and cannot be had ends the connection. */
		conn->dead |= !conn->ending;
		watch_forget(conn);
		return;
	}
	if (conn->watch == NULL) {
		conn->next_watcher = worker->watchers;
		if (worker->watchers != NULL)
			worker->watchers->prev_watcher = conn;
		worker->watchers = conn;
		atomic_fetch_add(&events->watchers, 1);
	}
	free(conn->watch);
	conn->watch = conn->watch_asked;
	conn->watch_asked = NULL;
	conn->watch->since = atomic_load(&events->published);
}

/* Appends to one connection, and ends its subscription where it may watch no more. */
static void
tell(struct conn *conn, const struct vault_event *event, struct buf *shared)
{
	static const struct vault_event ended = { .kind = event_kind_watch_ended };
	struct vault_event last = ended;
	struct subscription *watch = conn->watch;
	struct buf own = { 0 };
	enum vault_err err = VAULT_OK;

	switch (watch_judge(conn->worker->runner.vault, conn->session, watch, event)) {
	case WATCH_SKIP:
		return;
	case WATCH_END:
		last.time = event->time;
		err = watch_write(&own, &last, 0);
		watch_drop(conn);
		break;
	case WATCH_DELIVER:
		if (watch->missed > 0)
			err = watch_write(&own, event, watch->missed);
		else if (buf_len(shared) == 0)
			err = watch_write(shared, event, 0);
		watch->missed = 0;
		break;
	}
	if (buf_len(&own) > 0)
		shared = &own;
	conn_notify(conn, err == VAULT_OK ? shared : NULL);
	buf_free(&own);
}

static void
tell_all(struct worker *worker, const struct vault_event *event, uint64_t missed)
{
	uint64_t number = worker->listener.taken - 1;
	struct conn *conn = worker->watchers;
	struct buf shared = { 0 };

	while (conn != NULL) {
		struct conn *next = conn->next_watcher;

		if (number >= conn->watch->since) {
			conn->watch->missed += missed;
			tell(conn, event, &shared);
		}
		conn = next;
	}
	buf_free(&shared);
}

static void
begin_asked(struct worker *worker)
{
	worker->watch_asked = false;
	for (struct conn *conn = worker->dirty; conn != NULL; conn = conn->next_dirty)
		if (conn->watch_asked != NULL)
			begin(conn);
}

void
watch_turn(struct worker *worker)
{
	struct events *events = &worker->runner.vault->events;
	struct vault_event event;
	uint64_t missed;
	unsigned n = 0;

	if (worker->watch_asked)
		begin_asked(worker);
	if (worker->watchers == NULL || !events_waiting(events, &worker->listener))
		return;
	while (worker->watchers != NULL && n++ < WATCH_TURN_MAX) {
		if (!events_take(events, &worker->listener, &event, &missed))
			return;
		tell_all(worker, &event, missed);
	}
	/* Who publishes wakes only a worker that has taken all: what is left wakes it itself. */
	if (worker->watchers != NULL)
		worker_wake(worker);
}
