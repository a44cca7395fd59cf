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
	ROW_LOCKOUT = 16,
	ROW_TOTP = 17,
	ROW_ROLE = 11,
	ROW_DUE = 24, /* in the order of time: a tag begins with it, big-endian */
	ROW_REPLAY = 30,
	ROW_REPLAY_EXPIRY = 31, /* index entries of the same rows, in the order of their expiry */
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

#endif
