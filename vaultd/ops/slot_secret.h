/*
 * The secret of a slot as requests give it: one kind of several fields.
 */
#ifndef OPS_SLOT_SECRET_H
#define OPS_SLOT_SECRET_H

#include "vaultd/core/op.h"

struct secret_given {
	struct vault_bytes passphrase, keyfile;
	struct vault_text share;		/* sys.unseal */
	struct vault_opt_int shares, threshold; /* a new slot's */
};
/* VAULT_INVALID_PARAMS where it is not exactly one kind. Of a share, secret->bytes are the words. */
MUST_USE enum vault_err slot_secret_of(struct op *op, const struct secret_given *given,
				       struct slot_secret *secret);
/* The words of a new slot's shares, as they stand in the draft; none for another kind. */
MUST_USE enum vault_err slot_words(struct op *op, const struct slot_draft *draft,
				   struct vault_texts *shares);

#endif
