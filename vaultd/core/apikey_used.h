/*
 * When API keys were last used. Verifying only notes it in memory that all threads share; the
 * committer writes what was noted once a minute, 256 keys to a row, so that nothing is written on
 * the hot path. A crash loses at most the last minute.
 *
 * The memory is bounded: of more keys than it holds, used within one minute, some go unnoted.
 */
#ifndef CORE_APIKEY_USED_H
#define CORE_APIKEY_USED_H

#include "vaultd/core/op.h"

#define APIKEY_USED_FLUSH_MS 60000
#define APIKEY_USED_WINDOWS 16 /* a flush is done in so many parts */

/* From any thread; waits for nobody. */
void apikey_used_note(struct vault *vault, uint32_t tenant, uint64_t row, int64_t now);
/* Has the row's place ready by the time it is noted. */
void apikey_used_soon(struct vault *vault, uint64_t row);
/* Whether anything was noted since the last call. */
bool apikey_used_pending(struct vault *vault);
/* On the committer: writes one part of what was noted. */
MUST_USE enum vault_err apikey_used_flush(struct op *op, unsigned window);
/* Only while no other thread uses it. */
void apikey_used_free(struct vault *vault);

/* The row of times that was looked at last, so that a list opens each once. All zero at first. */
struct apikey_used_row {
	uint64_t block;
	bool loaded;
	struct vault_bytes times; /* in the operation's memory; p NULL: none were written */
};
/* Seconds since 1970, of a key of op->tenant; 0: never. */
MUST_USE enum vault_err apikey_used_at(struct op *op, uint64_t row, struct apikey_used_row *last,
				       int64_t *at);

#endif
