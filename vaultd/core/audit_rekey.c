/*
 * The audit's wrapping keys, and going over to others while it runs.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vaultd/core/audit_state.h"

#define REKEY_NAME "rekey.seg" /* the segment to go over to, until it has its number */

struct audit_rekey {
	struct audit_ring *ring;
	size_t slot_count;
	struct audit_slot slots[AUDIT_SLOTS_MAX];
};

enum vault_err
audit_ring_make(struct arena *arena, const struct secret *keys, struct audit_ring **ring)
{
	struct audit_ring *made;
	enum vault_err err;

	if (keys->len == 0 || keys->len % AEAD_KEY_BYTES != 0)
		return VAULT_INTERNAL;
	made = calloc(1, sizeof(*made));
	if (made == NULL)
		return VAULT_BUSY;
	err = secret_copy(arena, keys->p, keys->len, &made->keys);
	if (err != VAULT_OK) {
		free(made);
		return err;
	}
	atomic_init(&made->refs, 1);
	*ring = made;
	return VAULT_OK;
}

struct audit_ring *
audit_ring_ref(struct audit *audit)
{
	atomic_fetch_add_explicit(&audit->ring->refs, 1, memory_order_relaxed);
	return audit->ring;
}

void
audit_ring_unref(struct audit_ring *ring)
{
	if (ring == NULL || atomic_fetch_sub_explicit(&ring->refs, 1, memory_order_acq_rel) != 1)
		return;
	secret_free(&ring->keys);
	free(ring);
}

enum vault_err
audit_rekey_prepare(struct audit *audit, const struct audit_keys *keys, struct audit_rekey **rekey)
{
	struct audit_rekey *made;
	enum vault_err err;

	if (keys->slot_count > AUDIT_SLOTS_MAX)
		return VAULT_INTERNAL;
	made = calloc(1, sizeof(*made));
	if (made == NULL)
		return VAULT_BUSY;
	err = audit_ring_make(audit->arena, keys->wrap_key, &made->ring);
	if (err != VAULT_OK) {
		free(made);
		return err;
	}
	memcpy(made->slots, keys->slots, sizeof(made->slots));
	made->slot_count = keys->slot_count;
	*rekey = made;
	return VAULT_OK;
}

void
audit_rekey_drop(struct audit_rekey *rekey)
{
	if (rekey == NULL)
		return;
	audit_ring_unref(rekey->ring);
	free(rekey);
}

/* Made before the appender's lock is taken, so that nobody who appends waits for it. */
static void
segment_make(struct audit *audit, int dir, const struct audit_rekey *rekey,
	     struct audit_spare *spare)
{
	struct audit_spare_want want = { REKEY_NAME, 0, audit->arena, rekey->slots,
					 rekey->slot_count };

	if (dir < 0 || audit_spare_make(dir, &want, spare) != VAULT_OK)
		*spare = (struct audit_spare){ 0 };
}

/*
 * With both locks. *spare, which may be empty, becomes the one that was ready for the old slots.
 * False where no new segment could be begun.
 */
static bool
go_over(struct audit *audit, struct audit_rekey *rekey, struct audit_spare *spare, int64_t now_ns)
{
	struct audit_ring *ring = audit->ring;
	struct audit_spare last = audit->spare;

	audit->ring = rekey->ring;
	rekey->ring = ring;
	memcpy(audit->slots, rekey->slots, sizeof(audit->slots));
	audit->slot_count = rekey->slot_count;
	audit->spare = *spare;
	*spare = last;
	/* A loss is told first, as ever, and a failed write cut off. */
	return audit->loss == AUDIT_LOSS_NONE && (!audit->need_cut || audit_cut(audit)) &&
	       audit_rotate(audit, NULL, now_ns) == VAULT_OK;
}

bool
audit_rekey(struct audit *audit, struct audit_rekey *rekey, int64_t now_ns)
{
	struct audit_spare spare;
	bool begun = true;
	int dir;

	if (rekey == NULL)
		return true;
	pthread_mutex_lock(&audit->upkeep);
	if (audit->running) {
		dir = audit_dir_open(audit->path);
		segment_make(audit, dir, rekey, &spare);
		pthread_mutex_lock(&audit->append);
		begun = go_over(audit, rekey, &spare, now_ns);
		pthread_mutex_unlock(&audit->append);
		audit_spare_drop(dir, &spare);
		if (dir >= 0)
			close(dir);
	}
	pthread_mutex_unlock(&audit->upkeep);
	audit_rekey_drop(rekey);
	return begun;
}
