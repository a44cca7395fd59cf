/*
 * What keys of usage encrypt make. A ciphertext is format (1) ‖ key version (4, big-endian) ‖ nonce
 * (24) ‖ XChaCha20-Poly1305 of the plaintext. It authenticates, each behind its length (8,
 * big-endian): a constant, format and version, the key's random id, the context. The id stands for
 * tenant and key, and goes with them where they are exported and imported under other names.
 * Builds on key.h.
 */
#ifndef CORE_CIPHERTEXT_H
#define CORE_CIPHERTEXT_H

#include "vaultd/core/key.h"

/* A key in use, and what its ciphertexts are bound to besides it. */
struct ciphertext_use {
	const struct key *key; /* of usage encrypt */
	struct vault_bytes context;
};

/*
 * Under the key's current version. The result stands in the operation's memory. VAULT_CONFLICT
 * where that version is revoked.
 */
MUST_USE enum vault_err ciphertext_seal(struct op *op, const struct ciphertext_use *use,
					struct vault_bytes plain, struct vault_bytes *sealed);
/*
 * VAULT_INTEGRITY for what this key and context did not make, whatever is wrong with it;
 * VAULT_CONFLICT for a revoked version. The result stands in the operation's memory, which is wiped
 * where the operation's fields are secret.
 */
MUST_USE enum vault_err ciphertext_open(struct op *op, const struct ciphertext_use *use,
					struct vault_bytes sealed, struct vault_bytes *plain);
/* Opens and seals again in one place: the plaintext is overwritten by its new ciphertext. */
MUST_USE enum vault_err ciphertext_rewrap(struct op *op, const struct ciphertext_use *use,
					  struct vault_bytes sealed, struct vault_bytes *again);

#endif
