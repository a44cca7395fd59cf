#include "tools/vault-bench/options.h"

#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/vault-bench/load.h"
#include "tools/vault-bench/methods.h"

#define SECONDS_MAX 86400
#define IN_FLIGHT_LIMIT                                                                            \
	65536 /* of one connection; a daemon reads no more than it tells in sys.hello */
#define COUNT_MAX UINT64_C(1000000000)
#define MESSAGE_MAX 65536

enum option_kind { OPTION_TEXT, OPTION_NUMBER, OPTION_SECONDS, OPTION_FLAG };

struct option_row {
	const char *name;
	const char *argument;
	const char *help;
	enum option_kind kind;
	size_t offset; /* in struct options */
	uint64_t min, max;
};

#define TEXT_ROW(name, member, argument, help)                                                     \
	{                                                                                          \
		name, argument, help, OPTION_TEXT, offsetof(struct options, member), 0, 0          \
	}
#define NUMBER_ROW(name, member, min, max, help)                                                   \
	{                                                                                          \
		name, "N", help, OPTION_NUMBER, offsetof(struct options, member), min, max         \
	}
#define SECONDS_ROW(name, member, help)                                                            \
	{                                                                                          \
		name, "S", help, OPTION_SECONDS, offsetof(struct options, member), 0, SECONDS_MAX  \
	}
#define FLAG_ROW(name, member, help)                                                               \
	{                                                                                          \
		name, NULL, help, OPTION_FLAG, offsetof(struct options, member), 0, 0              \
	}

static const struct option_row rows[] = {
	TEXT_ROW("socket", socket, "PATH",
		 "the daemon's socket (VAULTD_SOCKET, /run/vaultd/vaultd.sock)"),
	TEXT_ROW("admin-socket", admin_socket, "PATH",
		 "its admin socket (VAULTD_ADMIN_SOCKET, /run/vaultd/admin.sock)"),
	TEXT_ROW("method", method, "NAME", "what to call (token.sign)"),
	NUMBER_ROW("connections", connections, 1, LOAD_CONNECTIONS_MAX, "connections (16)"),
	NUMBER_ROW("in-flight", in_flight, 1, IN_FLIGHT_LIMIT, "requests in flight on each (1)"),
	SECONDS_ROW("seconds", seconds, "measured time of a round (5)"),
	SECONDS_ROW("warmup", warmup, "time before it that does not count (1)"),
	NUMBER_ROW("rounds", rounds, 1, ROUNDS_MAX, "rounds; the median rate is told (1)"),
	NUMBER_ROW("count", count, 1, COUNT_MAX, "so many requests instead of a time"),
	FLAG_ROW("echo", echo, "in each round, the same load against a bare echo"),
	FLAG_ROW("floor", floor, "likewise against token.sign's system calls and primitives alone"),
	TEXT_ROW("redis", redis, "PATH",
		 "in each round, the same load of GETs (200 bytes) against a Redis socket"),
	FLAG_ROW("no-vault", no_vault,
		 "measure only what --echo, --floor and --redis name; needs no daemon"),
	TEXT_ROW("tenant", tenant, "NAME", "the tenant (bench)"),
	TEXT_ROW("profile", profile, "NAME", "the profile of token.* (bench-ALGORITHM)"),
	TEXT_ROW("key", key, "NAME",
		 "the key of key.*, webhook.* and crypto.* (what --setup makes)"),
	TEXT_ROW("algorithm", algorithm, "NAME",
		 "of the keys that --setup and key.create make (HS256)"),
	NUMBER_ROW("message", message, 1, MESSAGE_MAX,
		   "bytes that are signed, encrypted or stored (256)"),
	NUMBER_ROW("records", records, 1, COUNT_MAX,
		   "secrets that secret.put and secret.get go round, get by chance (1000)"),
	TEXT_ROW("apikeys", apikeys, "PATH",
		 "a file of API keys: apikey.create writes it, apikey.verify sends any of it"),
	NUMBER_ROW("apikey-count", apikey_count, 1, COUNT_MAX,
		   "API keys that --setup makes for apikey.verify where no file is given (10000)"),
	FLAG_ROW("setup", setup, "first make the tenant, keys and profile where they are missing"),
	TEXT_ROW("keyfile", keyfile, "PATH",
		 "with --setup: initialise or unseal with this key file if need be"),
	FLAG_ROW("start-time", start_time,
		 "start COMMAND in each round and tell the time to the first answer"),
	FLAG_ROW("library", library,
		 "only what one core signs with the --algorithm's library alone; needs no daemon"),
	TEXT_ROW("stream", stream, "PATH",
		 "only how fast secretstream alone seals the file's bytes; needs no daemon"),
	FLAG_ROW("json", json, "one line of JSON"),
	FLAG_ROW("help", help, "this text"),
};

