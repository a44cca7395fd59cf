/*
 * What must be rotated, in the order of time: index entries that lead to the rows of secrets, keys
 * and API keys, one under the tenant and one under the store, so that either is a walk and never a
 * scan. The entries hold times and parts of tags; names are in the rows.
 */
#ifndef CORE_REMINDER_H
#define CORE_REMINDER_H

#include "vaultd/core/op.h"

/*
 * In a change: the row (key and id, as it was written) is due at that time, and was before. 0: never.
 * One that is being removed is due never, and told so before its row goes.
 */
MUST_USE enum vault_err reminder_move(struct op *op, enum due_kind kind, const struct row *row,
				      int64_t before, int64_t after);

/* What an entry says, and where its row stands once reminder_open has found it. */
struct reminder {
	int64_t at;
	enum due_kind kind;
	uint32_t tenant;
	uint64_t id;
	struct row_key index;
};

#define REMINDER_CURSOR_BYTES (ROW_TAG_BYTES + 8)

/*
 * Entries due until then, from the most urgent on, of a tenant (0: of all), behind a cursor (NULL:
 * from the first): at most max of them. *n: how many were found.
 */
struct reminder_range {
	uint32_t tenant;
	int64_t until;
	const uint8_t *after; /* REMINDER_CURSOR_BYTES */
	size_t max;
};
MUST_USE enum vault_err reminder_find(struct op *op, const struct reminder_range *range,
				      struct reminder *entries, size_t *n);
void reminder_cursor(const struct reminder *entry, uint8_t cursor[static REMINDER_CURSOR_BYTES]);

/* Opens the row that an entry of the operation's tenant leads to; VAULT_NOT_FOUND where it is gone. */
MUST_USE enum vault_err reminder_open(struct op *op, const struct reminder *entry,
				      enum row_kind kind, struct row *row);

#endif
