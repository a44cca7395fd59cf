/*
 * Which token ids of a tenant may be revoked: a Bloom filter in memory, so that a token which is not
 * costs one look instead of a search through an index of millions. It says "maybe" of some that are
 * not, and then the store decides; it never says "no" of one that is.
 *
 * The committer alone makes, grows and adds to it; every thread reads. A filter that was outgrown
 * stays until the end, because others may be reading it: together they take twice the last.
 */
#ifndef CORE_REVOKED_FILTER_H
#define CORE_REVOKED_FILTER_H

#include <stdatomic.h>

#include "vaultd/store/store.h"

struct revoked_filter {
	struct revoked_filter *older; /* outgrown */
	uint64_t mask;		      /* words - 1 */
	uint64_t room;		      /* ids that it is made for */
	uint64_t count;		      /* and has: the committer's */
	_Atomic uint64_t words[];
};
void revoked_filter_free(struct revoked_filter *filter);

/*
 * On the committer: makes one of all rows of that tenant and kind, with room for more, before which
 * *filter (may be NULL) is replaced. VAULT_BUSY when memory is short.
 */
MUST_USE enum vault_err revoked_filter_build(struct txn *txn, uint32_t tenant, uint8_t kind,
					     _Atomic(struct revoked_filter *) *filter);
/* On the committer. False where it is full: then it must be built anew, once the row is written. */
bool revoked_filter_add(struct revoked_filter *filter, const uint8_t tag[static ROW_TAG_BYTES]);
/* From any thread. */
bool revoked_filter_maybe(const struct revoked_filter *filter,
			  const uint8_t tag[static ROW_TAG_BYTES]);

#endif
