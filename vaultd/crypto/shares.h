/*
 * Shares of a secret as words: SLIP-39 (https://github.com/satoshilabs/slips/blob/master/slip-0039.md).
 * k of n of them give the secret back, fewer tell nothing of it. What is secret, a share's value
 * and its words, stands in the arena, and neither branches nor addresses depend on it.
 *
 * Made here are shares of one group, with the extendable flag, without a passphrase and with the
 * least iterations, because the secret is random. Read is everything that the standard has.
 */
#ifndef CRYPTO_SHARES_H
#define CRYPTO_SHARES_H

#include "vaultd/base/secret.h"

#define SHARES_MAX 16		   /* of one group, and groups: four bits each */
#define SHARES_THRESHOLD_MIN 2	   /* of shares made here: one share alone would be the secret */
#define SHARE_ID_MAX 0x7fff	   /* 15 bits tell a set from others */
#define SHARE_VALUE_MIN 16	   /* bytes of a secret, section "Format of the share mnemonic" */
#define SHARE_VALUE_MAX 64	   /* no longer one is read */
#define SHARE_TEXT_MAX 1024	   /* bytes of a share's words that are read */
#define SHARE_TEXT_WRITTEN_MAX 576 /* bytes that share_write needs at most */

/* What a share says. All but the value may be known to anybody. */
struct share {
	uint16_t id; /* 15 bits, the same in all shares of a set */
	bool extendable;
	uint8_t exponent;	 /* 10,000 << exponent iterations protect the secret */
	uint8_t group;		 /* from 0 */
	uint8_t group_threshold; /* from 1, and so the next two */
	uint8_t group_count;
	uint8_t index;	   /* from 0 */
	uint8_t threshold; /* from 1 */
	struct secret value;
};
/* NULL is fine, and what is all zero. */
void share_free(struct share *share);

/*
 * Reads a share from its words: of any case, between any white space. VAULT_INVALID_PARAMS where
 * they are no share (an unknown word, a typing error), VAULT_BUSY where the arena is full.
 */
MUST_USE enum vault_err share_read(struct arena *arena, struct vault_text words,
				   struct share *share);
/* *words, empty before, gets the words in lower case with a space between, and no NUL. */
MUST_USE enum vault_err share_write(struct arena *arena, const struct share *share,
				    struct secret *words);
/* Whether they are of one set, so that they may stand beside one another in shares_join. */
bool share_same_set(const struct share *a, const struct share *b);

/*
 * Makes count shares of the secret (16 to 64 bytes, an even number), any threshold of which give it
 * back. id: 15 bits that tell the set from others. shares: count of them, all zero before.
 */
struct shares_plan {
	uint16_t id;
	unsigned threshold, count;
};
MUST_USE enum vault_err shares_split(const struct secret *secret, const struct shares_plan *plan,
				     struct share *shares);
/*
 * The secret of as many shares as their thresholds ask for, neither fewer nor more, each another
 * one. VAULT_INVALID_PARAMS where they are not that, VAULT_DENIED where they do not give what was
 * split (a share was changed on purpose: no typing error comes so far).
 * passphrase: what the secret was protected with besides; none of ours is.
 */
MUST_USE enum vault_err shares_join(const struct share *shares, size_t count,
				    struct vault_text passphrase, struct secret *secret);

#endif
