#include "vaultd/core/apikey_used.h"

#include <stdlib.h>
#include <string.h>

#include "vaultd/base/bytes.h"
#include "vaultd/core/tenant.h"

#define SLOTS (1u << 17) /* keys that can be noted between two flushes; 2 MiB */
#define WINDOW (SLOTS / APIKEY_USED_WINDOWS)
#define PROBES 8  /* slots looked at for one key */
#define BLOCK 256 /* keys whose times stand in one row */
#define TIME_BYTES 4

/*
 * One key's note. A slot belongs to a row from the first note on, until a flush finds nothing new in
 * it. Where that meets a note, the time may be taken for another key that is being noted at that
 * moment: it is of the same second, and a tenant's own.
 */
struct slot {
	_Atomic uint64_t row;  /* 0: free */
	_Atomic uint64_t what; /* tenant << 32 | seconds since 1970; 0: nothing since the flush */
};
struct apikey_used {
	_Atomic bool pending;
	struct slot slots[SLOTS];
};

/* What a slot held. */
struct note {
	uint32_t tenant;
	uint32_t at;
	uint64_t row;
};

static struct apikey_used *
table_of(struct vault *vault)
{
	struct apikey_used *there = atomic_load_explicit(&vault->apikey_used, memory_order_acquire);
	struct apikey_used *fresh;

	if (there != NULL)
		return there;
	fresh = calloc(1, sizeof *fresh);
	if (fresh == NULL || atomic_compare_exchange_strong(&vault->apikey_used, &there, fresh))
		return fresh;
	/* Another thread was first. */
	free(fresh);
	return there;
}

/* Keys of one block stand side by side, so that one part of a flush has most of a block. */
static unsigned
slot_of(uint64_t row)
{
	uint64_t mixed = (row / BLOCK) * UINT64_C(0x9e3779b97f4a7c15);

	return (unsigned)((mixed >> 40) + row % BLOCK) % SLOTS;
}

void
apikey_used_note(struct vault *vault, uint32_t tenant, uint64_t row, int64_t now)
{
	uint64_t what = (uint64_t)tenant << 32 | (uint32_t)now;
	struct apikey_used *used = table_of(vault);
	unsigned at = slot_of(row);

	for (unsigned i = 0; used != NULL && i < PROBES; i++) {
		struct slot *slot = &used->slots[(at + i) % SLOTS];
		uint64_t owner = atomic_load_explicit(&slot->row, memory_order_relaxed);

		if (owner == 0 && atomic_compare_exchange_strong_explicit(&slot->row, &owner, row,
									  memory_order_relaxed,
									  memory_order_relaxed))
			owner = row;
		if (owner != row)
			continue;
		/* A key that is asked for all the time does not take the line from other threads. */
		if (atomic_load_explicit(&slot->what, memory_order_relaxed) != what)
			atomic_store_explicit(&slot->what, what, memory_order_relaxed);
		if (!atomic_load_explicit(&used->pending, memory_order_relaxed))
			atomic_store_explicit(&used->pending, true, memory_order_relaxed);
		return;
	}
}

void
apikey_used_soon(struct vault *vault, uint64_t row)
{
	struct apikey_used *used = atomic_load_explicit(&vault->apikey_used, memory_order_relaxed);

	if (used != NULL)
		__builtin_prefetch(&used->slots[slot_of(row)], 1);
}

bool
apikey_used_pending(struct vault *vault)
{
	struct apikey_used *used = atomic_load(&vault->apikey_used);

	return used != NULL && atomic_exchange(&used->pending, false);
}

void
apikey_used_free(struct vault *vault)
{
	free(atomic_exchange(&vault->apikey_used, NULL));
}

static uint32_t
noted_at(struct vault *vault, uint32_t tenant, uint64_t row)
{
	struct apikey_used *used = atomic_load_explicit(&vault->apikey_used, memory_order_acquire);
	unsigned at = slot_of(row);

	for (unsigned i = 0; used != NULL && i < PROBES; i++) {
		struct slot *slot = &used->slots[(at + i) % SLOTS];
		uint64_t what = atomic_load_explicit(&slot->what, memory_order_relaxed);

		if (atomic_load_explicit(&slot->row, memory_order_relaxed) == row)
			return what >> 32 == tenant ? (uint32_t)what : 0;
	}
	return 0;
}

static unsigned
take_notes(struct apikey_used *used, unsigned window, struct note *notes)
{
	unsigned n = 0;

	for (unsigned i = window * WINDOW; i < (window + 1) * WINDOW; i++) {
		struct slot *slot = &used->slots[i];
		uint64_t row = atomic_load_explicit(&slot->row, memory_order_relaxed);
		uint64_t what;

		if (row == 0)
			continue;
		what = atomic_exchange_explicit(&slot->what, 0, memory_order_relaxed);
		if (what != 0)
			notes[n++] = (struct note){ (uint32_t)(what >> 32), (uint32_t)what, row };
		else
			atomic_compare_exchange_strong(&slot->row, &row, 0);
	}
	return n;
}

