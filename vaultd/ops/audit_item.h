/*
 * An audit record as it is shown, with the names that are still known.
 */
#ifndef OPS_AUDIT_ITEM_H
#define OPS_AUDIT_ITEM_H

#include "vaultd/base/base64.h"
#include "vaultd/core/op.h"

/* What the audit tells of besides calls, by a name that stands where a method does. */
#define AUDIT_OWN_EVENTS 3
const char *audit_own_name(size_t own);
/* The record's place among them, AUDIT_OWN_EVENTS where it is none. */
size_t audit_own_event(const struct audit_record *rec);

/* The token's id, made of its bytes in text where it stands so. */
struct vault_text audit_jti_of(const struct audit_record *rec,
			       char text[static BASE64_LENGTH(AUDIT_JTI_BYTES)]);

/* A call's record, or one of those events; what it points to is in the operation's memory. */
MUST_USE enum vault_err audit_item_show(struct op *op, const struct audit_record *rec, uint64_t seq,
					struct audit_item *item);

#endif
