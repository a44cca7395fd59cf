/*
 * The end of a tenant. Its keys and its record go in one commit, and from then on nobody finds it;
 * its rows, and what of tenant 0 leads to them, go in a sweep behind that; then the file's pages
 * are overwritten (store/scrub.h). Of each step that is left to be done a row tells (ROW_ERASED),
 * which stays as a tombstone: the number is never given out again, the name may be.
 */
#ifndef CORE_TENANT_ERASE_H
#define CORE_TENANT_ERASE_H

#include "vaultd/core/sweep.h"
#include "vaultd/core/tenant.h"

/*
 * On the committer: erases the operation's tenant. VAULT_INVALID_PARAMS where confirm is not its
 * name, VAULT_BUSY while a backup is under way. Fills the certificate and the backups that still
 * hold its key.
 */
MUST_USE enum vault_err tenant_erase(struct op *op, struct vault_text confirm,
				     struct tenant_erase_res *res);

/* The number of a tenant whose rows are still to be removed; VAULT_NOT_FOUND. */
MUST_USE enum vault_err tenant_erase_next(struct op *op, uint32_t *number);
/* A step of it: some rows. */
MUST_USE enum vault_err tenant_erase_step(struct op *op, uint32_t number, struct sweep_done *done);
/*
 * One of those whose rows are gone: done with, where the pages were overwritten since.
 * VAULT_NOT_FOUND where there is none of which that can be said.
 */
MUST_USE enum vault_err tenant_erase_finish(struct op *op, struct sweep_done *done);

/* How many are not done with. */
MUST_USE enum vault_err tenant_erase_count(struct op *op, int64_t *n);
/* The name that an erased tenant had; VAULT_NOT_FOUND. */
MUST_USE enum vault_err tenant_erased_name(struct op *op, uint32_t number, struct vault_text *name);

#endif
