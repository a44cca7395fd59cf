/*
 * Whether a key that somebody sent is good, and why not. The reasons in the order in which they are
 * looked at; all behind the line need the right secret, so that who guesses learns nothing:
 *
 *	malformed             no key of ours by its form or CRC; nothing is hashed or looked up
 *	locked, limited       too many failures of this key, source or caller: a right secret too
 *	invalid               unknown, wrong, deleted, or of a tenant the caller has no grant on
 *	----
 *	tenant                another tenant's than the one asked for
 *	suspended             its tenant is
 *	revoked expired disabled
 *	env source scope      not for what is asked
 *	limited               the key's own limit; no use is counted
 *	used_up               no uses left; nothing of the limit is used
 */
#ifndef CORE_APIKEY_VERIFY_H
#define CORE_APIKEY_VERIFY_H

#include "vaultd/core/apikey.h"

struct apikey_question {
	struct vault_text key;
	struct vault_text source; /* p NULL: not told; likewise env and use */
	struct vault_text env;
	struct vault_texts scope; /* each must be given */
	struct vault_text use;	  /* counted once under this text */
	bool count;		  /* a use, and against the key's limit */
	bool login;		  /* the key is its own right: the caller needs no grant */
};

struct apikey_verdict {
	enum verify_reason reason; /* none: it is good */
	int64_t retry_after_ms;	   /* of locked and limited */
	/* Only where it is good. */
	const struct tenant *tenant;
	struct apikey key;
	int64_t uses_left;
};

/*
 * Looks for the key in op->tenant, or where that is NULL in all, and sets op->tenant to the key's
 * where the caller may know it. Views in the verdict are valid until the operation ends. On a worker
 * it may answer VAULT_BUSY with op->deferred set: a use or a lock is to be written.
 */
MUST_USE enum vault_err apikey_verify(struct op *op, const struct apikey_question *question,
				      struct apikey_verdict *verdict);

/* Why a key with the right secret is not good for the question. asked: the tenant; NULL: any. */
enum verify_reason apikey_judge(const struct op *op, const struct apikey_candidate *c,
				const struct apikey_tenant *common, const struct tenant *asked,
				const struct apikey_question *question);

/*
 * What auth.login needs to know of a key: apikey_verify() without scope, env and use, for a key that
 * has a role. VAULT_DENIED (op->note.reason tells the audit why), or VAULT_LOCKED or VAULT_LIMITED
 * with op->fail.retry_after_ms.
 */
struct apikey_login {
	struct vault_text tenant;
	struct vault_text id;
	struct vault_text name;
	struct vault_text role;
	struct vault_text creator; /* a principal whose rights bound it */
	int64_t expires_at;	   /* 0: never */
};
MUST_USE enum vault_err apikey_authenticate(struct op *op, struct vault_text key,
					    struct vault_text source, struct apikey_login *login);
/*
 * Whether a login still stands: the key is there, active or in its grace, and its tenant is not
 * suspended. VAULT_DENIED where not; login is filled anew.
 */
MUST_USE enum vault_err apikey_still_stands(struct op *op, struct vault_text tenant,
					    struct vault_text id, struct apikey_login *login);

#endif
