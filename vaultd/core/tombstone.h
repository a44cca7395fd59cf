/*
 * What is left of a key, a profile or a secret that was removed: the name that the audit tells, and
 * the number that versions of what is made anew under it go on behind. A row of its own under the
 * tag of what was there.
 */
#ifndef CORE_TOMBSTONE_H
#define CORE_TOMBSTONE_H

#include "vaultd/core/op.h"

/* place: where what was removed stood. An older one is replaced. last: 0 where there are no versions. */
MUST_USE enum vault_err tombstone_put(struct op *op, const struct row_key *place,
				      struct vault_text name, uint32_t last);
/* The highest version number that ever stood there; 0: none did. */
MUST_USE enum vault_err tombstone_last(struct op *op, const struct row_key *place, uint32_t *last);

#endif
