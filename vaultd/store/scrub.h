/*
 * Makes what was deleted unreadable in the store's file. LMDB writes a page anew when it changes
 * and leaves the old one as it was until it is used again; and the room between a page's entries is
 * not cleared either, so it holds whatever was in the memory that the page was made in.
 *
 *   1. Filler goes into a table of its own, more of it than any commit has pages: the memory that
 *      LMDB makes pages in then holds filler.
 *   2. Every page there is is written anew, by putting each entry once more.
 *   3. Filler takes every page that was free by then, until none is left.
 *   4. The filler is deleted; what is free from here on is filler.
 *
 * Each step is a short transaction of its own that changes nothing anyone can see. A crash leaves
 * filler, which the next scrub begins with deleting. LMDB hands out no page that a reader or either
 * of its two root pages may still need, so nothing is overwritten that a crash would go back to;
 * pages that an old reader holds make a step answer VAULT_BUSY. The file grows by 24 MiB at most.
 */
#ifndef STORE_SCRUB_H
#define STORE_SCRUB_H

#include "vaultd/store/store.h"

enum scrub_phase {
	SCRUB_IDLE,
	SCRUB_EMPTY, /* filler of an interrupted one goes */
	SCRUB_FILL,
	SCRUB_TOUCH_ROWS,
	SCRUB_TOUCH_INDEX,
	SCRUB_TOUCH_META,
	SCRUB_TAKE, /* the free pages */
	SCRUB_DROP,
};

/* How far it has got; the writing thread's. */
struct scrub {
	enum scrub_phase phase;
	bool at;	  /* place and dup tell behind which entry it goes on */
	uint8_t place[8]; /* a key of the table that is being written anew */
	size_t place_len;
	uint8_t dup[20];
	size_t upto;	 /* the last transaction whose freed pages are to be taken */
	uint64_t filler; /* the next key of it */
	uint64_t rounds; /* steps of taking pages */
};

/*
 * One step, by the writing thread and without a write transaction open; *done behind the last.
 * Begins where scrub->phase is SCRUB_IDLE. VAULT_BUSY: not now, an old snapshot is in use.
 * VAULT_STORAGE_FULL. VAULT_INTERNAL: a commit failed, and the process must end.
 */
MUST_USE enum vault_err store_scrub(struct store *store, struct scrub *scrub, bool *done);

#endif
