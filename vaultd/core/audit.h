/*
 * The audit: what was asked of the vault and what came of it, encrypted, chained by SHA-256 and
 * signed by epoch in append-only segment files. Usable from any thread.
 *
 * Durability. audit_append has written when it returns, so a crash of the daemon loses nothing; a
 * power failure loses what was not flushed. For a change: append with AUDIT_CHANGES, audit_flush,
 * then the store's commit, which carries the head that audit_append gave. After a crash at most one
 * block of changes stands behind the store's head; recovery declares it void. So AUDIT_CHANGES is
 * for one thread, one block at a time, and once it is appended only what ends the process may keep
 * the store's commit from happening. Everything else, refused writes included, is AUDIT_READS.
 *
 * Recovery reads all that follows the store's head, so a head is worth committing also when no
 * change comes but head.segment (audit_status) has moved on, above all after a segment was lost:
 * a store whose head names a lost segment is not unsealed.
 *
 * Life: audit_new, then audit_create (sys.init) or audit_start (unseal), then everything else, then
 * audit_stop (seal or end); then audit_start again, or audit_free. While stopped, everything else
 * answers VAULT_SEALED. Scans and verifying must have ended before audit_stop.
 */
#ifndef CORE_AUDIT_H
#define CORE_AUDIT_H

#include <stdatomic.h>

#include "vaultd/base/secret.h"
#include "vaultd/core/audit_record.h"

#define AUDIT_STORE_ID_BYTES 16
#define AUDIT_SLOT_NAME 64
#define AUDIT_SLOTS_MAX 16
#define AUDIT_SEGMENT_BYTES (UINT64_C(16) << 20) /* the default */
#define AUDIT_SEGMENT_BYTES_MIN                                                                    \
	(UINT64_C(64) << 10) /* below this a segment has no room for a turn's block */
#define AUDIT_SEGMENT_BYTES_MAX (UINT64_C(1) << 30)

struct audit;
struct work;

struct audit_config {
	const char *path;	/* STATE/audit; made (0700) where it is missing. Copied */
	struct arena *arena;	/* for the keys */
	uint64_t segment_bytes; /* 0 for the default */
};
MUST_USE enum vault_err audit_new(const struct audit_config *config, struct audit **audit);
/* NULL is fine. An audit that was not stopped is left as a crash would leave it. */
void audit_free(struct audit *audit);

struct audit_slot {
	char name[AUDIT_SLOT_NAME]; /* NUL-padded */
	uint8_t public_key[32];
};
/* Copied by the functions that take them. */
struct audit_keys {
	/*
	 * 32 bytes, which wrap each new segment's key and the live epoch's; then those that did
	 * before it, the newest first, so that older ones can be read.
	 */
	const struct secret *wrap_key;
	uint8_t store_id[AUDIT_STORE_ID_BYTES];
	size_t slot_count;
	struct audit_slot slots[AUDIT_SLOTS_MAX];
};

/*
 * Other keys or slots while it runs, in two steps, so that the store can be committed between them:
 * the first allocates all that is needed and changes nothing; the second, which cannot fail, goes
 * over to them and to a new segment (where that cannot be made the next one is the first that is
 * under them). The keys that were used until now must stand among the new ones.
 */
struct audit_rekey;
MUST_USE enum vault_err audit_rekey_prepare(struct audit *audit, const struct audit_keys *keys,
					    struct audit_rekey **rekey);
/* Takes rekey over, NULL being nothing to do. False where it goes on in the segment of before. */
bool audit_rekey(struct audit *audit, struct audit_rekey *rekey, int64_t now_ns);
/* Instead of that. */
void audit_rekey_drop(struct audit_rekey *rekey);

/* A place in the audit: the end of a block. All zero is the place before everything. */
struct audit_head {
	uint64_t segment, offset; /* the file's number, and the bytes of it that count */
	uint64_t seq;		  /* of the last record up to there; the first record has 1 */
	uint8_t hash[32];
};

/*
 * Begins the audit of a new store; the public key of its first epoch is what sys.init prints.
 * Segments that lie there belong to no store and are renamed to *.void. VAULT_AUDIT_UNAVAILABLE
 * when the files cannot be written.
 */
MUST_USE enum vault_err audit_create(struct audit *audit, const struct audit_keys *keys,
				     uint8_t first_public_key[static 32], struct audit_head *head);

