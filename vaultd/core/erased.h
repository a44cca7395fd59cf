/*
 * The row that an erased tenant leaves: what of it is still to be done, and later its tombstone.
 * Its place begins with how far it has got, so that what is left comes first.
 */
#ifndef CORE_ERASED_H
#define CORE_ERASED_H

#include "vaultd/core/op.h"

enum erased_state {
	ERASED_ROWS_LEFT,  /* to be removed */
	ERASED_PAGES_LEFT, /* to be overwritten */
	ERASED_DONE,
};

struct erased {
	struct row row; /* without plain text; id 0: a new one */
	struct erased_record rec;
};

/* The first in that state; VAULT_NOT_FOUND. Texts stand in the operation's memory. */
MUST_USE enum vault_err erased_first(struct op *op, enum erased_state state, struct erased *erased);
/* That of a tenant, in whichever state. */
MUST_USE enum vault_err erased_find(struct op *op, uint32_t number, enum erased_state *state,
				    struct erased *erased);
/* Writes it; where it stood in another state it moves. */
MUST_USE enum vault_err erased_put(struct op *op, enum erased_state state, struct erased *erased);

#endif
