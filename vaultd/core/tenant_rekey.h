/*
 * A new record key for a tenant, while it is served. Its rows are sealed again bit by bit; a row
 * names the generation of its key, and both keys open until none names the old one.
 *
 * First the new key is put beside the old, so that every thread has it before any row needs it; from
 * a later commit on it seals. Then rounds over all of the tenant's rows follow, until one finds no
 * row of the old generation: only then the old key goes. Where the sweep has got to stands in a row
 * (ROW_REKEY), so a crash costs nothing but the last step.
 *
 * Names, API keys and what is derived from either hang from other keys, which stay.
 */
#ifndef CORE_TENANT_REKEY_H
#define CORE_TENANT_REKEY_H

#include "vaultd/core/sweep.h"
#include "vaultd/core/tenant.h"

/* On the committer: begins with it. VAULT_CONFLICT while one is under way. */
MUST_USE enum vault_err tenant_rekey(struct op *op);
/* How far it has got, in the operation's memory; NULL where none is under way. */
MUST_USE enum vault_err tenant_rekey_progress(struct op *op, uint32_t number,
					      const struct sweep_progress **progress);
/* A step of the tenant of that number: some rows. Makes it the operation's tenant. */
MUST_USE enum vault_err tenant_rekey_step(struct op *op, uint32_t number, struct sweep_done *done);
/* It ends where it is, for the tenant goes. */
MUST_USE enum vault_err tenant_rekey_forget(struct op *op, uint32_t number);

#endif
