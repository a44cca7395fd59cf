#include "vaultd/net/worker.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "vaultd/dispatch_watch.h"
#include "vaultd/net/conns.h"
#include "vaultd/net/intake.h"
#include "vaultd/net/rest.h"
#include "vaultd/net/server.h"
#include "vaultd/net/watch.h"

#define SWEEP_MS 250 /* how often deadlines are looked at */
#define STOP_MS 3000 /* how long a stopping daemon waits for readers of its last answers */

void
worker_wake(struct worker *worker)
{
	uint64_t one = 1;

	/* A full counter wakes as well. */
	if (write(worker->wake_fd, &one, sizeof one) < 0)
		return;
}

void
worker_count(struct worker *worker, int n)
{
	struct metrics *metrics = &worker->lanes->vault->metrics;

	atomic_fetch_add_explicit(&metrics->connections, n, memory_order_relaxed);
	if (n > 0)
		atomic_fetch_add_explicit(&metrics->accepted, 1, memory_order_relaxed);
}

/* On the lane's thread. */
static void
job_done(struct job *job)
{
	struct worker *worker = job->owner;
	bool first;

	pthread_mutex_lock(&worker->mutex);
	first = worker->done == NULL;
	job->next = NULL;
	*worker->done_tail = job;
	worker->done_tail = &job->next;
	pthread_mutex_unlock(&worker->mutex);
	if (first)
		worker_wake(worker);
}

bool
worker_queue(struct worker *worker, struct conn *conn, struct vault_bytes frame, uint32_t msgid,
	     enum verdict verdict)
{
	struct job *job = job_new(conn->session, frame, msgid);
	bool queued = false;

	if (job != NULL) {
		job->done = job_done;
		job->owner = worker;
		job->conn = conn->id;
		job->exclusive = verdict == VERDICT_ALONE;
		if (verdict == VERDICT_COMMIT || verdict == VERDICT_ALONE)
			queued = job_queue_put(&worker->lanes->commit, job);
		else if (verdict == VERDICT_SLOW)
			queued = job_queue_put(&worker->lanes->slow, job);
		else
			queued = server_queue(worker->server, job);
	}
	if (queued)
		return true;
	job_free(job);
	dispatch_refuse(&conn->out, msgid, VAULT_BUSY, NULL);
	return false;
}

void
worker_turn(struct worker *worker)
{
	if (worker->in_turn)
		return;
	worker->in_turn = true;
	/* Thousands of connections that can be read do not keep it all from those that were read before. */
	worker->reply_room = worker->waiting != NULL ? TURN_REPLIES_MAX / 2 : TURN_REPLIES_MAX - 1;
	balance_begin(worker);
	if (runner_turn(&worker->runner) != VAULT_OK)
		lanes_fatal("the arena has no room for a worker's random bytes");
}

bool
worker_late(const struct worker *worker)
{
	return clock_monotonic_ns() - balance_began(&worker->balance) > TURN_LATE_NS;
}

static struct job *
take_done(struct worker *worker)
{
	struct job *job;

	pthread_mutex_lock(&worker->mutex);
	job = worker->done;
	if (job != NULL) {
		worker->done = job->next;
		if (worker->done == NULL)
			worker->done_tail = &worker->done;
	}
	pthread_mutex_unlock(&worker->mutex);
	return job;
}

static void
on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct worker *worker = arg;
	uint64_t count;

	(void)what;
	worker_turn(worker);
	if (read(fd, &count, sizeof count) < 0)
		return;
	intake_take(worker);
	for (;;) {
		struct job *job;
		struct conn *conn;

		/* Whoever ends a job wakes only for the first: what is left over wakes itself. */
		if (worker->reply_count >= TURN_REPLIES_MAX - 1) {
			worker_wake(worker);
			return;
		}
		job = take_done(worker);
		if (job == NULL)
			return;
		conn = conns_find(worker, job->conn);
		if (conn != NULL)
			conn_answer(conn, job);
		job_free(job);
	}
}

static void
on_sweep(evutil_socket_t fd, short what, void *arg)
{
	struct worker *worker = arg;

	(void)fd;
	(void)what;
	worker_turn(worker);
	for (struct conn *conn = worker->conns; conn != NULL; conn = conn->next)
		conn_check_deadlines(conn, worker->runner.now.boot_ms);
}