/* What recovery demands besides, and what it lets pass; NULL: nothing either way. */
struct audit_demand {
	const struct audit_head *reached; /* this place must be in the audit; NULL: none */
	/*
	 * Somebody takes it as it is, though the store is older than its audit, or lacks some of it:
	 * all changes behind the store's head are void, and where the audit does not hold the head,
	 * or the epoch's key is gone, a segment begins that does not join up. No file is removed.
	 */
	bool accept;
};
/* How the audit differs from what the store says of it. */
struct audit_difference {
	const char *why; /* a string constant; NULL: it does not */
	uint64_t segment;
};
struct audit_recovery {
	struct audit_head head;		 /* to be committed before anything is served */
	bool clean;			 /* the audit ended where the store says */
	bool parted;			 /* accepted: from here on the chain does not join up */
	struct audit_recovered undone;	 /* what was void or cut off; zeros where nothing was */
	uint64_t accepted;		 /* blocks behind the stored head that are valid */
	struct audit_difference differs; /* nothing but this is set with VAULT_INTEGRITY */
};
/*
 * Verifies the audit from the start of the segment that the store's head names, cuts off what a
 * crash left half-written, and opens a new segment. VAULT_INTEGRITY where files are missing or
 * differ from what the store's head says, and where more than one block of changes follows it that
 * no recovery has declared void (then the store is older than its audit), or where what is demanded
 * is not there; VAULT_AUDIT_UNAVAILABLE where files cannot be read or written. Nothing on disk was
 * changed then.
 */
MUST_USE enum vault_err audit_start(struct audit *audit, const struct audit_keys *keys,
				    const struct audit_head *stored,
				    const struct audit_demand *demand, struct audit_recovery *out);
/*
 * Signs, cuts the zero tail, flushes; *head is to be committed. The keys are freed and the audit is
 * stopped whatever the result: on VAULT_AUDIT_UNAVAILABLE only the last signature is missing, on
 * VAULT_INTERNAL (the flush failed) *head must not be committed.
 */
MUST_USE enum vault_err audit_stop(struct audit *audit, struct audit_head *head);

enum audit_class { AUDIT_READS, AUDIT_CHANGES };
/*
 * Appends the batch; *head (NULL is fine) is the place behind it. The batch is left as it is: reset
 * it either way. AUDIT_CHANGES stand in one block, VAULT_TOO_LARGE where they do not fit (256
 * records always do). VAULT_AUDIT_UNAVAILABLE: not written (of reads, perhaps the first part was);
 * the next call tries again.
 */
MUST_USE enum vault_err audit_append(struct audit *audit, const struct audit_batch *batch,
				     enum audit_class what, int64_t now_ns,
				     struct audit_head *head);
/* Makes everything up to there durable. VAULT_INTERNAL: the disk failed, the process must end
 * without answering. */
MUST_USE enum vault_err audit_flush(struct audit *audit, const struct audit_head *upto);
/*
 * The keeper's work, every 50 ms, on one thread: flush, write zeros ahead, prepare the next
 * segment, sign the epoch once a second of activity, see that the open file is still the one in the
 * directory. VAULT_INTERNAL as audit_flush; VAULT_AUDIT_UNAVAILABLE: something could not be written
 * and is tried again at the next tick.
 */
MUST_USE enum vault_err audit_tick(struct audit *audit, int64_t now_ns);

struct audit_status {
	struct audit_head head; /* the last block */
	bool running;
	bool ok; /* the last append could be written */
	struct audit_head flushed;
};
void audit_status(struct audit *audit, struct audit_status *status);

enum audit_direction { AUDIT_NEWEST, AUDIT_OLDEST };
struct audit_range {
	enum audit_direction order;
	int64_t since_ns; /* inclusive */
	int64_t until_ns; /* exclusive; 0 for no end */
	uint64_t cursor; /* the sequence number to go on behind, in the order of reading; 0 to begin
			  */
};
struct audit_scan;
/* Reads what was appended before this call; appending goes on meanwhile. For one thread. */
MUST_USE enum vault_err audit_scan_open(struct audit *audit, const struct audit_range *range,
					struct audit_scan **scan);
/*
 * The next record in the range, internal events included; its views are valid until the next call.
 * VAULT_NOT_FOUND at the end. VAULT_INTEGRITY where a block or a segment's header is damaged; the
 * call after it goes on behind that. A segment that is missing is passed over: finding that is
 * audit_verify's work.
 */
MUST_USE enum vault_err audit_scan_next(struct audit_scan *scan, struct audit_record *rec,
					uint64_t *seq);
/* The bytes of the record that audit_scan_next handed out last, as they stand in the audit. */
struct vault_bytes audit_scan_bytes(const struct audit_scan *scan);
void audit_scan_close(struct audit_scan *scan);

struct audit_check {
	uint64_t since_seq; /* verifying begins with the segment that holds it; 0: the first */
	const uint8_t *
		first_public_key; /* audit_create's, 32 bytes; NULL: taken from the first segment */
	const atomic_bool *cancel; /* NULL: never */
	struct work *work;	   /* which has begun, and is told of records; NULL: none */
};
struct audit_verdict {
	bool ok;
	uint64_t first, last; /* sequence numbers verified */
	uint64_t blocks;
	uint64_t broken_seq; /* the first record that cannot be relied on; 0 where ok */
	const char *why;     /* a string constant; NULL where ok */
};
/*
 * Reads every segment up to the head: headers, chain, decryption, sequence, signatures. VAULT_OK
 * also where the verdict is that it is broken; VAULT_BUSY when cancelled or short of memory.
 */
MUST_USE enum vault_err audit_verify(struct audit *audit, const struct audit_check *check,
				     struct audit_verdict *verdict);

#endif
