#include "tests/unit/lib/vault.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vaultd/base/log.h"
#include "vaultd/crypto/init.h"

#define ARENA_BYTES (8u << 20)
#define CACHE_BYTES (1u << 20)
#define MAP_BYTES (256u << 20)
#define KEYFILE "0123456789abcdef0123456789abcdef"

const struct identity test_root = { .uid = 0, .gid = 0, .pid = 1, .admin_socket = true };
const struct identity test_stranger = { .uid = 4711, .gid = 4711, .pid = 2, .admin_socket = true };

static void
open_vault(struct test_vault *t)
{
	struct vault *vault = &t->vault;
	char store[DIRECTORY_MAX + 16], audit[DIRECTORY_MAX + 16];
	struct store_config store_config = { store, MAP_BYTES, 64 };
	struct audit_config audit_config;
	struct clock_now now = clock_read();

	snprintf(store, sizeof store, "%s/store", t->dir);
	snprintf(audit, sizeof audit, "%s/audit", t->dir);
	(void)mkdir(store, 0700);
	*vault = (struct vault){ .arena = t->arena };
	vault->settings = (struct vault_settings){
		.version = "test", .sandbox = "off", .memory_lock = "off", .owner_uid = 0
	};
	audit_config = (struct audit_config){ audit, t->arena, 1 << 20 };
	assert_ok(audit_new(&audit_config, &vault->audit));
	assert_ok(store_open(&store_config, &vault->store));
	tenants_init(&vault->tenants);
	lockouts_init(&vault->lockouts);
	sealed_log_init(&vault->sealed_log);
	policy_source_init(&vault->policy);
	events_init(&vault->events);
	alerts_init(&vault->alerts);
	metrics_init(&vault->metrics);
	unseal_guard_load(&vault->guard, t->fd, vault->settings.boot_id, &now);
	assert_ok(vault_probe(vault));
	assert_ok(lanes_start(&t->lanes, vault, CACHE_BYTES));
	assert_ok(runner_init(&t->runner, vault, CACHE_BYTES, true));
}

static void
close_vault(struct test_vault *t)
{
	struct audit_head head;

	lanes_drain(&t->lanes);
	lanes_stop(&t->lanes);
	runner_free(&t->runner);
	if (vault_state(&t->vault) == STATE_OPEN) {
		struct txn *txn;

		assert_ok(audit_stop(t->vault.audit, &head));
		assert_ok(txn_write(t->vault.store, &txn));
		assert_ok(vault_put_head(&t->vault, txn, &head));
		assert_ok(txn_commit(txn));
	}
	vault_forget(&t->vault);
	tenants_free(&t->vault.tenants);
	lockouts_free(&t->vault.lockouts);
	sealed_log_free(&t->vault.sealed_log);
	events_free(&t->vault.events);
	alerts_free(&t->vault.alerts);
	audit_free(t->vault.audit);
	store_close(t->vault.store);
}

struct test_vault *
test_vault_new(void)
{
	struct test_vault *t = calloc(1, sizeof *t);

	assert_non_null(t);
	log_open(LOG_LEVEL_ERROR);
	assert_ok(crypto_init());
	directory_make(t->dir);
	t->fd = open(t->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(t->fd >= 0);
	assert_ok(arena_open(ARENA_BYTES, false, &t->arena));
	assert_ok(scratch_init(&t->scratch, 1 << 16, 64 << 20));
	open_vault(t);
	return t;
}

void
test_vault_free(struct test_vault *t)
{
	close_vault(t);
	buf_free(&t->reply);
	scratch_free(&t->scratch);
	assert_int_equal(arena_used(t->arena), 0);
	arena_close(t->arena);
	close(t->fd);
	directory_remove(t->dir);
	free(t);
}

void
test_vault_restart(struct test_vault *t)
{
	close_vault(t);
	open_vault(t);
}

void
test_vault_init(struct test_vault *t)
{
	struct sys_init_req req = { .keyfile = { (const uint8_t *)KEYFILE, sizeof KEYFILE - 1 } };

	test_vault_do(t, OP_sys_init, &req, NULL);
	assert_int_equal(vault_state(&t->vault), STATE_OPEN);
}

void
test_vault_unseal(struct test_vault *t)
{
	struct sys_unseal_req req = { .keyfile = { (const uint8_t *)KEYFILE, sizeof KEYFILE - 1 } };

	test_vault_do(t, OP_sys_unseal, &req, NULL);
	assert_int_equal(vault_state(&t->vault), STATE_OPEN);
}

int
test_vault_setup(void **state)
{
	struct test_vault *t = test_vault_new();

	test_vault_init(t);
	*state = t;
	return 0;
}

int
test_vault_teardown(void **state)
{
	test_vault_free(*state);
	return 0;
}

/* What a worker does for a lane's job: waits here instead of in its loop. */
struct waiting {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	bool ended;
};

static void
job_done(struct job *job)
{
	struct waiting *waiting = job->owner;

	pthread_mutex_lock(&waiting->mutex);
	waiting->ended = true;
	pthread_cond_signal(&waiting->cond);
	pthread_mutex_unlock(&waiting->mutex);
}

static void
run_job(struct test_vault *t, struct job_queue *queue, struct job *job)
{
	struct waiting waiting = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false };

	job->done = job_done;
	job->owner = &waiting;
	assert_true(job_queue_put(queue, job));
	pthread_mutex_lock(&waiting.mutex);
	while (!waiting.ended)
		pthread_cond_wait(&waiting.cond, &waiting.mutex);
	pthread_mutex_unlock(&waiting.mutex);
	assert_ok(buf_append(&t->reply, buf_data(&job->reply), buf_len(&job->reply)));
	job_free(job);
}