/* The connection's out without this turn's audited replies, each of which becomes an error. */
static bool
rebuild(struct turn_reply *reply)
{
	struct conn *conn = reply->conn;
	const uint8_t *out = buf_data(&conn->out);
	size_t before = buf_len(&conn->rebuilt);

	if (conn->rebuilt.p == NULL && buf_append(&conn->rebuilt, out, reply->offset) != VAULT_OK)
		return false;
	if (!reply->audited)
		return buf_append(&conn->rebuilt, out + reply->offset, reply->len) == VAULT_OK;
	dispatch_refuse(&conn->rebuilt, reply->msgid, VAULT_AUDIT_UNAVAILABLE, NULL);
	return buf_len(&conn->rebuilt) > before;
}

static void
take_back_turn(struct worker *worker)
{
	for (size_t i = 0; i < worker->reply_count; i++)
		if (!rebuild(&worker->replies[i]))
			worker->replies[i].conn->dead = true;
	for (struct conn *conn = worker->dirty; conn != NULL; conn = conn->next_dirty) {
		watch_forget(conn);
		if (conn->rebuilt.p == NULL)
			continue;
		buf_free(&conn->out);
		conn->out = conn->rebuilt;
		conn->rebuilt = (struct buf){ 0 };
	}
}

/* The records of the turn, before any of its replies leaves. */
static void
append_audit(struct worker *worker)
{
	struct runner *runner = &worker->runner;
	struct audit_head head = { 0 };
	enum vault_err err;

	if (audit_batch_count(&runner->audit) == 0)
		return;
	err = sealed_log_record(&runner->vault->sealed_log, runner->vault->audit, &runner->audit,
				runner->now.wall_ns, &head);
	audit_batch_reset(&runner->audit);
	/*
	 * While sealed there is nothing to flush: what is kept in memory has no place in a segment.
	 */
	if (err == VAULT_OK && head.segment != 0 && runner->vault->settings.audit_sync_always)
		err = audit_flush(runner->vault->audit, &head);
	if (err == VAULT_INTERNAL)
		lanes_fatal("the audit could not be flushed");
	if (err != VAULT_OK) {
		watch_trouble(runner->vault, VAULT_AUDIT_UNAVAILABLE, &runner->now);
		take_back_turn(worker);
	}
}

static void
run_waiting(struct worker *worker)
{
	struct conn *conn = worker->waiting;

	worker->waiting = NULL;
	worker->reply_room = TURN_REPLIES_MAX - 1;
	while (conn != NULL) {
		struct conn *next = conn->next_waiting;

		conn->queued = false;
		worker_turn(worker);
		conn_run(conn);
		conn = next;
	}
}

static void
end_turn(struct worker *worker)
{
	unsigned served = 0;
	struct conn *conn;

	append_audit(worker);
	worker->reply_count = 0;
	watch_turn(worker);
	conn = worker->dirty;
	worker->dirty = NULL;
	while (conn != NULL) {
		struct conn *next = conn->next_dirty;

		conn->dirty = false;
		served++;
		conn_flush(conn);
		conn = next;
	}
	balance_end(worker, served);
	worker->in_turn = false;
	worker->turn++;
	rest_arm(worker);
}

/* Stands still, without a secret, until main says to go on. */
static void
park_if_asked(struct worker *worker)
{
	pthread_mutex_lock(&worker->mutex);
	while (worker->park) {
		if (!worker->parked) {
			runner_forget(&worker->runner);
			worker->parked = true;
			pthread_cond_broadcast(&worker->parked_cond);
		}
		pthread_cond_wait(&worker->parked_cond, &worker->mutex);
	}
	worker->parked = false;
	if (worker->stop && !worker->stopping) {
		worker->stopping = true;
		worker->stop_by = clock_read().boot_ms + STOP_MS;
	}
	pthread_mutex_unlock(&worker->mutex);
}

/* Once nobody is owed an answer, or nobody takes it. */
static bool
may_end(struct worker *worker)
{
	struct conn *conn;

	if (!worker->stopping)
		return false;
	intake_take(worker);
	conn = worker->conns;
	while (conn != NULL) {
		struct conn *next = conn->next;

		conn->eof = true;
		if (conn_idle(conn) || clock_read().boot_ms > worker->stop_by)
			conn_close(conn);
		conn = next;
	}
	return worker->conns == NULL;
}

