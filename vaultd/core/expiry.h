/*
 * Rows that are forgotten at a time: an index in the order of time, each entry leading to a row of
 * any tenant and kind. Nothing is searched for what is due.
 *
 * A clock that jumped must not make the vault forget what it still needs, so nothing is forgotten
 * until the wall clock and the one that nobody sets have advanced alike for a while.
 */
#ifndef CORE_EXPIRY_H
#define CORE_EXPIRY_H

#include "vaultd/core/op.h"

#define EXPIRY_STEADY_SECONDS 600 /* after a start or a jump, before anything is forgotten */
#define EXPIRY_DRIFT_SECONDS 300  /* how far the clocks may part before it is a jump */
#define EXPIRY_SWEEP_CHANGE 4	  /* rows that go as a change is written which adds one */
#define EXPIRY_SWEEP_JOB 512	  /* and in one round of the periodic job */
#define EXPIRY_PERIOD_SECONDS 60  /* between its rounds */

/*
 * On the committer: the row, which was just written, is to go at that time, or within the hour after
 * it. A row has one entry: before is what was put last, 0 where nothing was.
 */
MUST_USE enum vault_err expiry_put(struct op *op, const struct row_key *row, uint64_t id,
				   int64_t before, int64_t at);
/* On the committer: removes rows whose time has come, the oldest first, at most so many. */
MUST_USE enum vault_err expiry_sweep(struct op *op, unsigned most);

#endif
