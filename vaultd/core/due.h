/*
 * What is to happen at a time: rows in the order of time, so that nobody scans for it. An entry
 * leads to a record (a key that is to rotate, or to be deleted); what is to be done, and whether its
 * time has really come, that record says. So an entry too many is harmless, and whoever changes the
 * record only has to see that one stands at its next time.
 *
 * A record keeps its entry's tag (a field BYTES(O, due, 12, 12, 0)) and hands it to due_set each
 * time it is written. What is done with the entries of a kind of record is put together in
 * ops/due.c; they are taken by the committer, a bounded number a run, when the keeper sees that the
 * first one's time has come.
 */
#ifndef CORE_DUE_H
#define CORE_DUE_H

#include "vaultd/core/op.h"

#define DUE_NEVER INT64_MAX
#define DUE_RETRY_SECONDS 600 /* until what could not be done is tried again */

/* All times are wall seconds: schedules are made by the calendar. */
struct due_entry {
	struct row_key place; /* of the entry; kind 0: none stands for it */
	uint64_t id;	      /* of its row */
	int64_t at;
	struct row_key target; /* the record that it leads to */
};

/*
 * On the committer: lets target's entry stand at that time, DUE_NEVER: nowhere. *tag is the entry's,
 * as the record has it (p NULL: none), and becomes the new one, in the operation's memory.
 */
MUST_USE enum vault_err due_set(struct op *op, const struct row_key *target, int64_t at,
				struct vault_bytes *tag);

/* The time of the first entry; DUE_NEVER where there is none. */
MUST_USE enum vault_err due_first(struct txn *txn, int64_t *at);
/*
 * The first entry behind the tag after (NULL: of all) whose time has come; VAULT_NOT_FOUND where
 * none has. VAULT_INTEGRITY where it does not authenticate; entry->place tells it all the same.
 */
MUST_USE enum vault_err due_next(struct op *op, const uint8_t *after, struct due_entry *entry);
/* Whether the entry of that place and row is for a record of the tenant: its row says so. */
MUST_USE enum vault_err due_is_of(struct op *op, const struct row_key *place, uint64_t id,
				  uint32_t tenant, bool *is);
/* On the committer. */
MUST_USE enum vault_err due_remove(struct op *op, const struct due_entry *entry);
/* Has it come up again at that time. */
MUST_USE enum vault_err due_postpone(struct op *op, const struct due_entry *entry, int64_t at);

#endif