static int
compare_notes(const void *a, const void *b)
{
	const struct note *x = a, *y = b;

	if (x->tenant != y->tenant)
		return x->tenant < y->tenant ? -1 : 1;
	return x->row < y->row ? -1 : x->row > y->row;
}

static struct row_key
block_place(uint32_t tenant, uint64_t block)
{
	struct row_key place = { .tenant = tenant, .kind = ROW_APIKEY_LAST_USED };

	put_be64(place.tag, block);
	return place;
}

static uint32_t
time_at(const uint8_t *times, uint64_t row)
{
	return get_le32(times + row % BLOCK * TIME_BYTES);
}

static void
set_time(uint8_t *times, uint64_t row, uint32_t at)
{
	/* Never back, should the clock have been. */
	if (at > time_at(times, row))
		put_le32(times + row % BLOCK * TIME_BYTES, at);
}

static enum vault_err
read_block(struct op *op, struct row *row, struct apikey_last_used *record)
{
	struct vault_bytes sealed, plain;

	TRY(row_find(op->txn, &row->key, &row->id, &sealed));
	TRY(sealed_open_plain(&op->tenant->keys, sealed, op->scratch, row, &plain));
	TRY(record_decode(apikey_last_used_type(), plain, op->scratch, record));
	return record->times.len == BLOCK * TIME_BYTES ? VAULT_OK : VAULT_INTEGRITY;
}

/* The notes of one block, into its row. */
static enum vault_err
write_block(struct op *op, const struct note *notes, unsigned n)
{
	uint8_t times[BLOCK * TIME_BYTES] = { 0 };
	struct apikey_last_used record;
	ROW_LOCAL(row);
	enum vault_err err;

	row.key = block_place(notes->tenant, notes->row / BLOCK);
	err = read_block(op, &row, &record);
	if (err == VAULT_OK)
		memcpy(times, record.times.p, sizeof times);
	else if (err != VAULT_NOT_FOUND)
		return err;
	for (unsigned i = 0; i < n; i++)
		set_time(times, notes[i].row, notes[i].at);
	record.times = (struct vault_bytes){ times, sizeof times };
	return sealed_put(op->change, &op->tenant->keys, &row, apikey_last_used_type(), &record);
}

static unsigned
same_block(const struct note *notes, unsigned n)
{
	unsigned same = 1;

	while (same < n && notes[same].tenant == notes->tenant &&
	       notes[same].row / BLOCK == notes->row / BLOCK)
		same++;
	return same;
}

static enum vault_err
write_notes(struct op *op, const struct note *notes, unsigned n)
{
	while (n > 0) {
		unsigned same = same_block(notes, n);
		enum vault_err err;

		op->tenant = NULL;
		err = tenant_by_number(op, notes->tenant, &op->tenant);
		if (err == VAULT_OK)
			err = write_block(op, notes, same);
		/* Of a tenant that is no more there is nothing to keep. */
		if (err != VAULT_OK && err != VAULT_NOT_FOUND)
			return err;
		scratch_reset(op->scratch, false);
		notes += same;
		n -= same;
	}
	return VAULT_OK;
}

enum vault_err
apikey_used_flush(struct op *op, unsigned window)
{
	struct apikey_used *used = atomic_load(&op->vault->apikey_used);
	struct note *notes = used == NULL ? NULL : malloc(WINDOW * sizeof *notes);
	enum vault_err err;
	unsigned n;

	if (notes == NULL)
		return used == NULL ? VAULT_OK : VAULT_BUSY;
	n = take_notes(used, window, notes);
	if (n > 1)
		qsort(notes, n, sizeof *notes, compare_notes);
	err = write_notes(op, notes, n);
	free(notes);
	return err;
}

static enum vault_err
load_block(struct op *op, uint64_t block, struct apikey_used_row *last)
{
	struct apikey_last_used record;
	ROW_LOCAL(row);
	enum vault_err err;

	row.key = block_place(op->tenant->keys.tenant, block);
	err = read_block(op, &row, &record);
	if (err != VAULT_OK && err != VAULT_NOT_FOUND)
		return err;
	*last = (struct apikey_used_row){ .block = block, .loaded = true };
	if (err == VAULT_OK)
		last->times = record.times;
	return VAULT_OK;
}

enum vault_err
apikey_used_at(struct op *op, uint64_t row, struct apikey_used_row *last, int64_t *at)
{
	uint32_t noted = noted_at(op->vault, op->tenant->keys.tenant, row);
	uint32_t written = 0;

	if (!last->loaded || last->block != row / BLOCK)
		TRY(load_block(op, row / BLOCK, last));
	if (last->times.p != NULL)
		written = time_at(last->times.p, row);
	*at = noted > written ? noted : written;
	return VAULT_OK;
}
