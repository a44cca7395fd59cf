/*
 * What was answered to requests that carried a request_id, kept for a day, so that the same request
 * is done once: the answer is written in the change that it tells of, and is as durable as that.
 *
 * Rows of tenant 0, under a keyed tag of principal and id; an index entry for each in the order of
 * expiry. What is expired counts as absent, and goes a few rows at a time as others are written.
 */
#ifndef CORE_REPLAY_H
#define CORE_REPLAY_H

#include "vaultd/core/op.h"

#define REPLAY_SECONDS 86400 /* how long an answer is given again */
#define REPLAY_SWEEP_MAX 4   /* expired answers that go as one is written */
#define REPLAY_FIELDS_BYTES 32

/* One request: where its answer stands, and what tells it from others under the same id. */
struct replay {
	struct row_key place;
	/*
	 * HMAC, because they may hold secrets, over principal, id, method and the fields that were
	 * given, however they were encoded. The actor is none of them: it says for whom, not what.
	 */
	uint8_t fields[REPLAY_FIELDS_BYTES];
	uint64_t expired_id; /* of a row that stands there but no longer counts; 0: none */
	int64_t expired_created;
};

/* op->common.request_id must be there. req: the request, as it was decoded. */
MUST_USE enum vault_err replay_of(struct op *op, const void *req, struct replay *replay);

/*
 * VAULT_OK: the request was done before. *result, in the operation's memory, is what it was
 * answered, without what is secret or shown once; p NULL where that was too large to be kept.
 * op->note tells the audit. VAULT_NOT_FOUND: it was not, or too long ago. VAULT_CONFLICT naming
 * "request_id": another request was.
 */
MUST_USE enum vault_err replay_find(struct op *op, struct replay *replay, struct vault_map *result);

/* On the committer, after replay_find found none: keeps res, the operation's result. */
MUST_USE enum vault_err replay_keep(struct op *op, const struct replay *replay, const void *res);

/*
 * On the committer: removes the answer that stands there if it is about that tenant, which was
 * erased; *removed: it was. What erased it has an answer too, which stays.
 */
MUST_USE enum vault_err replay_forget_tenant(struct op *op, const struct row_key *place,
					     uint64_t id, uint32_t tenant, bool *removed);

#endif
