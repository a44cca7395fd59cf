/*
 * Inside the tenant family (tenant.c, tenant_change.c): reading a tenant's record, and what it says
 * of limits, as it is asked for and told and as it is worked with.
 */
#ifndef CORE_TENANT_LIMITS_H
#define CORE_TENANT_LIMITS_H

#include "vaultd/core/tenant.h"

/* VAULT_NOT_FOUND; record's views are valid as long as row. */
MUST_USE enum vault_err tenant_read(struct op *op, struct vault_text name, struct row *row,
				    struct tenant_record *record);

/* VAULT_INVALID_PARAMS naming the field where such a plan (p NULL: none is asked) is not known. */
MUST_USE enum vault_err tenant_check_plan(struct op *op, struct vault_text plan);

/* The plan of that name; NULL where none is configured. */
const struct limit_plan *tenant_plan(const struct vault_settings *settings, struct vault_text name);

/* Writes the limits into the record, whole: classes that are not given have none of their own. */
void tenant_limits_put(struct tenant_record *record, const struct tenant_limits *limits);
void tenant_source_put(struct tenant_record *record, const struct source_limit *limit);
/* And tells them, in the operation's memory. NULL where the record has none. VAULT_BUSY. */
MUST_USE enum vault_err tenant_limits_show(struct op *op, const struct tenant_record *record,
					   const struct tenant_limits **limits);
MUST_USE enum vault_err tenant_source_show(struct op *op, const struct tenant_record *record,
					   const struct source_limit **limit);

/* What holds for the tenant: its own limits, else its plan's, else the defaults. */
void tenant_limits_resolve(const struct vault_settings *settings,
			   const struct tenant_record *record, struct tenant *tenant);

#endif
