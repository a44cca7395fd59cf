/*
 * One-time codes as a second factor: who has a secret, and whether a code is his and was not used
 * yet. A principal's secret is a record of the store's own.
 */
#ifndef CORE_TOTP_H
#define CORE_TOTP_H

#include "vaultd/core/op.h"

/*
 * auth.totp, on the committer. VAULT_OK: the code counts, and what must be kept of it is in the
 * change; op->effects tells the session once that is durable. VAULT_DENIED for a wrong code, for one
 * used before, and for who has no secret, at the same cost; it is counted, and after five
 * VAULT_LOCKED. VAULT_INVALID_PARAMS for what is no code by its form.
 */
MUST_USE enum vault_err totp_accept(struct op *op, struct vault_text code);

/* A new secret and new recovery codes; what the principal had before ends. */
MUST_USE enum vault_err totp_enroll(struct op *op, const struct totp_enroll_req *req,
				    struct totp_enroll_res *res);
MUST_USE enum vault_err totp_remove(struct op *op, struct vault_text principal);
MUST_USE enum vault_err totp_page(struct op *op, const struct totp_list_req *req,
				  struct totp_list_res *res);

/* What the audit is told, for a restore: the number of a recovery code, or this for six digits. */
#define TOTP_AGAIN_STEP (-1)

/* Where a principal's record stands. */
struct row_key totp_place(const struct op *op, struct vault_text principal);

/* Recovery codes are kept as tags: HMAC-SHA-256 under a key of the store, over a salt and the code. */
#define TOTP_SALT_BYTES 16
#define TOTP_TAG_BYTES 32
struct mac_key;
/* The key; freed with mac_key_free. */
MUST_USE enum vault_err totp_recovery_key(const struct op *op, struct mac_key *key);
/* What is tagged. */
struct totp_recovery_text {
	uint8_t salt[TOTP_SALT_BYTES];
	char code[TOTP_RECOVERY_DIGITS];
};

#endif
