/*
 * How long a token of a tenant can live at most, whatever profile it is of and however that was
 * changed since: what is refused may be forgotten then, and not before.
 */
#ifndef CORE_TOKEN_LIFE_H
#define CORE_TOKEN_LIFE_H

#include "vaultd/core/tenant.h"

#define TOKEN_LEEWAY_MAX 300 /* what a profile's leeway may be */

/* On the committer, before a profile is put: its tokens count from now on. */
MUST_USE enum vault_err token_life_extend(struct op *op, int64_t max_ttl, int64_t legacy_until);
/* When the last of the tokens that were issued until now has expired, by everyone's leeway. */
MUST_USE enum vault_err token_life_end(struct op *op, int64_t *at);

#endif
