/*
 * A buddy allocator over offsets: it says which part of an arena is free and never touches the
 * arena. Blocks are powers of two, so that whatever was freed joins up again: an arena once full of
 * small blocks can serve large ones. Not locked: the arena's mutex covers every call but
 * buddy_held.
 */
#ifndef BASE_BUDDY_H
#define BASE_BUDDY_H

#include "protocol/error.h"

#define BUDDY_UNIT 64	/* the smallest block and the alignment, bytes */
#define BUDDY_ORDERS 15 /* block sizes, 64 bytes to 1 MiB */
#define BUDDY_BLOCK_MAX ((size_t)BUDDY_UNIT << (BUDDY_ORDERS - 1)) /* bytes */

struct buddy;

/* Manages offsets 0 to size, a multiple of BUDDY_UNIT; VAULT_BUSY when memory is short. */
MUST_USE enum vault_err buddy_open(size_t size, struct buddy **buddy);
/* NULL is fine. */
void buddy_close(struct buddy *buddy);
/* A block for len bytes (1 to BUDDY_BLOCK_MAX); false when there is none. */
bool buddy_take(struct buddy *buddy, size_t len, size_t *offset);
/* Whether a block for len bytes is handed out at offset. */
bool buddy_held(const struct buddy *buddy, size_t offset, size_t len);
/* Gives back a block that is held. */
void buddy_give(struct buddy *buddy, size_t offset, size_t len);
/* Gives back every block. */
void buddy_reset(struct buddy *buddy);
/* Bytes in blocks handed out. */
size_t buddy_used(const struct buddy *buddy);

#endif
