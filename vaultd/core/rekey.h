/*
 * A new root key, online. In one transaction everything that the root key wraps is wrapped under
 * the next one: the store's keys, every tenant's key, the audit's wrapping keys of before; and the
 * next one is sealed to every slot. What data depends on stays: tenants' keys, record keys, name
 * keys, peppers, identity. The present root key is forgotten once that is committed.
 *
 * Two steps, on the committer, in an operation with OP_ALONE:
 *   vault_rekey, or vault_slots_changed, in the change: an error is the change's, which is undone;
 *   vault_rekeyed once it was committed and counted, or vault_rekey_drop where it was not. The
 *   committer calls the one or the other behind every group, so operations need not; who commits
 *   himself (a command on a stopped daemon's state) must.
 */
#ifndef CORE_REKEY_H
#define CORE_REKEY_H

#include "vaultd/core/vault.h"

/*
 * The change may have rewritten, added or removed tenants' wrapped keys and slots before it, as
 * long as all are under the present root key. VAULT_CONFLICT after AUDIT_WRAPS_MAX of them,
 * VAULT_STORAGE_FULL where a page for each tenant may not fit on the disk.
 */
MUST_USE enum vault_err vault_rekey(struct vault *vault, struct change *change);
/* A slot was added without a new root key: the audit's next segments are to open with it too. */
MUST_USE enum vault_err vault_slots_changed(struct vault *vault, struct change *change);

/* False where the audit goes on in its segment of before: the next one will have the new keys. */
bool vault_rekeyed(struct vault *vault, int64_t now_ns);
void vault_rekey_drop(struct vault *vault);

#endif
