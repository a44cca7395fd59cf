#include "vaultd/net/server.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vaultd/base/log.h"
#include "vaultd/dispatch_watch.h"
#include "vaultd/net/intake.h"
#include "vaultd/net/peer.h"

#define ACCEPT_BATCH 64	      /* connections accepted before others are looked at */
#define REFUSED_LOG_MS 10000  /* between lines about connections refused by uid */
#define ACCEPT_REST_US 100000 /* pause when there are no descriptors left */

struct server {
	const struct server_config *config;
	struct event_base *base;
	struct event accept[2], rest, term, interrupt, hangup, wake, beat;
	struct worker workers[WORKERS_MAX];
	unsigned worker_count;
	unsigned next;
	int wake_fd;
	struct job_queue jobs;
	struct runner runner; /* main's own */
	bool warned;	      /* of a caller whose identity could not be read */
	struct uids uids;
	int64_t told_ms; /* when a refused connection was last logged */
};

bool
server_queue(struct server *server, struct job *job)
{
	uint64_t one = 1;

	if (!job_queue_put(&server->jobs, job))
		return false;
	return write(server->wake_fd, &one, sizeof one) == sizeof one || errno == EAGAIN;
}

/* Of all workers in one number: one that moves while they were added up would be missed, or counted twice. */
static bool
is_full(const struct server *server)
{
	const struct metrics *metrics = &server->config->vault->metrics;

	return atomic_load_explicit(&metrics->connections, memory_order_relaxed) >=
	       server->config->max_connections;
}

/* NULL where the caller's identity cannot be read: whoever he is, he is not let in. */
static struct session *
identify(struct server *server, int fd, bool admin)
{
	struct session *session = NULL;
	enum vault_err err = peer_session(fd, admin, &session);

	if (err == VAULT_DENIED && !server->warned) {
		/* Once: anyone may connect as often as he likes. */
		server->warned = true;
		log_warning("a caller's identity cannot be read, and his connection was closed; "
			    "is /proc mounted with hidepid, or ProtectProc set?");
	}
	return session;
}

/* At a bounded rate: who floods the daemon shall not flood its log. */
static void
tell_refused(struct server *server, const struct identity *who)
{
	int64_t now_ms = clock_read().boot_ms;

	if (server->told_ms != 0 && now_ms - server->told_ms < REFUSED_LOG_MS)
		return;
	server->told_ms = now_ms;
	log_warning("uid %u has %u connections already; further ones are closed", who->uid,
		    server->config->max_connections_per_uid);
}

static void
take_connection(struct server *server, int fd, bool admin)
{
	struct worker *worker = &server->workers[server->next++ % server->config->regular];
	struct session *session = NULL;
	struct uid_place *uid;

	if (!is_full(server))
		session = identify(server, fd, admin);
	if (session != NULL) {
		uid = uids_place(&server->uids, session->who.uid);
		if (atomic_load_explicit(&uid->connections, memory_order_relaxed) >=
		    server->config->max_connections_per_uid)
			tell_refused(server, &session->who);
		else if (intake_new(worker, fd, session, uid))
			return;
	}
	session_release(session);
	close(fd);
}

static void
on_accept(evutil_socket_t listener, short what, void *arg)
{
	struct server *server = arg;
	struct timeval rest = { 0, ACCEPT_REST_US };
	bool admin = listener == server->config->admin->fd;

	(void)what;
	for (int i = 0; i < ACCEPT_BATCH; i++) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0) {
			take_connection(server, fd, admin);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
			event_del(&server->accept[0]);
			event_del(&server->accept[1]);
			event_add(&server->rest, &rest);
		}
		return;
	}
}

static void
on_rest(evutil_socket_t fd, short what, void *arg)
{
	struct server *server = arg;

	(void)fd;
	(void)what;
	event_add(&server->accept[0], NULL);
	event_add(&server->accept[1], NULL);
}

static void
on_end(evutil_socket_t fd, short what, void *arg)
{
	struct server *server = arg;

	(void)fd;
	(void)what;
	event_base_loopbreak(server->base);
}

