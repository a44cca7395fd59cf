/*
 * vault-bench: measures a running daemon, and beside it, in the same run and with the same client,
 * a bare echo and Redis.
 */
#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "protocol/text.h"
#include "tools/vault-bench/library.h"
#include "tools/vault-bench/report.h"
#include "tools/vault-bench/setup.h"
#include "tools/vault-bench/startup.h"

#define EXIT_USAGE 1
#define EXIT_DAEMON 2
#define NAME_SIZE 80

struct bench {
	struct options options;
	const struct method *method;
	struct bench_names names;
	char profile[NAME_SIZE], token_key[NAME_SIZE], raw_key[NAME_SIZE], hook_key[NAME_SIZE],
		unique[NAME_SIZE], rotated[NAME_SIZE];
	uint8_t *message;
	struct apikeys apikeys;
	struct target targets[TARGET_COUNT];
	struct target *measured[TARGET_COUNT];
};

static int
exit_of(enum vault_err err)
{
	return err == VAULT_OK ? 0 : err == VAULT_INTERNAL ? EXIT_USAGE : EXIT_DAEMON;
}

static int
algorithm_of(const char *name)
{
	for (int i = 1; i < key_algorithm_enum.count; i++)
		if (strcmp(key_algorithm_enum.names[i], name) == 0)
			return i;
	return key_algorithm_none;
}

static struct vault_text
name_or(const char *given, const char *made)
{
	return text_of(given != NULL ? given : made);
}

/* Names of one algorithm's keys and profile, and names that no earlier run has made. */
static bool
name_things(struct bench *b)
{
	const struct options *o = &b->options;

	b->message = calloc(1, o->message);
	if (b->message == NULL)
		return false;
	snprintf(b->profile, NAME_SIZE, "bench-%.32s", o->algorithm);
	snprintf(b->token_key, NAME_SIZE, "bench-token-%.32s", o->algorithm);
	snprintf(b->raw_key, NAME_SIZE, "bench-raw-%.32s", o->algorithm);
	snprintf(b->hook_key, NAME_SIZE, "bench-hook-%.32s", o->algorithm);
	snprintf(b->rotated, NAME_SIZE, "rotate-%.32s-" COUNTER_MARK, o->algorithm);
	snprintf(b->unique, NAME_SIZE, "bench-%llx-" COUNTER_MARK,
		 (unsigned long long)load_clock());
	b->names = (struct bench_names){
		.tenant = text_of(o->tenant),
		.profile = name_or(o->profile, b->profile),
		.token_key = text_of(b->token_key),
		.raw_key = name_or(o->key, b->raw_key),
		.hook_key = name_or(o->key, b->hook_key),
		.crypto_key = name_or(o->key, "bench-crypto"),
		.algorithm = algorithm_of(o->algorithm),
		.message = { b->message, o->message },
		.unique = text_of(b->unique),
		.rotated = name_or(o->key, b->rotated),
		.apikeys = &b->apikeys,
		.secret = TEXT_LITERAL("db/" COUNTER_MARK),
		.records = o->records,
	};
	return true;
}

static const char *
socket_of(const struct bench *b)
{
	bool admin = op_rows[b->method->op].class == CLASS_ADMIN;

	return admin ? b->options.admin_socket : b->options.socket;
}

/* The request is the same for the vault and for the echo; without a vault it is one that needs no
 * sample. */
static enum vault_err
prepare_vault(struct bench *b, struct template *out)
{
	struct caller caller = { .fd = -1 };
	enum vault_err err = VAULT_OK;

	if (b->method->needs_sample || !b->options.no_vault)
		err = caller_open(&caller, socket_of(b));
	if (err == VAULT_OK)
		err = method_prepare(b->method, &b->names, &caller, out);
	if (err != VAULT_OK)
		warnx("%s: %s", b->options.method, caller.error);
	caller_close(&caller);
	return err;
}

static bool
prepare_target(struct bench *b, enum target_kind kind)
{
	struct target *target = &b->targets[kind];

	target->kind = kind;
	target->result = calloc(1, sizeof *target->result);
	b->measured[kind] = target;
	return target->result != NULL;
}

static enum vault_err
prepare(struct bench *b)
{
	struct target *vault = &b->targets[TARGET_VAULT], *echo = &b->targets[TARGET_ECHO],
		      *floor = &b->targets[TARGET_FLOOR];

	if (!b->options.no_vault) {
		TRY(prepare_target(b, TARGET_VAULT) ? VAULT_OK : VAULT_INTERNAL);
		vault->path = socket_of(b);
		if (b->method->op == OP_apikey_create && b->options.apikeys != NULL)
			vault->made = &b->apikeys;
		TRY(prepare_vault(b, &vault->template));
	}
	if (b->options.echo) {
		TRY(prepare_target(b, TARGET_ECHO) ? VAULT_OK : VAULT_INTERNAL);
		TRY(prepare_vault(b, &echo->template));
	}
	if (b->options.floor) {
		TRY(prepare_target(b, TARGET_FLOOR) ? VAULT_OK : VAULT_INTERNAL);
		TRY(prepare_vault(b, &floor->template));
	}
	if (b->options.redis != NULL) {
		TRY(prepare_target(b, TARGET_REDIS) ? VAULT_OK : VAULT_INTERNAL);
		TRY(target_redis(&b->targets[TARGET_REDIS], b->options.redis) ? VAULT_OK
									      : VAULT_INTERNAL);
	}
	return VAULT_OK;
}

