/*
 * Memory that lives as long as one request: taken piece by piece, given back all at once. The first
 * block is kept from one request to the next; further ones come from the heap and count against a
 * limit.
 */
#ifndef PROTOCOL_SCRATCH_H
#define PROTOCOL_SCRATCH_H

#include "protocol/error.h"

struct scratch_block;

struct scratch {
	uint8_t *base; /* the kept block */
	size_t size;   /* of the kept block */
	size_t used;   /* in the kept block */
	size_t extra;  /* bytes in further blocks */
	size_t limit;  /* of extra */
	struct scratch_block *blocks;
};

/* size: of the kept block; limit: bytes beyond it that one request may take. */
MUST_USE enum vault_err scratch_init(struct scratch *s, size_t size, size_t limit);
/* Zeroed, aligned to 16; NULL when the limit is reached. Valid until scratch_reset. */
void *scratch_alloc(struct scratch *s, size_t n);
/* The same, not zeroed: for what is written over at once. */
void *scratch_room(struct scratch *s, size_t n);
/* n bytes of p, copied. */
void *scratch_copy(struct scratch *s, const void *p, size_t n);
/* Gives everything back; wipe: overwrite it first. */
void scratch_reset(struct scratch *s, bool wipe);
void scratch_free(struct scratch *s);

#endif
