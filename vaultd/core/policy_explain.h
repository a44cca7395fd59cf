/*
 * Why a request would be allowed or not, in words.
 */
#ifndef CORE_POLICY_EXPLAIN_H
#define CORE_POLICY_EXPLAIN_H

#include "vaultd/core/op.h"

/*
 * For the principal named, or else the caller. A named user is taken without its groups and unit,
 * as if it asked on the socket that the method is for.
 */
MUST_USE enum vault_err policy_explain(struct op *op, const struct policy_explain_req *req,
				       struct policy_explain_res *res);

#endif
