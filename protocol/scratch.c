#include "protocol/scratch.h"

#include <stdlib.h>
#include <string.h>

#define SCRATCH_ALIGN 16

struct scratch_block {
	struct scratch_block *next;
	size_t size;
	_Alignas(SCRATCH_ALIGN) uint8_t data[];
};

enum vault_err
scratch_init(struct scratch *s, size_t size, size_t limit)
{
	uint8_t *base = aligned_alloc(SCRATCH_ALIGN, size);

	if (base == NULL)
		return VAULT_BUSY;
	*s = (struct scratch){ .base = base, .size = size, .limit = limit };
	return VAULT_OK;
}

static void *
scratch_block(struct scratch *s, size_t n)
{
	struct scratch_block *block;

	if (n > s->limit - s->extra)
		return NULL;
	block = aligned_alloc(SCRATCH_ALIGN, sizeof *block + n);
	if (block == NULL)
		return NULL;
	block->next = s->blocks;
	block->size = n;
	s->blocks = block;
	s->extra += n;
	return block->data;
}

void *
scratch_room(struct scratch *s, size_t n)
{
	void *p;

	if (n > SIZE_MAX - SCRATCH_ALIGN)
		return NULL;
	n = (n + SCRATCH_ALIGN - 1) / SCRATCH_ALIGN * SCRATCH_ALIGN;
	if (n <= s->size - s->used) {
		p = s->base + s->used;
		s->used += n;
	} else {
		p = scratch_block(s, n);
	}
	return p;
}

void *
scratch_alloc(struct scratch *s, size_t n)
{
	void *p = scratch_room(s, n);

	return p == NULL ? NULL : memset(p, 0, n);
}

void *
scratch_copy(struct scratch *s, const void *p, size_t n)
{
	void *copy = scratch_room(s, n);

	if (copy != NULL && n > 0)
		memcpy(copy, p, n);
	return copy;
}

void
scratch_reset(struct scratch *s, bool wipe)
{
	while (s->blocks != NULL) {
		struct scratch_block *block = s->blocks;

		s->blocks = block->next;
		if (wipe)
			explicit_bzero(block->data, block->size);
		free(block);
	}
	if (wipe && s->used > 0)
		explicit_bzero(s->base, s->used);
	s->used = 0;
	s->extra = 0;
}

void
scratch_free(struct scratch *s)
{
	if (s->base == NULL)
		return;
	scratch_reset(s, true);
	explicit_bzero(s->base, s->size);
	free(s->base);
	*s = (struct scratch){ 0 };
}
