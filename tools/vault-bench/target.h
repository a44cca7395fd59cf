/*
 * Whom a round measures, one after the other: the bare echo, the floor, the vault, Redis.
 */
#ifndef VAULT_BENCH_TARGET_H
#define VAULT_BENCH_TARGET_H

#include "tools/vault-bench/load.h"
#include "tools/vault-bench/options.h"

enum target_kind { TARGET_ECHO, TARGET_FLOOR, TARGET_VAULT, TARGET_REDIS, TARGET_COUNT };

struct target {
	enum target_kind kind;
	const char *path;	  /* of the socket; echo and floor have none */
	struct template template; /* of what is sent to it */
	struct load_result *result;
	struct apikeys *made;	  /* gets the API keys that are made; NULL: they are thrown away */
	double rates[ROUNDS_MAX]; /* requests a second */
	unsigned rounds;
};

/* Sets the key that Redis is asked for, and encodes the request; what failed is said on stderr. */
bool target_redis(struct target *target, const char *path);

/* Connects, runs the load once, adds its rate, disconnects. False where the run broke off: said on
 * stderr. */
bool target_round(struct target *target, const struct options *options);

/* The median of the rounds' rates. */
double target_rate(const struct target *target);

void target_free(struct target *target);

#endif
