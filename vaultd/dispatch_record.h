/*
 * What dispatch reads out of any request, and writes of it into the audit, by the descriptors
 * alone.
 */
#ifndef VAULTD_DISPATCH_RECORD_H
#define VAULTD_DISPATCH_RECORD_H

#include "vaultd/core/op.h"

/* Whom and what a request is about; p NULL where it does not say. */
struct target {
	struct vault_text tenant;
	struct vault_text name;
	struct vault_text source;
	struct vault_text slot;
	struct vault_text id;
};

/* Where in its request an operation says so, worked out once. */
#define ACCESS_NONE UINT16_MAX
struct access {
	uint16_t tenant, name, source, slot, id; /* offsets; ACCESS_NONE: nowhere */
	bool secret;				 /* its request or its reply may hold secrets */
};
struct access access_of(const struct op_row *row);
struct target target_of(const struct access *access, const void *req);

/* The record of an operation that ended with err; its texts borrow from op and target. */
void record_of(const struct op *op, const struct target *target, enum vault_err err,
	       struct audit_record *rec);

#endif