static int
measure(struct bench *b)
{
	bool refused = false;

	for (unsigned round = 0; round < b->options.rounds; round++)
		for (int kind = 0; kind < TARGET_COUNT; kind++)
			if (b->measured[kind] != NULL &&
			    !target_round(b->measured[kind], &b->options))
				return EXIT_USAGE;
	(b->options.json ? report_json : report_text)(&b->options, b->measured);
	for (int kind = 0; kind < TARGET_COUNT; kind++) {
		const struct target *target = b->measured[kind];

		if (target == NULL || target->result->errors == 0)
			continue;
		warnx("%llu errors, the first: %s", (unsigned long long)target->result->errors,
		      target->result->first_error);
		refused = true;
	}
	return refused ? EXIT_DAEMON : 0;
}

static int
start_time(const struct bench *b)
{
	struct startup startup = { b->options.command, socket_of(b), b->method, &b->names };
	struct target times = { 0 }; /* its median serves for milliseconds as well */

	for (unsigned round = 0; round < b->options.rounds; round++)
		if (!startup_measure(&startup, &times.rates[times.rounds++]))
			return EXIT_USAGE;
	if (b->options.json)
		printf("{\"method\":\"%s\",\"rounds\":%u,\"first_answer_ms\":%.2f}\n",
		       b->options.method, times.rounds, target_rate(&times));
	else
		printf("first answer to %s after %.2f ms (median of %u starts)\n",
		       b->options.method, target_rate(&times), times.rounds);
	return 0;
}

static enum vault_err
find_apikeys(struct bench *b)
{
	if (!b->method->needs_apikeys)
		return VAULT_OK;
	if (b->options.apikeys != NULL)
		return apikeys_read(&b->apikeys, b->options.apikeys);
	if (apikeys_count(&b->apikeys) > 0)
		return VAULT_OK;
	warnx("%s sends keys that --setup makes, or those of --apikeys", b->options.method);
	return VAULT_INTERNAL;
}

static int
library(const struct bench *b)
{
	struct library_run run = { b->names.algorithm, b->options.message, b->options.seconds };
	struct target rates = { 0 };

	for (unsigned round = 0; round < b->options.rounds; round++) {
		if (!library_measure(&run, &rates.rates[rates.rounds++])) {
			warnx("--library signs with EdDSA, ES256 and RS256");
			return EXIT_USAGE;
		}
	}
	printf(b->options.json ? "{\"library\":\"%s\",\"throughput\":%.1f}\n"
			       : "%s by its library alone: %.0f/s (one core)\n",
	       b->options.algorithm, target_rate(&rates));
	return 0;
}

static int
stream(const struct bench *b)
{
	struct target rates = { 0 };

	for (unsigned round = 0; round < b->options.rounds; round++) {
		if (!library_stream(b->options.stream, &rates.rates[rates.rounds++])) {
			warn("%s", b->options.stream);
			return EXIT_USAGE;
		}
	}
	printf(b->options.json ? "{\"throughput\":%.1f}\n" : "secretstream alone: %.0f bytes/s\n",
	       target_rate(&rates));
	return 0;
}

static int
run(struct bench *b)
{
	struct setup setup = { .admin_socket = b->options.admin_socket,
			       .keyfile = b->options.keyfile,
			       .names = &b->names,
			       .rotated = b->method->op == OP_key_rotate && b->options.key == NULL,
			       .apikey_count = b->options.apikey_count };
	enum vault_err err = VAULT_OK;
	int status;

	if (b->options.library)
		return library(b);
	if (b->options.stream != NULL)
		return stream(b);
	if (b->options.start_time)
		return start_time(b);
	if (b->method->needs_apikeys && b->options.apikeys == NULL)
		setup.apikeys = &b->apikeys;
	if (b->options.setup)
		err = setup_run(&setup);
	if (err == VAULT_OK)
		err = find_apikeys(b);
	if (err == VAULT_OK)
		err = prepare(b);
	if (err != VAULT_OK)
		return exit_of(err);
	status = measure(b);
	if (b->targets[TARGET_VAULT].made != NULL &&
	    apikeys_write(&b->apikeys, b->options.apikeys) != VAULT_OK)
		return EXIT_USAGE;
	return status;
}

int
main(int argc, char **argv)
{
	struct bench *b = calloc(1, sizeof *b);
	int status = EXIT_USAGE;

	if (b == NULL || !options_parse(argc, argv, &b->options)) {
		free(b);
		return EXIT_USAGE;
	}
	signal(SIGPIPE, SIG_IGN);
	b->method = method_find(b->options.method);
	if (b->options.help) {
		options_help();
		status = 0;
	} else if (b->method == NULL || algorithm_of(b->options.algorithm) == key_algorithm_none) {
		warnx("no such method or algorithm; --help lists them");
	} else if (name_things(b)) {
		status = run(b);
	}
	for (int kind = 0; kind < TARGET_COUNT; kind++)
		target_free(&b->targets[kind]);
	apikeys_free(&b->apikeys);
	free(b->message);
	free(b);
	return status;
}
