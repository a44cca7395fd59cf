/*
 * One audit record and its encoding: a fixed part and, behind it, typed fields. The format is kept
 * for ever: event and field numbers are never used again, new ones are added at the end, and
 * readers pass over fields they do not know.
 */
#ifndef CORE_AUDIT_RECORD_H
#define CORE_AUDIT_RECORD_H

#include "protocol/buf.h"

#define AUDIT_TEXT_MAX 256   /* bytes kept of a text; the rest is cut off at a character's end */
#define AUDIT_DETAIL_MAX 160 /* bytes of an internal event's detail */
#define AUDIT_JTI_BYTES 20
#define AUDIT_TAG_BYTES 12
#define AUDIT_HASH_BYTES 32
#define AUDIT_AGAIN_MAX 64	/* bytes: see core/op.h */
#define AUDIT_RECORD_FIXED 52	/* bytes of the fixed part */
#define AUDIT_RECORD_MAX 2688	/* no record is longer: every field at its limit is 2,679 bytes */
#define AUDIT_METHOD_NONE 65535 /* the method of internal events */
/* A reason beside those of enum verify_reason: the call got an earlier one's answer, by request_id. */
#define AUDIT_REASON_REPLAYED 255

enum audit_event {
	AUDIT_EVENT_CALL,     /* what a caller asked for; others, where not said, the audit's own */
	AUDIT_EVENT_CREATE,   /* the first record of a store */
	AUDIT_EVENT_START,    /* unsealed after a clean stop */
	AUDIT_EVENT_RECOVERY, /* unsealed after a crash: struct audit_recovered */
	AUDIT_EVENT_LOST, /* a segment was deleted, replaced or cut while open: struct audit_lost */
	AUDIT_EVENT_EPOCH, /* an epoch's signature */
	AUDIT_EVENT_STOP,  /* sealed or stopped cleanly */
	/*
	 * vaultd recover-owner, by uid; name: the principal. Without row_hash it had the grant
	 * already.
	 */
	AUDIT_EVENT_RECOVER_OWNER,
	AUDIT_EVENT_RESTORE, /* vaultd restore, by uid: struct audit_restored */
	/* Unsealed although store or audit are older than they were, by uid: struct audit_rollback */
	AUDIT_EVENT_ROLLBACK,
	AUDIT_EVENT_COUNT
};

/* What is not there is zero, or a view whose p is NULL. */
struct audit_record {
	int64_t time_ns; /* since 1970 */
	uint32_t uid, gid, pid;
	uint32_t tenant;  /* the tenant's number, 0 for none */
	uint32_t version; /* of the target */
	uint16_t method;  /* struct op_row's number */
	uint8_t event;	  /* enum audit_event */
	uint8_t outcome;  /* enum audit_outcome */
	uint8_t code;	  /* enum vault_err */
	uint8_t reason;	  /* enum verify_reason, or AUDIT_REASON_REPLAYED */
	uint8_t kind;	  /* of the target, as the store numbers kinds; 0 where there is none */
	bool not_applied; /* read only: this change was void, recovery came before its commit */
	uint8_t name_tag[AUDIT_TAG_BYTES];
	struct vault_bytes jti;	       /* AUDIT_JTI_BYTES */
	struct vault_bytes row_hash;   /* AUDIT_HASH_BYTES, of the rows that a change wrote */
	struct vault_bytes detail;     /* of internal events */
	struct vault_text tenant_name; /* where it does not resolve; likewise name */
	struct vault_text name;
	struct vault_text actor, source, slot;
	struct vault_text jti_text; /* one that this vault did not make */
	struct vault_text login, unit, id;
	struct vault_bytes again; /* what doing it again needs besides: numbers of 8 bytes */
};

struct audit_recovered {
	uint64_t void_first,
		void_last;  /* sequence numbers of the change that was not applied; 0 for none */
	uint64_t discarded; /* bytes behind the last valid block that were not zero */
	uint64_t segment;   /* where they were */
};
struct audit_lost {
	uint64_t segment, offset; /* offset: the end of its last block */
};
/* The first change of a restored store's audit: what it was made of. */
struct audit_restored {
	uint8_t backup_id[16];
	uint64_t segment, offset, seq; /* the head that the backup carries, of the audit before */
	uint8_t hash[AUDIT_HASH_BYTES];
	bool joined;	   /* the surviving segments went on from there without a break */
	uint64_t replayed; /* changes done again */
	uint64_t refused;  /* of them such as could only be done by refusing more */
	uint64_t dropped;  /* tenants that were erased */
};
#define AUDIT_RESTORED_BYTES 97
/* How far the store had got, as it was found and as the anchor says. */
struct audit_position {
	uint64_t revision; /* of the store */
	uint64_t segment, offset, seq;
};
struct audit_rollback {
	struct audit_position found;
	struct audit_position anchor;	/* zeros where it could not be read */
	uint64_t void_first, void_last; /* sequence numbers of changes that are void by it */
	bool parted;			/* the audit's chain does not join up here */
};
#define AUDIT_RECOVERED_BYTES 32
#define AUDIT_ROLLBACK_BYTES 88
#define AUDIT_LOST_BYTES 16
/* Their form as an event's detail. */
void audit_recovered_write(const struct audit_recovered *undone,
			   uint8_t detail[static AUDIT_RECOVERED_BYTES]);
void audit_restored_write(const struct audit_restored *restored,
			  uint8_t detail[static AUDIT_RESTORED_BYTES]);
void audit_lost_write(const struct audit_lost *lost, uint8_t detail[static AUDIT_LOST_BYTES]);
/* VAULT_INTEGRITY where the record is not of that event. */
MUST_USE enum vault_err audit_record_recovered(const struct audit_record *rec,
					       struct audit_recovered *out);
MUST_USE enum vault_err audit_record_restored(const struct audit_record *rec,
					      struct audit_restored *out);
void audit_rollback_write(const struct audit_rollback *rollback,
			  uint8_t detail[static AUDIT_ROLLBACK_BYTES]);
MUST_USE enum vault_err audit_record_rollback(const struct audit_record *rec,
					      struct audit_rollback *out);
MUST_USE enum vault_err audit_record_lost(const struct audit_record *rec, struct audit_lost *out);

/* Appends the encoding. VAULT_BUSY when memory is short. */
MUST_USE enum vault_err audit_record_write(struct buf *out, const struct audit_record *rec);
/*
 * Reads the record at the front of bytes; *used is its length. Its views borrow from bytes.
 * VAULT_INTEGRITY where it is malformed.
 */
MUST_USE enum vault_err audit_record_read(struct vault_bytes bytes, struct audit_record *rec,
					  size_t *used);
/* Only the length of that record, 0 where it cannot be one. */
size_t audit_record_length(struct vault_bytes bytes);

/* Records that one thread collects for one block. All zero is empty. */
struct audit_batch {
	struct buf records;
	uint32_t count;
	int64_t first_ns, last_ns; /* the earliest and the latest time in it */
};
MUST_USE enum vault_err audit_batch_add(struct audit_batch *batch, const struct audit_record *rec);
static inline uint32_t
audit_batch_count(const struct audit_batch *batch)
{
	return batch->count;
}
/* Adds another batch's records. VAULT_BUSY when memory is short. */
MUST_USE enum vault_err audit_batch_merge(struct audit_batch *batch,
					  const struct audit_batch *other);
void audit_batch_reset(struct audit_batch *batch);
void audit_batch_free(struct audit_batch *batch);

#endif
