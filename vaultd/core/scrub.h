/*
 * When the store's file is to be overwritten where it is free (store/scrub.h): a row tells that it
 * is wanted, so it is done also after a crash.
 */
#ifndef CORE_SCRUB_H
#define CORE_SCRUB_H

#include "vaultd/core/op.h"

/* On the committer: what this change deleted is to be overwritten. */
MUST_USE enum vault_err scrub_want(struct op *op);
/* Whether one is wanted. */
MUST_USE enum vault_err scrub_wanted(struct op *op, bool *wanted);
/* On the committer: whether one that began behind that revision has ended. */
bool scrub_since(const struct op *op, uint64_t revision);
/* On the committer: the wish is fulfilled, where one ended that began behind it. *done: it is. */
MUST_USE enum vault_err scrub_settle(struct op *op, bool *done);

#endif
