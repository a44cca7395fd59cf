#include "vaultd/net/conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vaultd/net/conns.h"
#include "vaultd/net/rest.h"
#include "vaultd/net/uids.h"
#include "vaultd/net/watch.h"

#define NS_PER_MS 1000000

static void on_readable(evutil_socket_t fd, short what, void *arg);
static void on_writable(evutil_socket_t fd, short what, void *arg);

static bool
has_room(const struct conn *conn)
{
	return !conn->held && !conn->alone && conn->in_flight < IN_FLIGHT_MAX &&
	       conn->in_flight_bytes < CONN_IN_FLIGHT_BYTES_MAX &&
	       buf_len(&conn->out) < CONN_UNSENT_MAX;
}

/* Whole requests are left of what was read: a peer sends faster than any of its turns can run. */
static bool
has_enough(const struct conn *conn)
{
	return conn->queued && buf_len(&conn->in) >= CONN_UNRUN_MAX;
}

/* Reading stops while the connection may not run what it would read. */
static void
set_reading(struct conn *conn)
{
	bool wanted =
		!conn->dead && !conn->eof && !conn->resting &&
		(conn->drain_until != 0 || (!conn->ending && has_room(conn) && !has_enough(conn)));

	if (wanted == conn->reading)
		return;
	conn->reading = wanted;
	if (wanted)
		event_add(&conn->readable, NULL);
	else
		event_del(&conn->readable);
}

static void
mark_dirty(struct conn *conn)
{
	if (conn->dirty)
		return;
	conn->dirty = true;
	conn->next_dirty = conn->worker->dirty;
	conn->worker->dirty = conn;
}

static void
mark_waiting(struct conn *conn)
{
	if (conn->queued)
		return;
	conn->queued = true;
	conn->next_waiting = conn->worker->waiting;
	conn->worker->waiting = conn;
}

void
conn_start(struct conn *conn)
{
	event_assign(&conn->readable, conn->worker->base, conn->fd, EV_READ | EV_PERSIST,
		     on_readable, conn);
	event_assign(&conn->writable, conn->worker->base, conn->fd, EV_WRITE, on_writable, conn);
	/* Nothing was run in any turn of this worker. */
	conn->turn = UINT64_MAX;
	if (buf_len(&conn->in) > 0)
		mark_waiting(conn);
	set_reading(conn);
}

void
conn_wake(struct conn *conn)
{
	conn->resting = false;
	mark_waiting(conn);
}

static void
note_reply(struct conn *conn, size_t before, uint32_t msgid, bool audited)
{
	struct worker *worker = conn->worker;

	mark_dirty(conn);
	worker->replies[worker->reply_count++] =
		(struct turn_reply){ conn, before, buf_len(&conn->out) - before, msgid, audited };
}

/* No more requests: what is in flight is answered, then the connection closes. */
static void
end_with_error(struct conn *conn, uint32_t msgid, enum vault_err err)
{
	size_t before = buf_len(&conn->out);

	dispatch_refuse(&conn->out, msgid, err, NULL);
	note_reply(conn, before, msgid, false);
	conn->ending = true;
}

/* The id of a message that cannot be read to its end, as far as it can be told. */
static uint32_t
msgid_of(const struct conn *conn)
{
	struct cursor c = { buf_data(&conn->in), buf_data(&conn->in) + buf_len(&conn->in) };
	int64_t type, msgid;
	uint32_t n;

	if (!cursor_array(&c, &n) || n != 4 || !cursor_int(&c, &type) || type != FRAME_REQUEST ||
	    !cursor_int(&c, &msgid) || msgid < 0 || msgid > UINT32_MAX)
		return 0;
	return (uint32_t)msgid;
}

/* Refused before anything but its id is read: a flood costs neither decoding nor policy. */
static bool
refused_by_uid(struct conn *conn, struct vault_bytes frame)
{
	struct worker *worker = conn->worker;
	size_t before = buf_len(&conn->out);
	uint32_t msgid;
	int64_t retry_ms;

	if (limit_take(&conn->uid->bucket, &worker->uid_rate,
		       worker->runner.now.boot_ms * NS_PER_MS, &retry_ms))
		return false;
	msgid = msgid_of(conn);
	dispatch_limited(&conn->out, msgid, retry_ms);
	note_reply(conn, before, msgid, false);
	/* It may hold a secret: nobody looked. */
	explicit_bzero((void *)(uintptr_t)frame.p, frame.len);
	rest_begin(conn);
	return true;
}

