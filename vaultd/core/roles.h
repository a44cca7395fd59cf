/*
 * Roles: named sets of methods. The built-in ones follow from ops.def and cannot be changed.
 */
#ifndef CORE_ROLES_H
#define CORE_ROLES_H

#include "vaultd/core/op.h"

/* How the audit is told of a role's methods, for a restore; part of the audit's format. */
#define ROLE_AGAIN_BITS 63
#define ROLE_AGAIN_WORDS 4

/* On the committer: only methods that the caller may grant, and never a role that he holds. */
MUST_USE enum vault_err role_put(struct op *op, const struct role_put_req *req);
MUST_USE enum vault_err role_delete(struct op *op, struct vault_text name);
/* A role and each of its methods. VAULT_NOT_FOUND. */
MUST_USE enum vault_err role_get(struct op *op, struct vault_text name, struct role_get_res *res);
MUST_USE enum vault_err role_page(struct op *op, const struct role_list_req *req,
				  struct role_list_res *res);

/*
 * Adds what the patterns name. VAULT_INVALID_PARAMS naming the field where one of them names
 * nothing, or names by a wildcard only what must be named literally.
 */
MUST_USE enum vault_err methods_read(struct op *op, const struct vault_texts *patterns,
				     struct method_set *methods);

#endif
