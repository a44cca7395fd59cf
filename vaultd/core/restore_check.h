/*
 * Opens every row of a store once, so that what could not be opened later is found now.
 */
#ifndef CORE_RESTORE_CHECK_H
#define CORE_RESTORE_CHECK_H

#include "vaultd/core/tenant.h"

struct restore_checked {
	uint64_t tenants;
	uint64_t rows;	/* opened, and tenants' wrapped keys */
	uint64_t store; /* that there are; those not opened are under no name */
};
/*
 * One operation for all of it. cancel, where not NULL, ends it with VAULT_BUSY. VAULT_INTEGRITY where
 * a row does not open, or an entry leads to none.
 */
MUST_USE enum vault_err restore_check(struct op *op, const atomic_bool *cancel,
				      struct restore_checked *checked);

#endif