/* False where the request is to be run later. */
static bool
run_frame(struct conn *conn, struct vault_bytes frame)
{
	struct worker *worker = conn->worker;
	size_t before = buf_len(&conn->out);
	struct call call = { .session = conn->session,
			     .frame = frame,
			     .out = &conn->out,
			     .stage = STAGE_WORKER,
			     .alone = conn->in_flight == 0 };
	bool held = conn->held_once;
	enum verdict verdict;

	/* What was held back is not counted again. */
	if (!held && refused_by_uid(conn, frame))
		return true;
	verdict = dispatch_run(&worker->runner, &call);
	conn->held = conn->held_once = verdict == VERDICT_HOLD;
	if (conn->held)
		return false;
	if (verdict == VERDICT_DONE || verdict == VERDICT_CLOSE) {
		conn->secret |= call.secret;
		if (call.subscription != NULL)
			watch_ask(conn, call.subscription);
		if (buf_len(&conn->out) > before)
			note_reply(conn, before, call.msgid, call.audited);
		if (verdict == VERDICT_CLOSE)
			conn->ending = true;
		if (call.result == VAULT_LIMITED)
			rest_begin(conn);
	} else if (!worker_queue(worker, conn, frame, call.msgid, verdict)) {
		note_reply(conn, before, call.msgid, false);
	} else {
		conn->in_flight++;
		conn->alone = call.barrier;
		conn->in_flight_bytes += frame.len;
	}
	if (call.secret)
		explicit_bzero((void *)(uintptr_t)frame.p, frame.len);
	return true;
}

/* False when the message at the front is not whole yet, or never will be. */
static bool
run_next(struct conn *conn)
{
	struct vault_bytes frame;

	switch (scan_feed(&conn->scan, buf_data(&conn->in), buf_len(&conn->in))) {
	case SCAN_WHOLE:
		frame = (struct vault_bytes){ buf_data(&conn->in), conn->scan.pos };
		conn->scan = (struct scan){ 0 };
		conn->partial_since = 0;
		if (!run_frame(conn, frame))
			return false;
		buf_take(&conn->in, frame.len);
		return true;
	case SCAN_SHORT:
		if (conn->partial_since == 0)
			conn->partial_since = conn->worker->runner.now.boot_ms;
		return false;
	case SCAN_BAD:
		end_with_error(conn, msgid_of(conn), VAULT_PARSE);
		return false;
	case SCAN_LARGE:
	case SCAN_DEEP:
		end_with_error(conn, msgid_of(conn), VAULT_TOO_LARGE);
		return false;
	}
	return false;
}

/*
 * Whether the connection has had its share of the turn: so many requests, or a few where they take
 * long, which none is denied.
 */
static bool
had_its_share(const struct conn *conn)
{
	return conn->worker->reply_count >= conn->worker->reply_room || conn->ran >= CONN_QUANTUM ||
	       (conn->ran > 0 && conn->ran % CONN_QUANTUM_LATE == 0 && worker_late(conn->worker));
}

void
conn_run(struct conn *conn)
{
	struct worker *worker = conn->worker;

	if (conn->turn != worker->turn) {
		conn->turn = worker->turn;
		conn->ran = 0;
	}
	while (!conn->ending && !conn->dead && !conn->resting && buf_len(&conn->in) > 0 &&
	       has_room(conn)) {
		if (had_its_share(conn)) {
			mark_waiting(conn);
			break;
		}
		conn->ran++;
		if (!run_next(conn))
			break;
	}
	if (conn->ending) {
		buf_free(&conn->in);
		mark_dirty(conn);
	}
	/* At its end a peer has sent all it will: an unfinished message stays unanswered. */
	if (conn->eof && conn_idle(conn))
		mark_dirty(conn);
	set_reading(conn);
}

bool
conn_idle(const struct conn *conn)
{
	bool more = !conn->ending && buf_len(&conn->in) > 0 &&
		    (!has_room(conn) || conn->queued || conn->resting);

	return conn->in_flight == 0 && buf_len(&conn->out) == 0 && !more;
}

/* A large reply becomes what is to be sent, where nothing else is: moved, it is neither copied nor wiped twice. */
static enum vault_err
take_reply(struct conn *conn, struct buf *reply)
{
	if (buf_len(&conn->out) > 0 || buf_len(reply) < CONN_KEEP_BYTES)
		return buf_append(&conn->out, buf_data(reply), buf_len(reply));
	buf_free(&conn->out);
	conn->out = *reply;
	*reply = (struct buf){ 0 };
	return VAULT_OK;
}

static void
die(struct conn *conn)
{
	conn->dead = true;
	mark_dirty(conn);
	set_reading(conn);
}

/*
 * Behind an error the peer may still be sending; closing at once would take the error from it
 * unread.
 */