/*
 * Waits for something to do: asks again and again for a while, if so configured, before it sleeps.
 */
static void
wait_for_events(struct worker *worker)
{
	int64_t until = worker->spin_ns > 0 ? clock_monotonic_ns() + worker->spin_ns : 0;

	runner_rest(&worker->runner);
	if (worker->waiting != NULL || until != 0)
		event_base_loop(worker->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	while (until != 0 && worker->waiting == NULL && !worker->in_turn &&
	       clock_monotonic_ns() < until)
		event_base_loop(worker->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	if (worker->waiting == NULL && !worker->in_turn)
		event_base_loop(worker->base, EVLOOP_ONCE);
}

static void *
worker_main(void *arg)
{
	struct worker *worker = arg;

	while (!may_end(worker)) {
		wait_for_events(worker);
		run_waiting(worker);
		end_turn(worker);
		park_if_asked(worker);
	}
	return NULL;
}

static enum vault_err
make_base(struct worker *worker)
{
	struct event_config *config = event_config_new();
	struct timeval period = { 0, SWEEP_MS * 1000 };

	if (config == NULL)
		return VAULT_BUSY;
	/* One thread uses the base; others reach it through the eventfd. */
	event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
	worker->base = event_base_new_with_config(config);
	event_config_free(config);
	if (worker->base == NULL)
		return VAULT_BUSY;
	event_assign(&worker->wake, worker->base, worker->wake_fd, EV_READ | EV_PERSIST, on_wake,
		     worker);
	event_assign(&worker->sweep, worker->base, -1, EV_PERSIST, on_sweep, worker);
	rest_init(worker);
	event_add(&worker->wake, NULL);
	event_add(&worker->sweep, &period);
	return VAULT_OK;
}

enum vault_err
worker_start(struct worker *worker, struct server *server, struct lanes *lanes,
	     const struct worker_config *config)
{
	*worker = (struct worker){ .server = server,
				   .lanes = lanes,
				   .uid_rate = config->uid_rate,
				   .balance = { .all = config->all,
						.count = config->count,
						.regular = config->regular } };
	worker->spin_ns = (int64_t)lanes->vault->settings.spin_us * 1000;
	worker->done_tail = &worker->done;
	pthread_mutex_init(&worker->mutex, NULL);
	pthread_cond_init(&worker->parked_cond, NULL);
	worker->replies = calloc(TURN_REPLIES_MAX, sizeof worker->replies[0]);
	worker->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (worker->replies == NULL || worker->wake_fd < 0)
		return VAULT_BUSY;
	TRY(make_base(worker));
	TRY(runner_init(&worker->runner, lanes->vault, config->cache_limit, true));
	return pthread_create(&worker->thread, NULL, worker_main, worker) == 0 ? VAULT_OK
									       : VAULT_BUSY;
}

void
worker_park(struct worker *worker)
{
	pthread_mutex_lock(&worker->mutex);
	worker->park = true;
	pthread_mutex_unlock(&worker->mutex);
	worker_wake(worker);
	pthread_mutex_lock(&worker->mutex);
	while (!worker->parked)
		pthread_cond_wait(&worker->parked_cond, &worker->mutex);
	pthread_mutex_unlock(&worker->mutex);
}

void
worker_resume(struct worker *worker)
{
	pthread_mutex_lock(&worker->mutex);
	worker->park = false;
	pthread_cond_broadcast(&worker->parked_cond);
	pthread_mutex_unlock(&worker->mutex);
}

void
worker_stop(struct worker *worker)
{
	pthread_mutex_lock(&worker->mutex);
	worker->stop = true;
	pthread_mutex_unlock(&worker->mutex);
	worker_wake(worker);
}

void
worker_join(struct worker *worker)
{
	pthread_join(worker->thread, NULL);
}

void
worker_free(struct worker *worker)
{
	struct job *job;

	while ((job = take_done(worker)) != NULL)
		job_free(job);
	event_del(&worker->wake);
	event_del(&worker->sweep);
	rest_free(worker);
	event_base_free(worker->base);
	runner_free(&worker->runner);
	free(worker->replies);
	free(worker->table);
	close(worker->wake_fd);
}
