#include "vaultd/base/buddy.h"

#include <stdlib.h>
#include <string.h>

#define WORD_BITS 64

/* The free blocks of one size: bit i stands for the block at i times that size. */
struct level {
	uint64_t *free;
	size_t words;
	size_t n;    /* bits set */
	size_t hint; /* no word before this one has a bit set */
};

struct buddy {
	size_t units;
	size_t used;   /* units */
	uint8_t *held; /* one a unit: order + 1 where a block that is handed out starts, else 0 */
	struct level level[BUDDY_ORDERS];
};

static unsigned
order_of(size_t len)
{
	unsigned order = 0;

	while (((size_t)BUDDY_UNIT << order) < len)
		order++;
	return order;
}

static void
level_set(struct level *level, size_t block)
{
	size_t word = block / WORD_BITS;

	level->free[word] |= UINT64_C(1) << (block % WORD_BITS);
	level->n++;
	if (word < level->hint)
		level->hint = word;
}

static bool
level_test(const struct level *level, size_t block)
{
	return (level->free[block / WORD_BITS] >> (block % WORD_BITS) & 1) != 0;
}

static void
level_clear(struct level *level, size_t block)
{
	level->free[block / WORD_BITS] &= ~(UINT64_C(1) << (block % WORD_BITS));
	level->n--;
}

/*
 * Takes the lowest free block; there must be one. Lowest first keeps the far end whole for large
 * blocks.
 */
static size_t
level_pop(struct level *level)
{
	size_t block;

	while (level->free[level->hint] == 0)
		level->hint++;
	block = level->hint * WORD_BITS + (size_t)__builtin_ctzll(level->free[level->hint]);
	level_clear(level, block);
	return block;
}

/* Everything free, in the largest blocks that fit and are aligned to their size. */
static void
fill(struct buddy *buddy)
{
	size_t unit = 0;

	while (unit < buddy->units) {
		unsigned order = BUDDY_ORDERS - 1;

		while (unit % ((size_t)1 << order) != 0 || buddy->units - unit < (size_t)1 << order)
			order--;
		level_set(&buddy->level[order], unit >> order);
		unit += (size_t)1 << order;
	}
}

enum vault_err
buddy_open(size_t size, struct buddy **buddy)
{
	struct buddy *b = calloc(1, sizeof *b);
	bool whole;

	if (b == NULL)
		return VAULT_BUSY;
	b->units = size / BUDDY_UNIT;
	b->held = calloc(b->units, 1);
	whole = b->held != NULL;
	for (unsigned order = 0; order < BUDDY_ORDERS; order++) {
		/*
		 * One block more than fits, as the last one's buddy may lie beyond the end; it is
		 * never free.
		 */
		size_t words = ((b->units >> order) + 1) / WORD_BITS + 1;

		b->level[order] =
			(struct level){ calloc(words, sizeof(uint64_t)), words, 0, words };
		whole = whole && b->level[order].free != NULL;
	}
	if (!whole) {
		buddy_close(b);
		return VAULT_BUSY;
	}
	fill(b);
	*buddy = b;
	return VAULT_OK;
}

void
buddy_close(struct buddy *buddy)
{
	if (buddy == NULL)
		return;
	for (unsigned order = 0; order < BUDDY_ORDERS; order++)
		free(buddy->level[order].free);
	free(buddy->held);
	free(buddy);
}

bool
buddy_take(struct buddy *buddy, size_t len, size_t *offset)
{
	unsigned wanted = order_of(len), order = wanted;
	size_t block;

	while (order < BUDDY_ORDERS && buddy->level[order].n == 0)
		order++;
	if (order == BUDDY_ORDERS)
		return false;
	block = level_pop(&buddy->level[order]);
	for (; order > wanted; order--) {
		block *= 2;
		level_set(&buddy->level[order - 1], block + 1);
	}
	buddy->held[block << wanted] = (uint8_t)(wanted + 1);
	buddy->used += (size_t)1 << wanted;
	*offset = (block << wanted) * BUDDY_UNIT;
	return true;
}

bool
buddy_held(const struct buddy *buddy, size_t offset, size_t len)
{
	return offset % BUDDY_UNIT == 0 && offset / BUDDY_UNIT < buddy->units &&
	       buddy->held[offset / BUDDY_UNIT] == order_of(len) + 1;
}

void
buddy_give(struct buddy *buddy, size_t offset, size_t len)
{
	unsigned order = order_of(len);
	size_t block = offset / BUDDY_UNIT >> order;

	buddy->held[offset / BUDDY_UNIT] = 0;
	buddy->used -= (size_t)1 << order;
	for (; order < BUDDY_ORDERS - 1 && level_test(&buddy->level[order], block ^ 1); order++) {
		level_clear(&buddy->level[order], block ^ 1);
		block /= 2;
	}
	level_set(&buddy->level[order], block);
}

void
buddy_reset(struct buddy *buddy)
{
	for (unsigned order = 0; order < BUDDY_ORDERS; order++) {
		struct level *level = &buddy->level[order];

		memset(level->free, 0, level->words * sizeof *level->free);
		level->n = 0;
		level->hint = level->words;
	}
	memset(buddy->held, 0, buddy->units);
	buddy->used = 0;
	fill(buddy);
}

size_t
buddy_used(const struct buddy *buddy)
{
	return buddy->used * BUDDY_UNIT;
}
