/*
 * Uses of an API key: a number that goes down with every good answer, durably and before it, and up
 * by an amount each period where that was asked for.
 */
#ifndef CORE_APIKEY_USES_H
#define CORE_APIKEY_USES_H

#include "vaultd/core/apikey.h"

/* Uses left now, refilled up to now; of a key without a number of uses it means nothing. */
int64_t apikey_uses_left(const struct apikey_record *rec, int64_t now);
/*
 * Counts one use unless it was counted under that text before (p NULL: it has none). *left gets the
 * uses left after it, or -1 where none was. On a worker it answers VAULT_BUSY with op->deferred set
 * where one is to be counted; on the committer it writes. op->tenant is the key's.
 */
MUST_USE enum vault_err apikey_use(struct op *op, struct apikey *key, struct vault_text use,
				   int64_t *left);

#endif
