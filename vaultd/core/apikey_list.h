/*
 * API keys as they are shown: never the secret, which nobody has.
 */
#ifndef CORE_APIKEY_LIST_H
#define CORE_APIKEY_LIST_H

#include "vaultd/core/apikey.h"

#define APIKEY_ROTATION_SECONDS (90 * 86400) /* a key older than this is due for rotation */

/* Fills apikey.get's answer; its views borrow from the key. */
MUST_USE enum vault_err apikey_show(struct op *op, const struct apikey *key,
				    struct apikey_get_res *res);
/* A page of op->tenant's keys, in the order of creation. */
MUST_USE enum vault_err apikey_page(struct op *op, const struct apikey_list_req *req,
				    struct apikey_list_res *res);

/* A key that is active and was made so long ago that it is to be rotated. */
struct apikey_due {
	struct vault_text name, id, owner; /* in the operation's memory */
	int64_t created_at;
	int64_t last_used_at; /* 0: never */
	int64_t due_at;
};
/*
 * Those of op->tenant that are due before a time, the longest due first, at most max at a time: each
 * call goes on behind the last. *n tells how many were found. A call opens at most
 * PAGE_ROWS_MAX rows, so it may find none; ended tells that there are no more.
 */
struct apikey_due_walk {
	int64_t due_before;
	size_t max;
	bool begun, ended;
	uint8_t after[ROW_TAG_BYTES];
};
MUST_USE enum vault_err apikey_due_next(struct op *op, struct apikey_due_walk *walk,
					struct apikey_due *items, size_t *n);

#endif
