/*
 * The segments that survived a store: what they say that a backup of it does not know. They are
 * read and never written; where they came from is not trusted beyond what they prove.
 */
#ifndef CORE_AUDIT_SURVIVING_H
#define CORE_AUDIT_SURVIVING_H

#include "vaultd/core/audit_walk.h"

/* Where the backup ends: the audit's head that its manifest carries, and when it was taken. */
struct audit_since {
	struct audit_head head;
	int64_t time_ns;
};

struct audit_surviving {
	struct audit_walk walk;
	struct audit_since since;
	/*
	 * Whether the chain goes on from the backup's head to its end without a break, so that
	 * nothing is missing in between; else why not, a string constant.
	 */
	bool joined;
	const char *why;
	int64_t last_ns;  /* the time of the last record; 0: none */
	bool stopped;	  /* that one told of a clean stop */
	uint64_t highest; /* the highest segment there is, 0 for none */
	struct buf voids; /* of spans that recoveries declared not applied */
	uint64_t segment; /* the one being read; 0: before the first */
	struct audit_block block;
	struct vault_bytes left; /* of its records */
	uint32_t index;		 /* of the next of them */
};

/*
 * Looks at all of it first. dir and what opener points to are borrowed. VAULT_OK also where it does
 * not join up; VAULT_AUDIT_UNAVAILABLE where it cannot be read, VAULT_BUSY.
 */
MUST_USE enum vault_err audit_surviving_open(struct audit_surviving *surviving, int dir,
					     const struct audit_opener *opener,
					     const struct audit_since *since);
/*
 * The next record behind the backup, in the order of writing; void changes are passed over. Where
 * the chain is broken, of every segment what comes before its damage, if it is later than the
 * backup. Views are valid until the next call. *change: its block was of changes.
 * VAULT_NOT_FOUND at the end.
 */
MUST_USE enum vault_err audit_surviving_next(struct audit_surviving *surviving,
					     struct audit_record *rec, bool *change);
void audit_surviving_free(struct audit_surviving *surviving);

#endif
