/*
 * Profiles: what tokens of a kind may say. A profile fixes issuer, audiences, lifetimes, scopes and claims, so that an
 * application which may sign under it cannot mint what it likes.
 */
#ifndef CORE_PROFILE_H
#define CORE_PROFILE_H

#include "vaultd/core/key.h"

/*
 * A profile in a thread's cache, ready to sign: the encoded header and the claims that are the same in every token, with
 * the MAC's state after them.
 */
struct profile {
	struct cache_entry entry;
	struct row_key place;
	struct profile_record settings; /* views into memory */
	struct scratch memory;		/* what settings points to */
	const struct key *key;		/* of this operation */
	/* What follows is of the version that signs. */
	uint32_t signer;
	char *prefix; /* base64url(header) "." base64url(constant claims), whose JSON is a multiple of three bytes */
	size_t prefix_len;
	char *audience; /* the aud member for all of the profile's audiences, with its comma; "" where there is none */
	size_t audience_len;
	struct secret state; /* struct mac_state after the prefix; empty for other algorithms */
};

/* The profile of that name, valid until the operation ends. */
MUST_USE enum vault_err profile_get(struct op *op, struct vault_text name, struct profile **profile);
/* Makes profile ready to sign with the key's current version. */
MUST_USE enum vault_err profile_prepare(struct op *op, struct profile *profile, const struct key_live **signer);

/* On the committer. */
MUST_USE enum vault_err profile_put(struct op *op, const struct profile_put_req *req);
MUST_USE enum vault_err profile_delete(struct op *op, struct vault_text name);
/* Fills profile.get's answer from a row. */
MUST_USE enum vault_err profile_show(struct op *op, const struct row *row, struct profile_get_res *res);

/* The longest that a token under any profile naming the key can verify: max_ttl + leeway; 0 where none names it. */
MUST_USE enum vault_err profile_longest_life(struct op *op, struct vault_text key, int64_t *seconds);

#endif