#define ROWS (sizeof rows / sizeof rows[0])

void
options_help(void)
{
	const struct method *method;

	printf("usage: vault-bench [OPTIONS] [-- COMMAND...]\n\n");
	for (size_t i = 0; i < ROWS; i++)
		printf("  --%-12s %-5s %s\n", rows[i].name,
		       rows[i].argument == NULL ? "" : rows[i].argument, rows[i].help);
	printf("\nmethods:");
	for (size_t i = 0; (method = method_each(i)) != NULL; i++)
		printf(" %s", op_rows[method->op].method);
	printf("\n\nexit: 0 all answers were good, 1 usage or local failure, 2 the daemon answered "
	       "an error\n");
}

static bool
parse_number(const struct option_row *row, const char *arg, void *at)
{
	uint64_t v;
	char *end;

	errno = 0;
	v = strtoull(arg, &end, 10);
	if (errno != 0 || end == arg || *end != '\0' || *arg == '-' || v < row->min ||
	    v > row->max) {
		warnx("--%s takes a number from %llu to %llu", row->name,
		      (unsigned long long)row->min, (unsigned long long)row->max);
		return false;
	}
	memcpy(at, &v, sizeof v);
	return true;
}

static bool
parse_seconds(const struct option_row *row, const char *arg, void *at)
{
	double v;
	char *end;

	v = strtod(arg, &end);
	if (end == arg || *end != '\0' || !(v >= 0 && v <= SECONDS_MAX)) {
		warnx("--%s takes seconds, as in 0.5", row->name);
		return false;
	}
	memcpy(at, &v, sizeof v);
	return true;
}

static bool
take(const struct option_row *row, const char *arg, struct options *o)
{
	void *at = (char *)o + row->offset;

	switch (row->kind) {
	case OPTION_TEXT:
		memcpy(at, &arg, sizeof arg);
		return true;
	case OPTION_NUMBER:
		return parse_number(row, arg, at);
	case OPTION_SECONDS:
		return parse_seconds(row, arg, at);
	case OPTION_FLAG:
		memcpy(at, &(bool){ true }, sizeof(bool));
		return true;
	}
	return false;
}

static const char *
environment(const char *name, const char *otherwise)
{
	const char *v = getenv(name);

	return v != NULL && *v != '\0' ? v : otherwise;
}

static bool
sensible(const struct options *o)
{
	if (o->no_vault && !o->echo && !o->floor && o->redis == NULL)
		warnx("--no-vault leaves nothing to measure: add --echo, --floor or --redis");
	else if (o->start_time && o->command == NULL)
		warnx("--start-time needs a command: vault-bench --start-time -- vaultd --config "
		      "FILE");
	else if (!o->start_time && o->command != NULL)
		warnx("%s: unexpected argument", o->command[0]);
	else if (o->count == 0 && o->seconds <= 0)
		warnx("--seconds must be more than 0");
	else
		return true;
	return false;
}

bool
options_parse(int argc, char **argv, struct options *o)
{
	struct option longs[ROWS + 1] = { 0 };
	int index;

	*o = (struct options){ .socket = environment("VAULTD_SOCKET", "/run/vaultd/vaultd.sock"),
			       .admin_socket =
				       environment("VAULTD_ADMIN_SOCKET", "/run/vaultd/admin.sock"),
			       .method = "token.sign",
			       .tenant = "bench",
			       .algorithm = "HS256",
			       .connections = 16,
			       .in_flight = 1,
			       .rounds = 1,
			       .message = 256,
			       .apikey_count = 10000,
			       .records = 1000,
			       .seconds = 5,
			       .warmup = 1 };
	for (size_t i = 0; i < ROWS; i++)
		longs[i] =
			(struct option){ rows[i].name,
					 rows[i].argument == NULL ? no_argument : required_argument,
					 NULL, (int)i + 1 };
	while ((index = getopt_long(argc, argv, "+", longs, NULL)) != -1) {
		if (index == '?' || index < 1 || index > (int)ROWS)
			return false;
		if (!take(&rows[index - 1], optarg, o))
			return false;
	}
	o->command = optind < argc ? argv + optind : NULL;
	return o->help || sensible(o);
}
