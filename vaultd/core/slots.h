/*
 * Unseal slots, each able to open the vault alone. A slot is an X25519 pair: its secret wraps the
 * private half, and the root key is sealed to the public half, so a new root key can be sealed to
 * every slot without asking for the secrets.
 */
#ifndef CORE_SLOTS_H
#define CORE_SLOTS_H

#include "vaultd/core/keyring.h"

#define SLOTS_MAX 16

/* Part of the format. */
enum slot_kind { SLOT_PASSPHRASE = 1, SLOT_KEYFILE = 2, SLOT_SHARES = 3 };

/*
 * What a person or a file brings; a passphrase costs Argon2id, so it is turned into a key on the
 * slow lane.
 */
struct slot_secret {
	enum slot_kind kind;
	struct vault_bytes bytes;
	struct vault_text slot; /* the one to try; p NULL: all of the kind */
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
	struct slot_cost cost; /* zero for a key file */
	struct secret key;     /* wraps the private half */
};
void slot_draft_free(struct slot_draft *draft);

/* Slow for a passphrase. */
MUST_USE enum vault_err slot_draft_make(struct arena *arena, const struct slot_secret *secret,
					const struct slot_cost *cost, struct slot_draft *draft);

/* Writes a table with this one slot, sealing the root key to it. */
MUST_USE enum vault_err slots_create(struct txn *txn, const struct keyring *keyring,
				     const char *name, const struct slot_draft *draft, int64_t now);

/*
 * Tries the slots of the secret's kind and gives the root key that the first to open holds. Slow
 * for a passphrase. VAULT_DENIED where none opens, VAULT_NOT_FOUND where the named one is not
 * there, VAULT_INTEGRITY where the table is damaged.
 */
MUST_USE enum vault_err slots_open(struct txn *txn, struct arena *arena,
				   const struct slot_secret *secret, struct slot_opened *opened);

/* Whether the table is the one that this root key authenticated; VAULT_INTEGRITY where not. */
MUST_USE enum vault_err slots_check(struct txn *txn, const struct keyring *keyring);

/*
 * Reads the table; views are valid as the transaction's bytes are, lists stand in scratch.
 * VAULT_NOT_FOUND before init.
 */
MUST_USE enum vault_err slots_read(struct txn *txn, struct scratch *scratch,
				   struct slot_table *table);

#endif
