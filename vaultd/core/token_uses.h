/*
 * How often a token was used, where that is limited: a row per token from its first use on, and one
 * per text that a use was told by. Both are forgotten with the token.
 */
#ifndef CORE_TOKEN_USES_H
#define CORE_TOKEN_USES_H

#include "vaultd/core/tenant.h"

/* A token whose uses are limited, and one use of it. */
struct token_use {
	struct vault_text jti;
	struct vault_text use; /* p NULL: told from none before */
	int64_t limit;	       /* by the token and its profile */
	int64_t expires_at;
	/* Set by token_uses_find. */
	int64_t left;
	bool counted; /* the same use was, before */
};

/* Fills in what is known of it. */
MUST_USE enum vault_err token_uses_find(struct op *op, struct token_use *use);
/*
 * Counts the use that token_uses_find found to be new and not too many. On a worker it answers
 * VAULT_BUSY with op->deferred set: only the committer counts, so each use counts once.
 */
MUST_USE enum vault_err token_uses_count(struct op *op, struct token_use *use);

/* Counts a use of which nothing but the id is known any more. On the committer. */
MUST_USE enum vault_err token_uses_spend(struct op *op, struct vault_text jti);

MUST_USE enum vault_err token_uses_show(struct op *op, struct vault_text jti,
					struct token_uses_res *res);
/* On the committer. */
MUST_USE enum vault_err token_uses_grant(struct op *op, struct vault_text jti, int64_t add);

#endif
