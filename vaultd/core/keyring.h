/*
 * The keys above all records: root, what is derived from it, and the store's own random keys that
 * it wraps. They exist while the vault is open. Root wraps; it never encrypts a record.
 */
#ifndef CORE_KEYRING_H
#define CORE_KEYRING_H

#include "vaultd/core/sealed.h"
#include "vaultd/crypto/aead.h"
#include "vaultd/crypto/ed25519.h"

#define ROOT_KEY_BYTES 32
#define WRAPPED_BYTES (AEAD_NONCE_BYTES + ROOT_KEY_BYTES + AEAD_TAG_BYTES)

struct keyring {
	uint32_t root_generation;
	struct secret root;
	struct secret wrap;	  /* derived: wraps the store's keys and each tenant key */
	struct secret audit_wrap; /* derived: wraps the audit's segment keys */
	struct secret slot_mac;	  /* derived: authenticates the slot table */
	struct secret ids;	  /* derived from the store's name key: tags of API-key ids */
	struct secret sums;	  /* derived likewise: of the sums over the store's tables */
	struct row_keys store;	  /* the store's own rows: tenants, grants, the head */
	struct ed25519_key identity;
};
void keyring_free(struct keyring *keyring);

/* Takes root (which is moved) and derives what is derived; the rest is made or loaded. */
MUST_USE enum vault_err keyring_derive(struct keyring *keyring, struct secret *root,
				       uint32_t generation);
/* sys.init: new random store keys, written to meta. */
MUST_USE enum vault_err keyring_create(struct keyring *keyring, struct txn *txn,
				       const uint8_t id[static STORE_ID_BYTES]);
/* sys.unseal: the store's keys from meta; VAULT_INTEGRITY where root does not open them. */
MUST_USE enum vault_err keyring_load(struct keyring *keyring, struct txn *txn);

/* What every build must understand of a store to open it; see core/migrate.h. */
#define STORE_FORMAT 2
/*
 * 1 to STORE_FORMAT; VAULT_NOT_FOUND before sys.init, VAULT_UNSUPPORTED for one that a newer build
 * wrote.
 */
MUST_USE enum vault_err keyring_format(struct txn *txn, uint8_t *format);
/* The store is of this build's format now. */
MUST_USE enum vault_err keyring_put_format(struct txn *txn);

/* The store's id from meta, before any key is there; VAULT_NOT_FOUND before sys.init. */
MUST_USE enum vault_err keyring_store_id(struct txn *txn, uint8_t id[static STORE_ID_BYTES]);

/* The id as callers see it: 32 hexadecimal digits and a NUL. */
#define STORE_ID_TEXT (2 * STORE_ID_BYTES + 1)
void store_id_text(const uint8_t id[static STORE_ID_BYTES], char text[static STORE_ID_TEXT]);

/*
 * A 32-byte key wrapped under another, bound to what it is for (purpose, tenant number, generation,
 * store).
 */
struct wrap_use {
	const char *purpose;
	uint32_t tenant;
	uint32_t generation;
	const uint8_t *store_id;
};
void key_wrap(const struct secret *under, const struct wrap_use *use, const uint8_t *key,
	      uint8_t wrapped[static WRAPPED_BYTES]);
MUST_USE enum vault_err key_unwrap(const struct secret *under, const struct wrap_use *use,
				   struct vault_bytes wrapped, struct arena *arena,
				   struct secret *key);

#endif
