/*
 * A rehearsal of what a backup is for, without leaving the daemon: the snapshot of a backup that is
 * under way is written as a container once more, opened with the container's own opener, read back,
 * and held row by row against the snapshot; every record of it is opened; samples of its keys sign
 * and verify. What came of it is a signed text (core/signed_text.h) and a row (kind 19) that says
 * when the last good one was.
 *
 * What it cannot do, because no slot's secret is here, is what `vaultctl backup drill` does besides:
 * open the file with a secret and restore it.
 *
 *   vaultd-drill-1
 *   store: 32 HEXADECIMAL DIGITS
 *   backup: 32 HEXADECIMAL DIGITS
 *   taken_at, drilled_at: 2006-01-02T15:04:05Z
 *   bytes, items, records, tenants: how many there were; records were all opened
 *   keys: how many signed and verified
 *   sha256: of the container before its manifest
 *   result: ok, or what failed
 *   signature: BASE64
 */
#ifndef CORE_DRILL_H
#define CORE_DRILL_H

#include "vaultd/core/backups.h"
#include "vaultd/core/sealed.h"

#define DRILL_KEYS_MAX 64 /* that sign and verify */
#define DRILL_FIRST_LINE "vaultd-drill-1"

/* What a rehearsal came to. */
struct drill_done {
	const char *failed; /* what did, a string constant; NULL: nothing */
	uint8_t backup[BACKUP_ID_BYTES];
	int64_t taken_at, at;
	uint64_t bytes, items, records, tenants;
	unsigned keys;
	uint8_t hash[SHA256_BYTES];
};

/*
 * On the slow lane: the rehearsal of the caller's backup of that handle. VAULT_OK also where it
 * failed, which done tells; VAULT_NOT_FOUND; VAULT_CONFLICT where the root key was replaced since
 * the backup began; VAULT_BUSY where it was cancelled or memory is short.
 */
MUST_USE enum vault_err drill_run(struct op *op, struct vault_text handle, struct drill_done *done);
/* Its signed text, in the operation's memory. */
MUST_USE enum vault_err drill_write(struct op *op, const struct drill_done *done,
				    struct vault_text *text);
/* On the committer: keeps a good one in place of the one before. */
MUST_USE enum vault_err drill_keep(struct change *change, const struct row_keys *store, int64_t at,
				   struct vault_text text);
/* When the last good one was, in seconds since 1970; 0: there was none. */
MUST_USE enum vault_err drill_last(struct txn *txn, const struct row_keys *store, int64_t *at);

#endif