static void
on_hangup(evutil_socket_t fd, short what, void *arg)
{
	struct server *server = arg;

	(void)fd;
	(void)what;
	server->config->reload(server->config->arg);
}

static void
on_beat(evutil_socket_t fd, short what, void *arg)
{
	struct server *server = arg;

	(void)fd;
	(void)what;
	server->config->beat(server->config->arg);
}

static enum vault_err
commit_head(struct vault *vault, const struct audit_head *head)
{
	struct txn *txn;
	enum vault_err err;

	TRY(txn_write(vault->store, &txn));
	err = vault_put_head(vault, txn, head);
	if (err != VAULT_OK) {
		txn_abort(txn);
		return err;
	}
	TRY(txn_commit(txn));
	vault_committed(vault, head);
	/* A store newer than its anchor is fine. */
	anchor_write(&vault->anchor, head, clock_read().wall_ns);
	return VAULT_OK;
}

void
server_close_vault(struct vault *vault)
{
	struct audit_head head;
	enum vault_err err;

	if (vault_state(vault) != STATE_OPEN && vault_state(vault) != STATE_SEALING)
		return;
	err = audit_stop(vault->audit, &head);
	if (err == VAULT_INTERNAL)
		lanes_fatal("the audit could not be flushed");
	/* Without this commit the next unseal only has more to check. */
	if (commit_head(vault, &head) != VAULT_OK)
		log_warning("the store's head could not be written while sealing");
	vault_forget(vault);
	arena_wipe(vault->arena);
	atomic_store(&vault->state, STATE_SEALED);
}

/*
 * What is still in its turn on a worker may be recorded behind the sealing, but nothing runs any
 * more.
 */
static void
run_seal(struct server *server, struct job *job)
{
	struct runner *runner = &server->runner;
	struct call call = { .session = job->session,
			     .frame = { job->frame, job->frame_len },
			     .out = &job->reply };
	enum vault_err err = runner_turn(runner);

	call.stage = STAGE_MAIN;
	if (err == VAULT_OK)
		(void)dispatch_run(runner, &call);
	if (err == VAULT_OK)
		err = sealed_log_record(&runner->vault->sealed_log, runner->vault->audit,
					&runner->audit, runner->now.wall_ns, NULL);
	audit_batch_reset(&runner->audit);
	runner_rest(runner);
	/* A vault whose audit cannot be written is sealed all the same. */
	if (err != VAULT_OK)
		log_warning("the sealing of the vault could not be recorded");
}

/* Every thread drops its secrets and stands still while the arena is wiped. */
static void
wipe(struct server *server, const struct session *by)
{
	struct clock_now now = clock_read();

	for (unsigned i = 0; i < server->worker_count; i++)
		worker_park(&server->workers[i]);
	lanes_drain(server->config->lanes);
	lanes_forget(server->config->lanes);
	runner_forget(&server->runner);
	server_close_vault(server->config->vault);
	watch_state(server->config->vault, event_kind_sealed, by, &now);
	for (unsigned i = 0; i < server->worker_count; i++)
		worker_resume(&server->workers[i]);
	log_info("sealed");
}

static void
seal(struct server *server, struct job *job)
{
	struct vault *vault = server->config->vault;
	bool open;

	/*
	 * Long jobs end, and an unsealing that is under way comes to nothing; then the state no
	 * longer moves.
	 */
	atomic_store(&vault->cancel, true);
	lanes_write_last_used(server->config->lanes);
	lanes_drain(server->config->lanes);
	open = vault_state(vault) == STATE_OPEN;
	if (open)
		atomic_store(&vault->state, STATE_SEALING);
	lanes_drain(server->config->lanes);
	run_seal(server, job);
	unseal_shares_forget(&vault->shares);
	if (open)
		wipe(server, job->session);
	atomic_store(&vault->cancel, false);
	job->done(job);
}

