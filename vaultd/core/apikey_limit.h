/*
 * Rates that come with API keys: a key's own limit, and how often a caller who does not tell where a
 * key came from may send wrong ones. Kept in memory that all threads share and that is bounded; a
 * restart forgets them.
 */
#ifndef CORE_APIKEY_LIMIT_H
#define CORE_APIKEY_LIMIT_H

#include "vaultd/base/limit.h"
#include "vaultd/core/op.h"

/* Whose rate: a key's by its row, a caller's by his uid. */
uint64_t apikey_limit_of_key(uint64_t row);
uint64_t apikey_limit_of_caller(uint32_t uid);
/* Wrong keys a caller may send without a source. */
#define APIKEY_CALLER_RATE 10
#define APIKEY_CALLER_BURST 100

/* Takes one; false with *retry_ms where there is none left. */
bool apikey_limit_take(struct op *op, uint64_t whose, const struct limit_rate *rate,
		       int64_t *retry_ms);
/* Whether one could be taken, without taking it. */
bool apikey_limit_look(struct op *op, uint64_t whose, const struct limit_rate *rate,
		       int64_t *retry_ms);
/* Only while no other thread uses it. */
void apikey_limits_free(struct vault *vault);

#endif
