/*
 * The shares of a slot that sys.unseal was given one at a time, by whomever over whichever
 * connection, until there are enough of them. They stand in the arena, and no longer than
 * UNSEAL_SHARES_MS. Locked by itself: the slow lane adds, anybody asks, main and the keeper forget.
 */
#ifndef CORE_UNSEAL_SHARES_H
#define CORE_UNSEAL_SHARES_H

#include <pthread.h>

#include "vaultd/base/clock.h"
#include "vaultd/core/slots.h"

#define UNSEAL_SHARES_MS (10 * 60 * 1000) /* from the first share on; of CLOCK_BOOTTIME */

/* All zero is none. */
struct unseal_shares {
	pthread_mutex_t mutex;
	struct share list[SHARES_MAX];
	unsigned have, threshold; /* have 0: none, and nothing else counts */
	char slot[SLOT_NAME_MAX];
	uint8_t slot_len;
	int64_t forget_ms;
};

struct share_given {
	struct vault_text words;
	struct vault_text slot; /* p NULL: the one that the share is of */
	const struct clock_now *now;
};
/* What became of it. */
struct share_taken {
	unsigned needed;      /* how many are still missing; 0: the next two are set */
	struct secret secret; /* what they were shares of, unless somebody lied */
	char slot[SLOT_NAME_MAX];
	uint8_t slot_len;
};
/*
 * VAULT_OK: the share is one of a slot in the store, and counts once. With the last one that was
 * missing all are forgotten and joined.
 * VAULT_INVALID_PARAMS: it is no share (a typing error); nothing changes. VAULT_NOT_FOUND: there is
 * no slot of that name. VAULT_DENIED: it is of no slot, of another one than those before it, or
 * contradicts one of them, or they do not join; all are forgotten.
 */
MUST_USE enum vault_err unseal_shares_add(struct unseal_shares *shares, struct txn *txn,
					  struct arena *arena, const struct share_given *given,
					  struct share_taken *taken);
/* Wipes what there is. */
void unseal_shares_forget(struct unseal_shares *shares);
/* The same where its time has come. */
void unseal_shares_expire(struct unseal_shares *shares, const struct clock_now *now);

struct share_progress {
	unsigned have, threshold;
	char slot[SLOT_NAME_MAX];
	uint8_t slot_len;
};
/* False: there are none. */
bool unseal_shares_progress(struct unseal_shares *shares, struct share_progress *progress);

#endif