static void
on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct server *server = arg;
	struct job *job;
	uint64_t count;

	(void)what;
	if (read(fd, &count, sizeof count) < 0)
		return;
	/* As many as were told of: the queue is never waited for. */
	while (count-- > 0) {
		job = job_queue_take(&server->jobs, 1, 0);
		if (job == NULL)
			return;
		seal(server, job);
		job_queue_ended(&server->jobs, 1);
	}
}

static enum vault_err
make_events(struct server *server)
{
	const struct server_config *config = server->config;
	struct timeval second = { 1, 0 };

	server->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	server->base = event_base_new();
	if (server->base == NULL || server->wake_fd < 0)
		return VAULT_BUSY;
	event_assign(&server->accept[0], server->base, config->app->fd, EV_READ | EV_PERSIST,
		     on_accept, server);
	event_assign(&server->accept[1], server->base, config->admin->fd, EV_READ | EV_PERSIST,
		     on_accept, server);
	event_assign(&server->rest, server->base, -1, 0, on_rest, server);
	event_assign(&server->term, server->base, SIGTERM, EV_SIGNAL | EV_PERSIST, on_end, server);
	event_assign(&server->interrupt, server->base, SIGINT, EV_SIGNAL | EV_PERSIST, on_end,
		     server);
	event_assign(&server->hangup, server->base, SIGHUP, EV_SIGNAL | EV_PERSIST, on_hangup,
		     server);
	event_assign(&server->wake, server->base, server->wake_fd, EV_READ | EV_PERSIST, on_wake,
		     server);
	event_assign(&server->beat, server->base, -1, EV_PERSIST, on_beat, server);
	event_add(&server->accept[0], NULL);
	event_add(&server->accept[1], NULL);
	event_add(&server->term, NULL);
	event_add(&server->interrupt, NULL);
	event_add(&server->hangup, NULL);
	event_add(&server->wake, NULL);
	event_add(&server->beat, &second);
	return VAULT_OK;
}

static enum vault_err
start_workers(struct server *server)
{
	const struct server_config *config = server->config;
	struct worker_config worker = { config->cache_limit, config->uid_rate, server->workers,
					config->workers, config->regular };

	for (unsigned i = 0; i < config->workers; i++) {
		TRY(worker_start(&server->workers[i], server, config->lanes, &worker));
		server->worker_count++;
	}
	return VAULT_OK;
}

static void
stop(struct server *server)
{
	struct job *job;

	event_del(&server->accept[0]);
	event_del(&server->accept[1]);
	event_del(&server->rest);
	job_queue_close(&server->jobs);
	while ((job = job_queue_take(&server->jobs, 1, 0)) != NULL) {
		job_refuse(job, VAULT_BUSY, "the daemon is stopping");
		job->done(job);
	}
	for (unsigned i = 0; i < server->worker_count; i++)
		worker_stop(&server->workers[i]);
	for (unsigned i = 0; i < server->worker_count; i++)
		worker_join(&server->workers[i]);
	lanes_write_last_used(server->config->lanes);
	lanes_stop(server->config->lanes);
	for (unsigned i = 0; i < server->worker_count; i++)
		worker_free(&server->workers[i]);
	runner_free(&server->runner);
}

static void
free_events(struct server *server)
{
	struct event *all[] = { &server->term, &server->interrupt, &server->hangup, &server->wake,
				&server->beat };

	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		event_del(all[i]);
	event_base_free(server->base);
	close(server->wake_fd);
}

enum vault_err
server_run(const struct server_config *config)
{
	struct server *server = calloc(1, sizeof *server);
	enum vault_err err;

	if (server == NULL)
		return VAULT_BUSY;
	server->config = config;
	job_queue_init(&server->jobs);
	err = runner_init(&server->runner, config->vault, config->cache_limit, true);
	if (err == VAULT_OK)
		err = make_events(server);
	if (err == VAULT_OK) {
		err = start_workers(server);
		if (err == VAULT_OK) {
			config->ready(config->arg);
			event_base_dispatch(server->base);
		}
		stop(server);
		free_events(server);
	}
	free(server);
	return err;
}