/* A worker's turn ends with its records. */
static void
append_records(struct test_vault *t)
{
	struct audit_batch *batch = &t->runner.audit;

	if (audit_batch_count(batch) > 0 && vault_state(&t->vault) == STATE_OPEN)
		assert_ok(audit_append(t->vault.audit, batch, AUDIT_READS, t->runner.now.wall_ns,
				       NULL));
	audit_batch_reset(batch);
}

enum verdict
test_vault_send(struct test_vault *t, const struct identity *who, struct vault_bytes frame)
{
	struct session *session = t->session == NULL ? session_new(who) : session_hold(t->session);
	struct call call = { .session = session,
			     .frame = frame,
			     .out = &t->reply,
			     .stage = STAGE_WORKER,
			     .alone = true };
	enum verdict verdict;

	assert_non_null(session);

	buf_truncate(&t->reply, 0);
	assert_ok(runner_turn(&t->runner));
	verdict = dispatch_run(&t->runner, &call);
	/* There is no connection that could be told of anything. */
	free(call.subscription);
	if (verdict == VERDICT_COMMIT || verdict == VERDICT_ALONE || verdict == VERDICT_SLOW) {
		struct job *job = job_new(session, frame, call.msgid);

		assert_non_null(job);
		assert_int_equal(buf_len(&t->reply), 0);
		job->exclusive = verdict == VERDICT_ALONE;
		run_job(t, verdict == VERDICT_SLOW ? &t->lanes.slow : &t->lanes.commit, job);
	}
	append_records(t);
	session_release(session);
	return verdict;
}

/* The code of an error reply, VAULT_OK for a result. */
static enum vault_err
reply_code(const struct test_vault *t, struct frame *frame)
{
	struct vault_text key = { 0 }, code = { 0 };
	uint32_t n;

	assert_ok(frame_parse(buf_data(&t->reply), buf_len(&t->reply), frame));
	assert_int_equal(frame->type, FRAME_REPLY);
	if (cursor_nil(&frame->error))
		return VAULT_OK;
	assert_true(cursor_map(&frame->error, &n));
	assert_true(cursor_str(&frame->error, &key));
	assert_true(cursor_str(&frame->error, &code));
	assert_true(text_is(key, "code"));
	return vault_err_from_code(code);
}

enum vault_err
test_vault_call(struct test_vault *t, const struct identity *who, enum op_id id, const void *req)
{
	const struct op_row *row = &op_rows[id];
	struct buf frame = { 0 };
	struct codec_writer writer = { .out = &frame };
	struct frame parsed;

	codec_write_request(&writer, &(struct codec_request){ .msgid = 9,
							      .method = text_of(row->method),
							      .type = row->request(),
							      .fields = req });
	test_vault_send(t, who, (struct vault_bytes){ buf_data(&frame), buf_len(&frame) });
	buf_free(&frame);
	return reply_code(t, &parsed);
}

enum vault_err
test_vault_ask(struct test_vault *t, enum op_id id, const void *req, void *res)
{
	enum vault_err err = test_vault_call(t, &test_root, id, req);
	struct codec_reader reader = { .mode = CODEC_STRICT, .scratch = &t->scratch };
	struct frame parsed;

	scratch_reset(&t->scratch, false);
	if (err == VAULT_OK && res != NULL) {
		assert_ok(reply_code(t, &parsed));
		assert_ok(codec_read(&reader, op_rows[id].result(), parsed.result, res));
	}
	return err;
}

void
test_vault_do(struct test_vault *t, enum op_id id, const void *req, void *res)
{
	enum vault_err err = test_vault_ask(t, id, req, res);

	if (err != VAULT_OK)
		fail_msg("%s: %.*s", op_rows[id].method, (int)buf_len(&t->reply),
			 (const char *)buf_data(&t->reply));
}

void
test_vault_acme(struct test_vault *t, enum key_algorithm algorithm)
{
	struct tenant_create_req tenant = { .tenant = TEXT_LITERAL("acme") };
	struct key_create_req key = { .tenant = TEXT_LITERAL("acme"),
				      .name = TEXT_LITERAL("k"),
				      .algorithm = algorithm };
	struct profile_put_req profile = { .tenant = TEXT_LITERAL("acme"),
					   .name = TEXT_LITERAL("p"),
					   .key = TEXT_LITERAL("k") };

	test_vault_do(t, OP_tenant_create, &tenant, NULL);
	test_vault_do(t, OP_key_create, &key, NULL);
	test_vault_do(t, OP_profile_put, &profile, NULL);
}
