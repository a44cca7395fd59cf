/*
 * What must be rotated, in the order of time: index entries that lead to the rows of secrets, keys
 * and API keys, one under the tenant and one under the store, so that either is a walk and never a
 * scan. The entries hold times and parts of tags; names are in the rows.
 */
#ifndef CORE_DUE_H
#define CORE_DUE_H

#include "vaultd/core/op.h"

/*
 * In a change: the row (key and id, as it was written) is due at that time, and was before. 0: never.
 * One that is being removed is due never, and told so before its row goes.
 */
MUST_USE enum vault_err due_move(struct op *op, enum due_kind kind, const struct row *row,
				 int64_t before, int64_t after);

/* What an entry says, and where its row stands once due_place has found it. */
struct due_entry {
	int64_t at;
	enum due_kind kind;
	uint32_t tenant;
	uint64_t id;
	struct row_key index;
};

#define DUE_CURSOR_BYTES (ROW_TAG_BYTES + 8)

/*
 * Entries due until then, from the most urgent on, of a tenant (0: of all), behind a cursor (NULL:
 * from the first): at most max of them. *n: how many were found.
 */
struct due_range {
	uint32_t tenant;
	int64_t until;
	const uint8_t *after; /* DUE_CURSOR_BYTES */
	size_t max;
};
MUST_USE enum vault_err due_find(struct op *op, const struct due_range *range,
				 struct due_entry *entries, size_t *n);
void due_cursor(const struct due_entry *entry, uint8_t cursor[static DUE_CURSOR_BYTES]);

/* Opens the row that an entry of the operation's tenant leads to; VAULT_NOT_FOUND where it is gone. */
MUST_USE enum vault_err due_open(struct op *op, const struct due_entry *entry, enum row_kind kind,
				 struct row *row);

#endif
