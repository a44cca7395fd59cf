/*
 * A growing byte buffer that wipes what it lets go of. Bytes are appended at the end and taken from
 * the front.
 */
#ifndef PROTOCOL_BUF_H
#define PROTOCOL_BUF_H

#include <string.h>

#include "protocol/error.h"

struct buf {
	uint8_t *p;  /* allocation */
	size_t head; /* offset of the first byte not yet taken */
	size_t tail; /* offset behind the last byte */
	size_t cap;
};

/* Bytes held, and where they start (valid until the buffer is changed). */
static inline size_t
buf_len(const struct buf *b)
{
	return b->tail - b->head;
}
static inline uint8_t *
buf_data(const struct buf *b)
{
	return b->p + b->head;
}

/* Makes room for n more bytes behind the tail; VAULT_BUSY when memory is short. */
MUST_USE enum vault_err buf_grow(struct buf *b, size_t n);
static inline MUST_USE enum vault_err
buf_reserve(struct buf *b, size_t n)
{
	return b->cap - b->tail >= n ? VAULT_OK : buf_grow(b, n);
}
static inline MUST_USE enum vault_err
buf_append(struct buf *b, const void *p, size_t n)
{
	TRY(buf_reserve(b, n));
	if (n > 0)
		memcpy(b->p + b->tail, p, n);
	b->tail += n;
	return VAULT_OK;
}
/* Takes n bytes from the front. */
void buf_take(struct buf *b, size_t n);
/* Drops everything behind the first len bytes held, wiping it. */
void buf_truncate(struct buf *b, size_t len);
/* Empties and frees; the buffer can be used again. */
void buf_free(struct buf *b);
/* Frees the memory of an empty buffer that grew beyond keep bytes. */
void buf_shrink(struct buf *b, size_t keep);

#endif
