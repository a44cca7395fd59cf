/*
 * What stands in a segment file: one header, then blocks, then perhaps zeros that were written
 * ahead. All integers are little-endian. These functions do no I/O; what they read comes from a
 * disk and is not trusted.
 *
 * Segment header
 *     0 "VAUDSEG1"    8 format u16    10 slots u16     12 length u32     16 store id
 *    32 segment u64  40 first seq    48 created (ns)   56 void first     64 void last
 *    72 epoch u64    80 epoch's public key 32         112 hash the chain had before this segment 32
 *   144 slots, each: name 64 (NUL-padded), segment key sealed to the slot's public key 80
 *       nonce 24, segment key wrapped 48 (associated data: all before), SHA-256 of all before 32
 * The chain goes on from the header's hash. "void" is what the recovery that made this segment
 * declared not applied.
 *
 * Block
 *     0 magic u32     4 length u32     8 flags u16     10 zero u16       12 records u32   16 number
 * u64 24 first seq    32 earliest and 40 latest time (ns) 48 records, sealed under the segment key
 * (nonce: number; associated data: the 48 bytes) and tag 16, SHA-256(hash before || the 48 bytes ||
 * sealed) 32 Numbers rise strictly and have gaps where a write failed, so that no nonce is used for
 * two texts.
 */
#ifndef CORE_AUDIT_BLOCK_H
#define CORE_AUDIT_BLOCK_H

#include "vaultd/base/secret.h"
#include "vaultd/core/audit.h"
#include "vaultd/crypto/aead.h"
#include "vaultd/crypto/box.h"
#include "vaultd/crypto/hash.h"

#define AUDIT_HEADER_FIXED 144
#define AUDIT_SLOT_ROW (AUDIT_SLOT_NAME + AEAD_KEY_BYTES + BOX_OVERHEAD)
#define AUDIT_HEADER_TAIL (AEAD_NONCE_BYTES + AEAD_KEY_BYTES + AEAD_TAG_BYTES + SHA256_BYTES)
#define AUDIT_HEADER_MAX (AUDIT_HEADER_FIXED + AUDIT_SLOTS_MAX * AUDIT_SLOT_ROW + AUDIT_HEADER_TAIL)

#define AUDIT_BLOCK_HEADER 48
#define AUDIT_BLOCK_TAIL (AEAD_TAG_BYTES + SHA256_BYTES)
#define AUDIT_BLOCK_OVERHEAD (AUDIT_BLOCK_HEADER + AUDIT_BLOCK_TAIL)
#define AUDIT_BLOCK_MAX                                                                            \
	(1024 *                                                                                    \
	 1024) /* no block is longer: 256 changes at AUDIT_RECORD_MAX fit                   \
		       */

enum audit_flag {
	AUDIT_FLAG_CHANGE = 1 << 0,
	AUDIT_FLAG_EPOCH = 1 << 1,
	AUDIT_FLAG_START = 1 << 2, /* the first block of a segment that unsealing opened */
	AUDIT_FLAGS_KNOWN = 7,
};

/* A slot's private half, which opens every segment that was sealed to the slot. */
struct audit_half {
	uint8_t public_key[BOX_PUBLIC_BYTES];
	struct secret secret;
};

/* What opens a segment's header, and what its blocks are bound to. */
struct audit_opener {
	struct arena *arena;
	const struct secret *wrap_key; /* as struct audit_keys has it */
	const uint8_t *store_id;       /* AUDIT_STORE_ID_BYTES */
	const struct audit_half *half; /* where the wrapping key is another; NULL: none */
};

struct audit_header {
	uint64_t segment, first_seq;
	int64_t created_ns;
	uint64_t void_first, void_last;
	uint64_t epoch;
	uint8_t epoch_key[32];
	uint8_t before[SHA256_BYTES]; /* the chain's hash before this segment */
	uint32_t length;	      /* set by writing and reading, like hash */
	uint8_t hash[SHA256_BYTES];
};

/* The rows of the slot table, made ahead because they cost 100 microseconds each. */
struct audit_slot_rows {
	size_t count;
	uint8_t rows[AUDIT_SLOTS_MAX * AUDIT_SLOT_ROW];
};
MUST_USE enum vault_err audit_slot_rows_make(const struct audit_slot *slots, size_t count,
					     const struct secret *key,
					     struct audit_slot_rows *rows);

/* Writes header->length bytes to out. key: the segment's, AEAD_KEY_BYTES. */
void audit_header_write(const struct audit_opener *opener, const struct audit_slot_rows *rows,
			const struct secret *key, struct audit_header *header,
			uint8_t out[static AUDIT_HEADER_MAX]);
/*
 * Checks and reads the header at the front of bytes (AUDIT_HEADER_MAX of them, or all that the file
 * has); *key, empty before, gets the segment's key. VAULT_INTEGRITY, or VAULT_BUSY when the arena
 * is full.
 */
MUST_USE enum vault_err audit_header_read(const struct audit_opener *opener,
					  struct vault_bytes bytes, struct audit_header *header,
					  struct secret *key);

struct audit_block {
	uint32_t length; /* of the whole block */
	uint16_t flags;
	uint32_t count;
	uint64_t number, first_seq;
	int64_t first_ns, last_ns;
};
/* Seals records into out, audit_block_length(records.len) bytes, and moves the chain's hash on.
 * Sets block->length. */
static inline size_t
audit_block_length(size_t records)
{
	return records + AUDIT_BLOCK_OVERHEAD;
}
void audit_block_seal(const struct secret *key, struct audit_block *block,
		      struct vault_bytes records, uint8_t *out, uint8_t hash[static SHA256_BYTES]);
/* Reads the 48 bytes; VAULT_INTEGRITY where their numbers cannot be. Not authenticated yet. */
MUST_USE enum vault_err audit_block_read(const uint8_t bytes[static AUDIT_BLOCK_HEADER],
					 struct audit_block *block);
/*
 * Opens the block of block->length bytes that starts at bytes into records (length less
 * AUDIT_BLOCK_OVERHEAD bytes). VAULT_INTEGRITY where it does not authenticate, or its records are
 * not block->count whole ones.
 */
MUST_USE enum vault_err audit_block_open(const struct secret *key, const struct audit_block *block,
					 const uint8_t *bytes, uint8_t *records);
/* Whether the chain that had this hash before goes on with this block; if so, hash is moved on. */
bool audit_block_chained(const struct audit_block *block, const uint8_t *bytes,
			 uint8_t hash[static SHA256_BYTES]);

#endif