static void
drain(struct conn *conn)
{
	uint8_t waste[16384];
	ssize_t n = recv(conn->fd, waste, sizeof waste, 0);

	if (n > 0)
		conn->drained += (size_t)n;
	if ((n <= 0 && (n == 0 || (errno != EAGAIN && errno != EINTR))) ||
	    conn->drained > CONN_DRAIN_BYTES_MAX)
		die(conn);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct conn *conn = arg;
	ssize_t n;

	(void)what;
	worker_turn(conn->worker);
	if (conn->drain_until != 0) {
		drain(conn);
		return;
	}
	if (buf_reserve(&conn->in, CONN_READ_BYTES) != VAULT_OK) {
		die(conn);
		return;
	}
	n = recv(fd, conn->in.p + conn->in.tail, conn->in.cap - conn->in.tail, 0);
	if (n > 0) {
		conn->in.tail += (size_t)n;
		conn_run(conn);
	} else if (n == 0) {
		conn->eof = true;
		conn_run(conn);
	} else if (errno != EAGAIN && errno != EINTR) {
		die(conn);
	}
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct conn *conn = arg;

	(void)fd;
	(void)what;
	worker_turn(conn->worker);
	mark_dirty(conn);
}

void
conn_answer(struct conn *conn, struct job *job)
{
	size_t before = buf_len(&conn->out);

	conn->in_flight--;
	conn->in_flight_bytes -= job->frame_len;
	if (conn->in_flight == 0)
		conn->held = conn->alone = false;
	conn->secret = true;
	if (take_reply(conn, &job->reply) != VAULT_OK) {
		die(conn);
		return;
	}
	note_reply(conn, before, job->msgid, false);
	/* What waited for room may run now. */
	mark_waiting(conn);
}

void
conn_notify(struct conn *conn, const struct buf *notification)
{
	if (conn->dead || conn->ending)
		return;
	if (notification == NULL ||
	    buf_len(&conn->out) + buf_len(notification) > WATCH_UNSENT_MAX ||
	    buf_append(&conn->out, buf_data(notification), buf_len(notification)) != VAULT_OK)
		die(conn);
	mark_dirty(conn);
}

static void
start_draining(struct conn *conn)
{
	if (conn->drain_until != 0)
		return;
	(void)shutdown(conn->fd, SHUT_WR);
	conn->drain_until = conn->worker->runner.now.boot_ms + CONN_DRAIN_MS;
	set_reading(conn);
}

/* True when everything is sent. */
static bool
send_out(struct conn *conn)
{
	while (buf_len(&conn->out) > 0) {
		ssize_t n = send(conn->fd, buf_data(&conn->out), buf_len(&conn->out), MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			event_add(&conn->writable, NULL);
			return false;
		}
		if (n < 0) {
			conn->dead = true;
			return false;
		}
		if (conn->secret)
			explicit_bzero(buf_data(&conn->out), (size_t)n);
		buf_take(&conn->out, (size_t)n);
	}
	conn->secret = false;
	buf_shrink(&conn->out, CONN_KEEP_BYTES);
	buf_shrink(&conn->in, 2 * CONN_KEEP_BYTES);
	return true;
}

void
conn_flush(struct conn *conn)
{
	bool had_room = has_room(conn), sent = !conn->dead && send_out(conn);

	if (!conn->dead && !had_room && has_room(conn) && buf_len(&conn->in) > 0)
		mark_waiting(conn);
	if (sent) {
		if (conn->ending && conn->in_flight == 0) {
			if (conn->eof)
				conn->dead = true;
			else
				start_draining(conn);
		} else if (conn->eof && conn_idle(conn)) {
			conn->dead = true;
		}
	}
	if (conn->dead) {
		conn_close(conn);
		return;
	}
	set_reading(conn);
}

void
conn_check_deadlines(struct conn *conn, int64_t now_ms)
{
	if (conn->drain_until != 0) {
		if (now_ms >= conn->drain_until)
			die(conn);
		return;
	}
	/* The time that the daemon itself did not read is not the peer's. */
	if (!conn->reading && conn->partial_since != 0)
		conn->partial_since = now_ms;
	if (conn->partial_since != 0 && !conn->ending &&
	    conn->worker->reply_count < TURN_REPLIES_MAX - 1 &&
	    now_ms - conn->partial_since >= PARTIAL_FRAME_SECONDS * 1000) {
		end_with_error(conn, msgid_of(conn), VAULT_INVALID_REQUEST);
		conn_run(conn);
	}
}

bool
conn_may_leave(const struct conn *conn)
{
	return !conn->dead && !conn->ending && !conn->eof && !conn->dirty && !conn->resting &&
	       conn->in_flight == 0 && buf_len(&conn->out) == 0 && conn->watch == NULL &&
	       conn->watch_asked == NULL;
}

void
conn_leave(struct conn *conn)
{
	event_del(&conn->readable);
	event_del(&conn->writable);
	conn->reading = false;
	watch_drop(conn);
	conns_remove(conn);
}

void
conn_free(struct conn *conn)
{
	close(conn->fd);
	buf_free(&conn->in);
	buf_free(&conn->out);
	atomic_fetch_sub_explicit(&conn->uid->connections, 1, memory_order_relaxed);
	worker_count(conn->worker, -1);
	atomic_store_explicit(&conn->session->gone, true, memory_order_relaxed);
	session_release(conn->session);
	free(conn);
}

void
conn_close(struct conn *conn)
{
	conn_leave(conn);
	conn_free(conn);
}
