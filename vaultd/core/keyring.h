/*
 * The keys above all records: root, what is derived from it, and the store's own random keys that
 * it wraps. They exist while the vault is open. Root wraps; it never encrypts a record.
 */
#ifndef CORE_KEYRING_H
#define CORE_KEYRING_H

#include <pthread.h>

#include "vaultd/core/sealed.h"
#include "vaultd/crypto/aead.h"
#include "vaultd/crypto/ed25519.h"

#define ROOT_KEY_BYTES 32
/* Root keys that there may have been: with the present one's, what they wrap with takes 512 KiB. */
#define AUDIT_WRAPS_MAX 16383
#define WRAPPED_BYTES (AEAD_NONCE_BYTES + ROOT_KEY_BYTES + AEAD_TAG_BYTES)

/* A root key that is about to take the other's place, and what follows from it. */
struct root_keys {
	uint32_t generation;
	struct secret root, wrap, audit_wrap, slot_mac;
};

/*
 * Root and what is derived from it are replaced by the committer while others read tenants' keys:
 * see keyring_open_tenant. The rest stays as long as the vault is open.
 */
struct keyring {
	/* Over root, what is derived from it and next; the committer reads without. */
	pthread_mutex_t rekeying;
	struct root_keys next; /* root empty: none */
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

/*
 * sys.rekey, all on the committer. keyring_next makes the next root key, with which everything that
 * the present one wraps is wrapped anew in one transaction; then keyring_switch where that was
 * committed, keyring_drop_next where not.
 */
MUST_USE enum vault_err keyring_next(struct keyring *keyring);
/* The store's own keys, in meta. */
MUST_USE enum vault_err keyring_rewrap(struct keyring *keyring, struct txn *txn);
/* After the commit was counted, so that who still looks at the one before can see that it is old. */
void keyring_switch(struct keyring *keyring);
void keyring_drop_next(struct keyring *keyring);

/* A tenant's key as its row has it. */
struct tenant_wrapped {
	uint32_t number, generation; /* of the tenant; of the root key it is wrapped under */
	struct vault_bytes wrapped;
};
/*
 * From any thread. VAULT_INTEGRITY where it does not open, or is wrapped under another root key
 * than this vault's: after a rekey a snapshot from before it has such.
 */
MUST_USE enum vault_err keyring_open_tenant(struct keyring *keyring,
					    const struct tenant_wrapped *from, struct arena *arena,
					    struct secret *key);
/*
 * From any thread: a copy of the root key of that generation, for a backup. VAULT_BUSY where the
 * keyring has moved on, or is not there yet.
 */
MUST_USE enum vault_err keyring_copy_root(struct keyring *keyring, uint32_t generation,
					  struct secret *root);
/*
 * From any thread: whether what hangs from the root key of that generation can be opened now. A
 * snapshot of before a rekey cannot.
 */
bool keyring_has_root(struct keyring *keyring, uint32_t generation);
/* Wraps a tenant's key under the next root key; it is wrapped under the present one. */
MUST_USE enum vault_err keyring_rewrap_tenant(const struct keyring *keyring,
					      const struct tenant_wrapped *from,
					      uint8_t wrapped[static WRAPPED_BYTES]);

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
 * The audit's wrapping keys, 32 bytes each: the present root key's, then those of all before it,
 * the newest first, so that what was written under them can be read.
 */
MUST_USE enum vault_err keyring_audit_keys(const struct keyring *keyring, struct txn *txn,
					   struct secret *keys);
/*
 * The same with the next root key's at the front; writes to meta what reading them will need.
 * segment: the audit's last one.
 */
MUST_USE enum vault_err keyring_rewrap_audit(const struct keyring *keyring, struct txn *txn,
					     uint64_t segment, struct secret *keys);

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
