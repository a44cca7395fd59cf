/*
 * Lists, page by page: a cursor is the tag of the last row that was looked at, opaque to the
 * caller.
 */
#ifndef CORE_PAGE_H
#define CORE_PAGE_H

#include "vaultd/core/op.h"

/* The most rows that one page opens, however few of them it shows. */
#define PAGE_ROWS_MAX 5000
/* Memory that a page's items may take before it ends, so that its reply stays below a frame. */
#define PAGE_BYTES_MAX (256 * 1024)

/*
 * Fills *item from a record; VAULT_NOT_FOUND passes over it. What it points to must stand in the
 * operation's memory.
 */
typedef enum vault_err (*page_item)(struct op *op, const struct row *row, void *item);

struct page {
	struct op *op;
	const struct row_keys *keys;
	enum row_kind kind;
	const struct object_type *item; /* what the list shows */
	page_item make;
	int64_t limit;		  /* items, at most */
	struct vault_text cursor; /* where to go on; p NULL: at the beginning */
	/* Turns the index's key into the one that a row is bound to; NULL where they are the same. */
	void (*bound)(struct row_key *key);
	unsigned
		rows_max; /* rows that it opens, where that is less than PAGE_ROWS_MAX; 0: as that */
};

/* Walks one page into items and sets *cursor where there is more. */
MUST_USE enum vault_err page_walk(const struct page *page, struct object_list *items,
				  struct vault_text *cursor);

#endif
