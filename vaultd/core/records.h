/*
 * The structs of records.def, and their form in a row: each field that is present as its number, a
 * length and its bytes.
 */
#ifndef CORE_RECORDS_H
#define CORE_RECORDS_H

#include "protocol/buf.h"
#include "protocol/ops.h"
#include "protocol/scratch.h"

/* Kinds of row; part of the format. */
enum row_kind {
	ROW_TENANT = 1,
	ROW_TENANT_WRAPS = 2,
	ROW_GRANT = 3,
	ROW_KEY = 4,
	ROW_KEY_VERSION = 5,
	ROW_KID = 6,
	ROW_PROFILE = 7,
	ROW_ISSUANCE = 8,
	ROW_HEAD = 10,
	ROW_TOMBSTONE = 9, /* under the tag of what was deleted */
	ROW_REKEY =
		12, /* a tenant that is given a new record key; its tag is the tenant's number */
	ROW_IMPORT = 13, /* a tenant that is being imported; likewise */
	ROW_ERASED = 14, /* a tenant that was erased, and how far its rows are removed; likewise */
	ROW_SCRUB = 15,	 /* freed pages are to be overwritten */
	ROW_LOCKOUT = 16,
	ROW_TOTP = 17,
	ROW_ROLE = 11,
	ROW_BACKUP = 18,	 /* in the order of time */
	ROW_DRILL = 19,		 /* the last good one, under zeros */
	ROW_APIKEY = 20,	 /* in the order of creation */
	ROW_APIKEY_ID = 21,	 /* index only, of tenant 0: ids that this vault made */
	ROW_APIKEY_FOREIGN = 22, /* index only, of tenant 0: ids of imported keys */
	ROW_APIKEY_HASH = 23,	 /* what imported keys are found by: under their MAC */
	ROW_APIKEY_PRIMARY = 24, /* index only: those that count as primary */
	ROW_APIKEY_USE = 25,	 /* index only: uses that were counted under a text */
	ROW_APIKEY_CUTS = 26,
	ROW_APIKEY_LAST_USED = 27,
	ROW_DUE = 60, /* in the order of time: a tag begins with it, big-endian */
	ROW_SECRET = 40,
	ROW_SECRET_VERSION = 41,
	ROW_REMINDER = 42, /* index entries of what must be rotated (core/reminder.h) */
	ROW_REPLAY = 30,
	ROW_REPLAY_EXPIRY = 31, /* index entries of the same rows, in the order of their expiry */
	ROW_TOKEN_REVOKED = 50, /* the first five bytes of the tag are of the issuance number */
	ROW_SUBJECT_REVOKED = 51,
	ROW_PROFILE_REVOKED = 52,
	ROW_TOKEN_USES = 53, /* tagged as ROW_TOKEN_REVOKED */
	ROW_TOKEN_USE = 54,
	ROW_TOKEN_LIFE = 55,
	ROW_EXPIRY = 56, /* index entries of rows that are forgotten, in the order of time */
};

#define RECORD_BEGIN(id) struct id {
#define RECORD_END(id)                                                                             \
	}                                                                                          \
	;
#include "protocol/fields_struct.h"
#include "vaultd/core/records.def"
#undef RECORD_BEGIN
#undef RECORD_END
#include "protocol/fields_end.h"

#define RECORD_BEGIN(id) const struct object_type *id##_type(void);
#define RECORD_END(id)
#include "protocol/ops_none.h"
#include "vaultd/core/records.def"
#undef RECORD_BEGIN
#undef RECORD_END
#include "protocol/ops_end.h"

/* Appends the struct's row form. VAULT_BUSY when memory is short. */
MUST_USE enum vault_err record_encode(const struct object_type *type, const void *in,
				      struct buf *out);
/*
 * Reads it back; views point into bytes, lists stand in scratch. Fields that a newer build added
 * are passed over. VAULT_INTEGRITY where the bytes are not of that form.
 */
MUST_USE enum vault_err record_decode(const struct object_type *type, struct vault_bytes bytes,
				      struct scratch *scratch, void *out);
/*
 * Whether a struct that was decoded holds what records.def allows: record_decode looks at the form
 * alone, because what this store sealed it had checked before. What comes from elsewhere was not.
 */
bool record_within(const struct object_type *type, const void *in);

#endif
