/*
 * What a token must say to be good under a profile, once its signature is. Shared by token_verify.c
 * and token_check.c.
 */
#ifndef CORE_TOKEN_CHECK_H
#define CORE_TOKEN_CHECK_H

#include "vaultd/core/profile.h"
#include "vaultd/core/token_parse.h"
#include "vaultd/core/token_uses.h"

/* One verification: what was asked, what the token says, and what is to be reported. */
struct check {
	struct op *op;
	const struct token_verify_req *req;
	const struct profile_record *settings;
	const struct key *key;
	struct token_parts parts;
	bool legacy;	      /* a missing tid or iat passes */
	enum vault_err err;   /* the store failed, so there is no answer */
	struct token_use use; /* limit 0: not limited */
	/* Of the header; absent where p is NULL. */
	struct vault_text alg, kid;
	struct vault_bytes typ; /* a whole value */
	/* Claims; absent where p is NULL or set is false. */
	struct vault_text iss, sub, jti, tid, prf, scope, domain;
	struct vault_opt_int iat, nbf, exp, uses;
	struct vault_bytes aud; /* a whole value */
};

/* Each answers verify_reason_none to go on. */
enum verify_reason check_read_claims(struct check *check);
enum verify_reason check_type(struct check *check);
enum verify_reason check_issuer(struct check *check);
enum verify_reason check_audience(struct check *check);
enum verify_reason check_times(struct check *check);
enum verify_reason check_scope(struct check *check);
enum verify_reason check_domain(struct check *check);
enum verify_reason check_tenant(struct check *check);
/* Fixed and allowed values, required claims, the longest life. */
enum verify_reason check_profile(struct check *check);

#endif
