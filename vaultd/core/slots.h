/*
 * Unseal slots, each able to open the vault alone. A slot is an X25519 pair: its secret wraps the
 * private half, and the root key is sealed to the public half, so a new root key can be sealed to
 * every slot without asking for the secrets.
 */
#ifndef CORE_SLOTS_H
#define CORE_SLOTS_H

#include "vaultd/core/keyring.h"
#include "vaultd/crypto/shares.h"

#define SLOTS_MAX 16
#define SLOT_NAME_MAX 63     /* bytes: the audit's segments name each slot in 64 */
#define SLOT_SHARED_BYTES 32 /* what a slot's shares are shares of */

/* Part of the format. */
enum slot_kind { SLOT_PASSPHRASE = 1, SLOT_KEYFILE = 2, SLOT_SHARES = 3 };

/*
 * What a person or a file brings; a passphrase costs Argon2id, so it is turned into a key on the
 * slow lane.
 */
struct slot_secret {
	enum slot_kind kind;
	/* SLOT_SHARES: what the shares were joined to; not looked at by slot_draft_make. */
	struct vault_bytes bytes;
	struct vault_text slot;	   /* the one to try; p NULL: all of the kind */
	struct shares_plan shares; /* slot_draft_make of SLOT_SHARES: how many; the id is chosen */
};

/* The root key that a slot held, and which of them it is. */
struct slot_opened {
	struct secret root;
	uint32_t generation;
};

/* What Argon2id is to cost for a new passphrase slot: memory in bytes. */
struct slot_cost {
	uint64_t memory;
	uint64_t passes;
};

/* A slot under construction: its salt and the key made of its secret. */
struct slot_draft {
	enum slot_kind kind;
	uint8_t salt[16];
	struct slot_cost cost; /* zero but for a passphrase */
	struct secret key;     /* wraps the private half */
	struct shares_plan shares;
	struct secret
		words[SHARES_MAX]; /* of SLOT_SHARES: shares.count of them, to be shown once */
};
void slot_draft_free(struct slot_draft *draft);

/* Slow for a passphrase. VAULT_INVALID_PARAMS for a plan of shares that cannot be. */
MUST_USE enum vault_err slot_draft_make(struct arena *arena, const struct slot_secret *secret,
					const struct slot_cost *cost, struct slot_draft *draft);

/* Writes a table with this one slot, sealing the root key to it. */
MUST_USE enum vault_err slots_create(struct txn *txn, const struct keyring *keyring,
				     const char *name, const struct slot_draft *draft, int64_t now);

/* What slots_put is to do. */
struct slot_put {
	struct vault_text name;
	const struct slot_draft *draft;
	int64_t now;
	bool replace; /* the one of that name, which must be there */
};
/*
 * Adds a slot or replaces one. VAULT_EXISTS, with replace VAULT_NOT_FOUND; VAULT_CONFLICT where
 * there are SLOTS_MAX; VAULT_BUSY where other shares have the same id by chance.
 */
MUST_USE enum vault_err slots_put(struct change *change, const struct keyring *keyring,
				  const struct slot_put *put);
/* VAULT_NOT_FOUND; VAULT_CONFLICT where it is the last. */
MUST_USE enum vault_err slots_remove(struct change *change, const struct keyring *keyring,
				     struct vault_text name);
/* Seals the keyring's next root key to every slot, and authenticates the table under it. */
MUST_USE enum vault_err slots_reseal(struct change *change, const struct keyring *keyring);

/*
 * Tries the slots of the secret's kind and gives the root key that the first to open holds. Slow
 * for a passphrase. VAULT_DENIED where none opens, VAULT_NOT_FOUND where the named one is not
 * there, VAULT_INTEGRITY where the table is damaged.
 */
MUST_USE enum vault_err slots_open(struct txn *txn, struct arena *arena,
				   const struct slot_secret *secret, struct slot_opened *opened);
/*
 * One slot, wherever its record was read from: the private half of its pair, which opens all that
 * was sealed to slot->public_key. VAULT_DENIED, VAULT_INTEGRITY. Slow for a passphrase.
 */
MUST_USE enum vault_err slot_open_half(const struct slot_record *slot,
				       const uint8_t store_id[static STORE_ID_BYTES],
				       const struct slot_secret *secret, struct arena *arena,
				       struct secret *half);

/* Whether the table is the one that this root key authenticated; VAULT_INTEGRITY where not. */
MUST_USE enum vault_err slots_check(struct txn *txn, const struct keyring *keyring);

/*
 * Reads the table; views are valid as the transaction's bytes are, lists stand in scratch.
 * VAULT_NOT_FOUND before init.
 */
#define SLOTS_SCRATCH_BYTES 16384 /* that a table needs at most */
MUST_USE enum vault_err slots_read(struct txn *txn, struct scratch *scratch,
				   struct slot_table *table);
/* Which root key the table seals; VAULT_NOT_FOUND before init. */
MUST_USE enum vault_err slots_generation(struct txn *txn, uint32_t *generation);
/* The slot of that name in it; NULL where there is none. */
const struct slot_record *slot_named(const struct slot_table *table, struct vault_text name);

/* Where the table stands in meta, and the root key's generation; for the two files of slots. */
#define META_SLOTS "slots"
#define META_GENERATION "root_generation"
/* What the private half is bound to: its store, its slot's name and its public half. */
#define SLOT_AD_MAX 256
size_t slot_ad(const uint8_t *store_id, struct vault_text name, const uint8_t *public_key,
	       uint8_t ad[static SLOT_AD_MAX]);

#endif
