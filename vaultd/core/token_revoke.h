/*
 * Tokens that are refused before they expire: one by its id, or all of a subject or a profile that
 * were issued until a moment. Each is a row of its own, found by one look into the index, and
 * forgotten once no such token can verify any more.
 */
#ifndef CORE_TOKEN_REVOKE_H
#define CORE_TOKEN_REVOKE_H

#include "vaultd/core/tenant.h"

/* On the committer. */
MUST_USE enum vault_err token_revoke(struct op *op, const struct token_revoke_req *req);

/* Its parts, on the committer. One token; nobody's either, for what is not there may yet come. */
MUST_USE enum vault_err token_revoke_id(struct op *op, struct vault_text jti);
/*
 * Adds what is set in more to the rule of that place (of a subject or a profile), which never
 * refuses less than before. more->name may be empty where only the place is known.
 */
MUST_USE enum vault_err token_rule_add(struct op *op, const struct row_key *place,
				       const struct token_rule_record *more);

/* What a token says that it may be refused by; p NULL, set false where it says nothing. */
struct token_claimed {
	struct vault_text jti;
	struct vault_text subject;
	struct vault_text profile; /* that it was verified under */
	struct vault_opt_int issued_at;
};
MUST_USE enum vault_err token_is_revoked(struct op *op, const struct token_claimed *token,
					 bool *revoked);

#endif
