#include "protocol/buf.h"

#include <stdlib.h>
#include <string.h>

#define BUF_MIN 4096 /* the smallest allocation */

enum vault_err
buf_grow(struct buf *b, size_t n)
{
	size_t held = buf_len(b);
	size_t cap = b->cap < BUF_MIN ? BUF_MIN : b->cap;
	uint8_t *p;

	if (n > SIZE_MAX / 4 - held)
		return VAULT_BUSY;
	while (cap < held + n)
		cap *= 2;
	/* Moving down within the same allocation is enough when the front half is free. */
	if (cap == b->cap) {
		memmove(b->p, b->p + b->head, held);
		explicit_bzero(b->p + held, b->tail - held);
	} else {
		p = malloc(cap);
		if (p == NULL)
			return VAULT_BUSY;
		if (held > 0)
			memcpy(p, b->p + b->head, held);
		if (b->p != NULL)
			explicit_bzero(b->p, b->tail);
		free(b->p);
		b->p = p;
		b->cap = cap;
	}
	b->head = 0;
	b->tail = held;
	return VAULT_OK;
}

void
buf_take(struct buf *b, size_t n)
{
	b->head += n;
	if (b->head == b->tail)
		b->head = b->tail = 0;
}

void
buf_truncate(struct buf *b, size_t len)
{
	if (len >= buf_len(b))
		return;
	explicit_bzero(b->p + b->head + len, b->tail - b->head - len);
	b->tail = b->head + len;
}

void
buf_free(struct buf *b)
{
	if (b->p != NULL)
		explicit_bzero(b->p, b->cap);
	free(b->p);
	*b = (struct buf){ 0 };
}

void
buf_shrink(struct buf *b, size_t keep)
{
	if (b->cap > keep && buf_len(b) == 0)
		buf_free(b);
}
