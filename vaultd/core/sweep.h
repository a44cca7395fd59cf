/*
 * Work on more rows than one commit should hold: done in steps by the committer, between and beside
 * the changes that callers wait for. What is left to be done stands in rows of tenant 0, one each,
 * so it goes on after a crash or a seal.
 */
#ifndef CORE_SWEEP_H
#define CORE_SWEEP_H

#include "vaultd/core/op.h"

/* What came of a step. */
struct sweep_done {
	enum op_id finished; /* the operation whose work is done, for the audit; OP_COUNT: none */
	bool more;	     /* there is something left to be done ... */
	bool rest;	     /* ... but not in this group of changes */
	bool scrub;	     /* what is left is to overwrite free pages */
};

/* On the committer: tells who asks for it how far a sweep has got. */
void sweep_tell(struct op *op, const struct work_seen *at);

/* The tenant number of the first row of that kind; VAULT_NOT_FOUND where there is none. */
MUST_USE enum vault_err sweep_first(struct op *op, enum row_kind kind, uint32_t *number);

/* Whether entries of a kind lead to a row that is sealed for another one, or to none. */
bool row_kind_index_only(uint8_t kind);

/*
 * How far a sweep of a tenant has got: first through its own index entries, then through those of
 * tenant 0 that may lead to it.
 */
struct sweep_place {
	bool store; /* among those of tenant 0 */
	uint8_t kind;
	bool inside; /* behind tag and row; else before the kind's first entry */
	uint8_t tag[ROW_TAG_BYTES];
	uint64_t row;
};
/*
 * The next entry behind the place, which moves there; VAULT_NOT_FOUND behind the last. store_kinds:
 * the kinds of tenant 0 to go through, in rising order, 0 ends; entries of every tenant are among
 * them.
 */
MUST_USE enum vault_err sweep_next(struct txn *txn, uint32_t tenant, const uint8_t *store_kinds,
				   struct sweep_place *place);
/* Passes over what is left of the place's kind. */
void sweep_skip_kind(struct sweep_place *place);
/* The tenant that an entry of tenant 0 leads to, where its tag says so; 0 where it does not. */
uint32_t sweep_tenant_of(uint8_t kind, const uint8_t tag[static ROW_TAG_BYTES]);

#endif
