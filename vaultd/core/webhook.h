/*
 * Signing webhook messages and checking them, by three schemes: Standard Webhooks (HMAC-SHA256 or
 * Ed25519 over id.timestamp.payload), GitHub's (HMAC-SHA256 over the payload), Stripe's
 * (HMAC-SHA256 over timestamp.payload). Builds on key.h.
 */
#ifndef CORE_WEBHOOK_H
#define CORE_WEBHOOK_H

#include "vaultd/core/key.h"

/*
 * The headers of a message, signed by the version asked for, or by the current one and, where the
 * scheme has room for several signatures, each that is retiring. VAULT_CONFLICT where the key's
 * algorithm is none of the scheme's, or nothing of it signs.
 */
MUST_USE enum vault_err webhook_sign(struct op *op, const struct key *key,
				     const struct webhook_sign_req *req, struct vault_map *headers);
/*
 * *reason is 0 for a message that some version of the key signed, and that is not older or newer
 * than the tolerance says; what is wrong with the signature is told before what is wrong with the
 * time.
 */
MUST_USE enum vault_err webhook_verify(struct op *op, const struct key *key,
				       const struct webhook_verify_req *req,
				       enum webhook_reason *reason);

#endif
