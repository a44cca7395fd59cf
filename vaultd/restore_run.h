/*
 * What is done to a store that was loaded from a backup before it is one to serve. One thread, in
 * the order in which the functions stand. They say on the log why they failed.
 */
#ifndef VAULTD_RESTORE_RUN_H
#define VAULTD_RESTORE_RUN_H

#include "vaultd/core/audit_surviving.h"
#include "vaultd/core/certificate.h"
#include "vaultd/core/restore_check.h"
#include "vaultd/core/restore_replay.h"
#include "vaultd/dispatch.h"
#include "vaultd/restore_load.h"

struct restore_run {
	struct vault *vault;
	const struct restore_load *load;
	struct runner runner;
	struct session self;
	struct txn *txn; /* the batch */
	struct change change;
	unsigned batched;
	/* What came of it. */
	struct restore_checked checked;
	struct restore_tally tally;
	bool joined;
	const char *why;     /* not joined */
	int64_t survived_ns; /* the last surviving record */
	bool stopped;	     /* which told of a clean stop */
	uint64_t disabled;   /* API keys */
	uint32_t by_uid, by_gid;
};

/* The keys, the slot table and every row; that all of it is one store's, and the file's signer too. */
MUST_USE enum vault_err restore_run_open(struct restore_run *run);
/* text: an erasure certificate. A tenant that the backup does not have is no error. */
MUST_USE enum vault_err restore_run_erased(struct restore_run *run, struct vault_text text);
/*
 * Whether the segments in dir (-1: there are none) join up; VAULT_CONFLICT where they do not and
 * accept_gap is false. Then what they tell of is done again.
 */
MUST_USE enum vault_err restore_run_audit(struct restore_run *run, int dir, bool accept_gap);
/* Says that without an audit directory the gap has to be accepted; VAULT_CONFLICT. */
enum vault_err restore_run_audit_missing(void);
/* Numbers that are not to be given out again, and what a gap costs. */
MUST_USE enum vault_err restore_run_tenants(struct restore_run *run);
/* The new audit, its first record, the head; then the vault is closed. */
MUST_USE enum vault_err restore_run_seal(struct restore_run *run);
void restore_run_free(struct restore_run *run);

#endif
