/*
 * Profiles: what tokens of a kind may say. A profile fixes issuer, audiences, lifetimes, scopes and
 * claims, so that an application which may sign under it cannot mint what it likes.
 */
#ifndef CORE_PROFILE_H
#define CORE_PROFILE_H

#include "vaultd/core/key.h"

/* The beginning of a token, encoded, and the MAC's state after it (empty for other algorithms). */
struct token_prefix {
	char *text; /* base64url(header) "." base64url(claims), the claims' JSON a multiple of three bytes long */
	size_t len;
	struct secret state; /* struct mac_state */
};

/*
 * A profile in a thread's cache, ready to sign: what is the same in every token is encoded and
 * hashed once, and what is the same in every token of a second that asks for nothing special, once
 * a second.
 */
struct profile {
	struct cache_entry entry;
	struct row_key place;
	struct profile_record settings; /* views into memory */
	struct scratch memory;		/* what settings points to */
	const struct key *key;		/* of this operation */
	uint32_t signer;		/* the version that the prefixes are of; 0: none yet */
	struct token_prefix constant;	/* header, prf, tid, iss, fixed claims */
	struct token_prefix timed;	/* the same and aud, iat, nbf, exp */
	int64_t timed_at;		/* the second that timed is of; 0: none yet */
};

/* The profile of that name, valid until the operation ends. */
MUST_USE enum vault_err profile_get(struct op *op, struct vault_text name,
				    struct profile **profile);
/*
 * Makes profile ready to sign with the key's current version, and tells the prefix to begin with:
 * the timed one for a token of the profile's own audience and lifetime, else the constant one.
 */
MUST_USE enum vault_err profile_prepare(struct op *op, struct profile *profile, bool timed,
					const struct key_live **signer,
					const struct token_prefix **prefix);

/*
 * VAULT_INVALID_PARAMS naming the field where something is asked for that the profile does not
 * allow.
 */
MUST_USE enum vault_err profile_require_subset(struct op *op, const char *field,
					       const struct vault_texts *asked,
					       const struct vault_texts *allowed);

/* On the committer. */
MUST_USE enum vault_err profile_put(struct op *op, const struct profile_put_req *req);
MUST_USE enum vault_err profile_delete(struct op *op, struct vault_text name);
/* Fills profile.get's answer from a row. */
MUST_USE enum vault_err profile_show(struct op *op, const struct row *row,
				     struct profile_get_res *res);

/*
 * The longest that a token under any profile naming the key can verify: max_ttl + leeway; 0 where
 * none names it.
 */
MUST_USE enum vault_err profile_longest_life(struct op *op, struct vault_text key,
					     int64_t *seconds);

#endif
