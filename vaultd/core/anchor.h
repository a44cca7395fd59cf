/*
 * The anchor: a small file outside the store and the audit that says how far both had got, so that
 * an older copy of either that is put back is noticed at unseal. It stands in a directory of its own,
 * which may belong to somebody else; who can put back all three together is not noticed.
 *
 * The committer tells what it committed, the keeper writes it, both under locks of this module.
 * The file is replaced whole: after a crash there is the old one or the new one, and neither is ever
 * ahead of what it speaks of.
 */
#ifndef CORE_ANCHOR_H
#define CORE_ANCHOR_H

#include <pthread.h>

#include "vaultd/core/audit.h"
#include "vaultd/crypto/mac.h"

/* How far store and audit had got. */
struct anchor_mark {
	uint64_t revision; /* store_head's */
	struct audit_head audit;
	int64_t time_ns; /* when it was written, since 1970 */
};

/* What stands in the directory. */
enum anchor_found {
	ANCHOR_GOOD,
	ANCHOR_NONE,	/* there is no file */
	ANCHOR_DAMAGED, /* not what a daemon wrote with this store's key */
	ANCHOR_FOREIGN, /* another store's */
};

/* All zero: none is kept. */
struct anchor {
	bool kept;
	int dir;
	pthread_mutex_t files; /* over I/O, taken before marks */
	struct mac_key key;    /* under files; while the vault is open */
	bool open;	       /* likewise */
	uint8_t store_id[AUDIT_STORE_ID_BYTES];
	pthread_mutex_t marks;
	struct anchor_mark committed; /* what is to be written */
	struct anchor_mark written;   /* what is; time_ns 0: nothing yet */
	bool ok;		      /* the last write went well */
};

/* dir: the directory, open; the caller's to close behind anchor_free. -1: none is kept. */
void anchor_init(struct anchor *anchor, int dir);
void anchor_free(struct anchor *anchor);

/*
 * Derives the file's key from the store's name key, which no new root key changes. To be undone by
 * anchor_close, which is fine without.
 */
MUST_USE enum vault_err anchor_open(struct anchor *anchor, const struct secret *name_key,
				    const uint8_t store_id[static AUDIT_STORE_ID_BYTES]);
void anchor_close(struct anchor *anchor);

/* Reads the file of an anchor that is open; *mark is set with ANCHOR_GOOD only. */
enum anchor_found anchor_read(struct anchor *anchor, struct anchor_mark *mark);

/* The store was committed so. Any thread; no I/O. */
void anchor_tell(struct anchor *anchor, uint64_t revision, const struct audit_head *audit);
/*
 * Writes what was told, with the audit's flushed place where that is further; nothing where the file
 * says it already or the anchor is not open. False: it could not be written; sys.status tells, and
 * the keeper tries again.
 */
bool anchor_write(struct anchor *anchor, const struct audit_head *flushed, int64_t now_ns);
/* Whether the keeper should write: soon behind a commit, rarely for the audit alone. */
bool anchor_due(struct anchor *anchor, const struct audit_head *flushed, int64_t now_ns);

struct anchor_status {
	bool there; /* a file was written or found good since the vault was opened */
	bool ok;
	uint64_t revision;
	int64_t time_ns; /* of the newest write */
};
void anchor_status(struct anchor *anchor, struct anchor_status *status);

#endif
