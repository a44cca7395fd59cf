/*
 * Going through segments block by block, checking everything: what recovery and verifying share.
 */
#ifndef CORE_AUDIT_WALK_H
#define CORE_AUDIT_WALK_H

#include "vaultd/core/audit_files.h"

struct audit_walk {
	int dir;
	struct audit_opener opener;
	struct audit_reader reader;
	struct audit_header header; /* of the segment it is in */
	struct secret key;
	struct audit_head head; /* behind the last block that was good */
	uint64_t number;	/* the next block has this number or a higher one */
	uint64_t epoch;
	uint8_t epoch_key[32];
	struct buf records; /* of the last block */
	const char *why;    /* a string constant: why the last call found it invalid */
};
/* dir and what opener points to are borrowed. */
void audit_walk_init(struct audit_walk *walk, int dir, const struct audit_opener *opener);
void audit_walk_free(struct audit_walk *walk);

/*
 * Begins at a segment, taking its header's word for what was before. VAULT_INTEGRITY where it is
 * missing or its header is invalid; the walk is then good only to be freed.
 */
MUST_USE enum vault_err audit_walk_begin(struct audit_walk *walk, uint64_t segment);
/*
 * The next block. VAULT_NOT_FOUND where there are no more in this segment (zeros, or the file's
 * end); VAULT_INTEGRITY where what comes is not a valid block that goes on here. The walk then
 * still stands behind the last good block.
 */
MUST_USE enum vault_err audit_walk_next(struct audit_walk *walk, struct audit_block *block);
/*
 * Goes on to the next segment, whose header must join up. VAULT_NOT_FOUND where there is none,
 * VAULT_INTEGRITY where it does not; the walk then still stands in the segment it was in.
 */
MUST_USE enum vault_err audit_walk_follow(struct audit_walk *walk);
/* The offset behind the last byte of this segment that is not zero; the head's where nothing
 * follows the last block. */
MUST_USE enum vault_err audit_walk_end(struct audit_walk *walk, uint64_t *end);

#endif
