#include "vaultd/core/revoked_filter.h"

#include <stdlib.h>
#include <string.h>

#define ROOM_MIN 1024
#define ROOM_MAX                                                                                   \
	(UINT64_C(1) << 26) /* 128 MiB; beyond it more and more ids are looked for in the store */
#define IDS_PER_WORD 4	    /* 16 bits an id, three of them set: 2 % are "maybe" */

struct place {
	uint64_t word;
	uint64_t bits;
};

/* Tags are random but for the number in front, which the multiplication spreads. */
static struct place
place_of(const struct revoked_filter *filter, const uint8_t tag[static ROW_TAG_BYTES])
{
	const uint64_t odd = UINT64_C(0x9e3779b97f4a7c15);
	uint64_t h, front;

	memcpy(&h, tag + (ROW_TAG_BYTES - sizeof h), sizeof h);
	memcpy(&front, tag, sizeof front);
	h = (h ^ front * odd) * odd;
	h ^= h >> 32;
	h *= odd;
	return (struct place){ h >> 18 & filter->mask, UINT64_C(1) << (h >> 58) |
							       UINT64_C(1) << (h >> 52 & 63) |
							       UINT64_C(1) << (h >> 12 & 63) };
}

void
revoked_filter_free(struct revoked_filter *filter)
{
	while (filter != NULL) {
		struct revoked_filter *older = filter->older;

		free(filter);
		filter = older;
	}
}

static struct revoked_filter *
filter_new(uint64_t ids)
{
	struct revoked_filter *filter;
	uint64_t room = ROOM_MIN;

	while (room < 2 * ids && room < ROOM_MAX)
		room *= 2;
	filter = calloc(1, sizeof *filter + room / IDS_PER_WORD * sizeof filter->words[0]);
	if (filter == NULL)
		return NULL;
	filter->mask = room / IDS_PER_WORD - 1;
	filter->room = room;
	return filter;
}

static void
set(struct revoked_filter *filter, const uint8_t tag[static ROW_TAG_BYTES])
{
	struct place place = place_of(filter, tag);

	atomic_fetch_or_explicit(&filter->words[place.word], place.bits, memory_order_release);
	filter->count++;
}

/* filter NULL: only counts. */
static enum vault_err
walk_all(struct txn *txn, const struct row_key *first, struct revoked_filter *filter,
	 uint64_t *count)
{
	struct row_walk walk;
	struct row_key key;
	enum vault_err err;
	uint64_t id;

	*count = 0;
	TRY(row_walk_open(txn, first->tenant, first->kind, NULL, &walk));
	while ((err = row_walk_next(&walk, &key, &id, NULL)) == VAULT_OK) {
		++*count;
		if (filter != NULL)
			set(filter, key.tag);
	}
	row_walk_close(&walk);
	return err == VAULT_NOT_FOUND ? VAULT_OK : err;
}

enum vault_err
revoked_filter_build(struct txn *txn, uint32_t tenant, uint8_t kind,
		     _Atomic(struct revoked_filter *) *filter)
{
	const struct row_key first = { .tenant = tenant, .kind = kind };
	struct revoked_filter *made;
	enum vault_err err;
	uint64_t count;

	TRY(walk_all(txn, &first, NULL, &count));
	made = filter_new(count);
	if (made == NULL)
		return VAULT_BUSY;
	err = walk_all(txn, &first, made, &count);
	if (err != VAULT_OK) {
		free(made);
		return err;
	}
	made->older = atomic_load_explicit(filter, memory_order_relaxed);
	atomic_store_explicit(filter, made, memory_order_release);
	return VAULT_OK;
}

bool
revoked_filter_add(struct revoked_filter *filter, const uint8_t tag[static ROW_TAG_BYTES])
{
	set(filter, tag);
	return filter->count <= filter->room || filter->room >= ROOM_MAX;
}

bool
revoked_filter_maybe(const struct revoked_filter *filter, const uint8_t tag[static ROW_TAG_BYTES])
{
	struct place place = place_of(filter, tag);
	uint64_t word = atomic_load_explicit(&filter->words[place.word], memory_order_acquire);

	return (word & place.bits) == place.bits;
}
