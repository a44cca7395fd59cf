/*
 * The audit's state, shared by its files and by nobody else.
 *
 * Two locks. "upkeep" is held over I/O by whoever starts, stops or keeps the audit; "append" only
 * over one write and what it changes. upkeep is taken first. Flushing holds neither.
 */
#ifndef CORE_AUDIT_STATE_H
#define CORE_AUDIT_STATE_H

#include <pthread.h>

#include "vaultd/core/audit.h"
#include "vaultd/core/audit_files.h"
#include "vaultd/crypto/ed25519.h"

#define AUDIT_CLOSED_MAX                                                                           \
	16 /* segments full but not flushed; then the appender flushes one itself */

/* What became of the open file: a loss is told to one caller before a new segment replaces the
 * file. */
enum audit_loss { AUDIT_LOSS_NONE, AUDIT_LOSS_FOUND, AUDIT_LOSS_TOLD };

/* Both slots of STATE/audit/epoch.key, see audit_epoch.c. */
#define AUDIT_EPOCH_SLOT 80
struct audit_epoch_file {
	uint8_t slots[2][AUDIT_EPOCH_SLOT];
};

/* Wrapping keys as struct audit_keys has them; shared by who reads, changed by nobody. */
struct audit_ring {
	atomic_uint refs;
	struct secret keys;
};

struct audit {
	char *path;
	struct arena *arena;
	uint64_t segment_bytes;

	pthread_mutex_t upkeep;
	/* Under upkeep. */
	struct audit_ring *ring; /* also read under append; replaced only under both */
	uint8_t store_id[AUDIT_STORE_ID_BYTES];
	struct audit_slot slots[AUDIT_SLOTS_MAX];
	size_t slot_count;
	struct audit_epoch_file epoch_file;
	struct ed25519_key next_epoch; /* on disk already, in no block yet */
	bool epoch_erase;	       /* the ended epoch's key is still on disk */
	int64_t epoch_tried_ns;	       /* when ending an epoch was last tried */

	pthread_mutex_t append;
	pthread_cond_t filled;
	/* Under append. */
	bool running;
	bool ok;
	bool failed; /* a flush failed: nothing more is acknowledged */
	struct audit_file *file;
	struct secret key;
	struct audit_head head;
	uint64_t number; /* of the next block */
	uint64_t zeroed; /* the file has zeros from the head's offset up to there */
	bool need_cut;	 /* a failed write left bytes behind the head's offset */
	bool filling;	 /* zeros are being written from fill_start on: keep out */
	uint64_t fill_start;
	enum audit_loss loss;
	struct audit_lost lost; /* to be written first in the next segment; segment 0: nothing */
	uint64_t epoch;
	struct ed25519_key epoch_key;
	uint64_t epoch_seq; /* of the last record that is signed */
	struct audit_spare spare;
	struct audit_file *closed[AUDIT_CLOSED_MAX];
	size_t closed_count;
	struct audit_head flushed;
	uint64_t names_made, names_flushed; /* changes of the directory */
	uint8_t *block;			    /* AUDIT_BLOCK_MAX bytes, where blocks are sealed */
};

/* One block to be appended. */
struct audit_draft {
	uint16_t flags;
	uint32_t count;
	struct vault_bytes records;
	int64_t first_ns, last_ns;
};

/* With upkeep or append held, and as long as it is. */
static inline struct audit_opener
audit_opener(const struct audit *audit)
{
	return (struct audit_opener){ .arena = audit->arena,
				      .wrap_key = &audit->ring->keys,
				      .store_id = audit->store_id };
}

/* audit_rekey.c. A copy of the keys; VAULT_INTERNAL where they are not a whole number of them. */
MUST_USE enum vault_err audit_ring_make(struct arena *arena, const struct secret *keys,
					struct audit_ring **ring);
/* With upkeep or append held: the keys of now, for whoever reads on without. */
struct audit_ring *audit_ring_ref(struct audit *audit);
/* NULL is fine. */
void audit_ring_unref(struct audit_ring *ring);

/* audit.c; with upkeep held. Forgets all that audit_create and audit_start set. */
void audit_clear(struct audit *audit);
MUST_USE enum vault_err audit_keys_take(struct audit *audit, const struct audit_keys *keys);
/* Opens a segment behind the head with this event as its first record, flushes it, and is then
 * running. */
MUST_USE enum vault_err audit_begin(struct audit *audit, const struct audit_recovered *undone,
				    struct audit_record *rec);

/* The head, with append not held. */
void audit_status_head(struct audit *audit, struct audit_head *head);

/* audit_append.c; all with append held. Makes sure that a block of len bytes fits where the head
 * is. */
MUST_USE enum vault_err audit_room(struct audit *audit, size_t len, int64_t now_ns);
/* Writes the block; there is room. */
MUST_USE enum vault_err audit_put(struct audit *audit, const struct audit_draft *draft);
/* Room and put for one record of the audit's own. */
MUST_USE enum vault_err audit_put_event(struct audit *audit, const struct audit_record *rec,
					uint16_t flags);

/* Notes that the open file is gone or cut. */
void audit_lose(struct audit *audit);
/* Cuts the file at the head's offset, where there is more; false where that cannot be done. */
bool audit_cut(struct audit *audit);

/* audit_rotate.c; with append held. Opens the next segment; undone (NULL: none) goes into its
 * header. */
MUST_USE enum vault_err audit_rotate(struct audit *audit, const struct audit_recovered *undone,
				     int64_t now_ns);

/* audit_epoch.c; with upkeep held. A new store's first key. */
MUST_USE enum vault_err audit_epoch_first(struct audit *audit);
/* The key that belongs to this epoch, from disk; VAULT_INTEGRITY where it is not there. */
MUST_USE enum vault_err audit_epoch_load(struct audit *audit, uint64_t epoch,
					 const uint8_t public_key[static 32]);
/* Ends the epoch, where there is something to sign. */
MUST_USE enum vault_err audit_epoch_close(struct audit *audit, int64_t now_ns);
/* A key that the chain does not name, in the place of one that is gone. */
MUST_USE enum vault_err audit_epoch_anew(struct audit *audit, uint64_t epoch);
void audit_epoch_free(struct audit *audit);
/* Whether rec is the signature that ends this epoch behind hash; if so, *epoch and public_key
 * become the next one's. */
bool audit_epoch_follow(const struct audit_record *rec,
			const uint8_t store_id[static AUDIT_STORE_ID_BYTES],
			const struct audit_head *before, uint64_t *epoch,
			uint8_t public_key[static 32]);

#endif
