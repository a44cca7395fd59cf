/*
 * A Merkle tree over the audit's records, as RFC 6962 section 2.1 has it, for checkpoints and proofs.
 *
 * Leaf i is record i + 1: 16 bytes that only this vault can make, then the record's bytes. Those bytes
 * keep whoever is given a proof from guessing the records beside his. The tree is worked out from the
 * audit when it is asked for; what is kept is the root of each whole chunk of leaves.
 */
#ifndef CORE_AUDIT_TREE_H
#define CORE_AUDIT_TREE_H

#include "vaultd/core/audit.h"
#include "vaultd/crypto/hash.h"
#include "vaultd/crypto/mac.h"

struct work;

#define TREE_CHUNK 16384 /* leaves; a power of two. 32 bytes are kept for each chunk */
#define TREE_SALT_BYTES 16
#define TREE_PATH_MAX 64 /* hashes of a proof */

/* All zero is empty. For one thread. */
struct audit_tree {
	struct buf chunks; /* SHA256_BYTES each */
};
void audit_tree_free(struct audit_tree *tree);

/* Where leaves come from. */
struct tree_source {
	struct audit *audit;
	const struct secret *name_key; /* the store's, from which the salts' key is derived */
	const atomic_bool *cancel;
	struct work *work; /* which has begun, and is told of records */
};

struct tree_proof {
	struct buf leaf;			   /* the caller's to free */
	uint8_t path[TREE_PATH_MAX][SHA256_BYTES]; /* from the leaf's sibling up */
	unsigned n;
};
/*
 * The root over the first size records, and, where proof is not NULL, the proof that record seq (1 to
 * size) is among them. VAULT_INTEGRITY where the audit does not hold them all; VAULT_BUSY when
 * cancelled or short of memory.
 */
MUST_USE enum vault_err audit_tree_root(struct audit_tree *tree, const struct tree_source *source,
					uint64_t size, uint8_t root[static SHA256_BYTES]);
MUST_USE enum vault_err audit_tree_prove(struct audit_tree *tree, const struct tree_source *source,
					 uint64_t size, uint64_t seq, struct tree_proof *proof);

#endif
