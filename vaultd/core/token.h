/*
 * Tokens: compact JWS (RFC 7515) with the claims of a JWT (RFC 7519), signed and verified under a
 * profile. The algorithm is the key's, never the token's (RFC 8725 section 3.1).
 */
#ifndef CORE_TOKEN_H
#define CORE_TOKEN_H

#include "vaultd/core/profile.h"

#define TOKEN_MAX 16384	    /* bytes of a token that is looked at */
#define TOKEN_NESTING_MAX 5 /* containers in a payload, its own object included */

/* The answer points into the operation's memory. */
MUST_USE enum vault_err token_sign(struct op *op, const struct token_sign_req *req,
				   struct token_sign_res *res);

/* VAULT_OK also where the token is not valid; res->reason then says why. */
MUST_USE enum vault_err token_verify(struct op *op, const struct token_verify_req *req,
				     struct token_verify_res *res);

#endif
