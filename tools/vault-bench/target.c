#include "tools/vault-bench/target.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/vault-bench/call.h"
#include "tools/vault-bench/child.h"
#include "tools/vault-bench/echo.h"
#include "tools/vault-bench/floor.h"

/* The value that Redis is asked for: about as long as what token.sign answers. */
#define REDIS_VALUE 200
#define REDIS_SET "*3\r\n$3\r\nSET\r\n$5\r\nbench\r\n$200\r\n"
#define REDIS_GET "*2\r\n$3\r\nGET\r\n$5\r\nbench\r\n"

static const char *const names[TARGET_COUNT] = { "echo", "floor", "vault", "redis" };

static enum vault_err
redis_set(struct caller *caller)
{
	struct wire wire = wire_redis();
	uint8_t set[sizeof REDIS_SET - 1 + REDIS_VALUE + 2];
	size_t len;

	memset(set, 'v', sizeof set);
	memcpy(set, REDIS_SET, sizeof REDIS_SET - 1);
	set[sizeof set - 2] = '\r';
	set[sizeof set - 1] = '\n';
	return caller_exchange(caller, &wire, (struct vault_bytes){ set, sizeof set }, &len);
}

bool
target_redis(struct target *target, const char *path)
{
	struct caller caller;
	enum vault_err err = caller_open(&caller, path);

	target->kind = TARGET_REDIS;
	target->path = path;
	if (err == VAULT_OK)
		err = redis_set(&caller);
	if (err == VAULT_OK)
		err = buf_append(&target->template.bytes, REDIS_GET, sizeof REDIS_GET - 1);
	if (err != VAULT_OK)
		warnx("redis: %s", caller.error);
	caller_close(&caller);
	return err == VAULT_OK;
}

static struct load_plan
plan_of(const struct target *target, const struct options *options)
{
	struct load_plan plan = {
		.template = &target->template,
		.wire = wire_rpc(),
		.connections = (unsigned)options->connections,
		.in_flight = (unsigned)options->in_flight,
		.warmup_ns = (uint64_t)(options->warmup * 1e9),
		.run_ns = (uint64_t)(options->seconds * 1e9),
		.count = options->count,
		.made = target->made,
	};

	if (target->kind == TARGET_ECHO)
		plan.wire = wire_echo(buf_len(&target->template.bytes));
	else if (target->kind == TARGET_REDIS)
		plan.wire = wire_redis();
	return plan;
}

/* The child of echo or floor, or 0 for a daemon that runs already; -1 where connecting failed. */
static pid_t
connect_all(const struct target *target, unsigned n, int *fds)
{
	struct floor floor = { buf_len(&target->template.bytes), target->template.id_at };

	if (target->kind == TARGET_ECHO)
		return child_start(n, fds, echo_serve, NULL);
	if (target->kind == TARGET_FLOOR)
		return child_start(n, fds, floor_serve, &floor);
	for (unsigned i = 0; i < n; i++)
		fds[i] = -1;
	for (unsigned i = 0; i < n; i++) {
		fds[i] = caller_dial(target->path);
		if (fds[i] < 0)
			return -1;
	}
	return 0;
}

static bool
run_connected(struct target *target, const struct load_plan *plan, const int *fds)
{
	struct load_result *result = target->result;

	if (!load_run(plan, fds, result)) {
		warnx("%s: %s", names[target->kind], result->first_error);
		return false;
	}
	if (target->rounds < ROUNDS_MAX && result->seconds > 0)
		target->rates[target->rounds++] = (double)result->answered / result->seconds;
	return true;
}

bool
target_round(struct target *target, const struct options *options)
{
	struct load_plan plan = plan_of(target, options);
	int *fds = malloc(plan.connections * sizeof *fds);
	pid_t child;
	bool ok;

	if (fds == NULL)
		return false;
	child = connect_all(target, plan.connections, fds);
	if (child < 0)
		warn("%s: %s", names[target->kind], target->path == NULL ? "start" : target->path);
	ok = child >= 0 && run_connected(target, &plan, fds);
	for (unsigned i = 0; i < plan.connections; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	child_stop(child);
	free(fds);
	return ok;
}

static int
ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double
target_rate(const struct target *target)
{
	double sorted[ROUNDS_MAX];
	unsigned n = target->rounds;

	if (n == 0)
		return 0;
	memcpy(sorted, target->rates, n * sizeof *sorted);
	qsort(sorted, n, sizeof *sorted, ascending);
	return (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
}

void
target_free(struct target *target)
{
	buf_free(&target->template.bytes);
	free(target->result);
	target->result = NULL;
}
