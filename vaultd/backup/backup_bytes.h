/*
 * Numbers as the container has them: little-endian, of a width.
 */
#ifndef BACKUP_BYTES_H
#define BACKUP_BYTES_H

#include <string.h>

#include "protocol/types.h"

static inline uint8_t *
backup_put(uint8_t *p, uint64_t v, unsigned size)
{
	for (unsigned i = 0; i < size; i++)
		p[i] = (uint8_t)(v >> 8 * i);
	return p + size;
}

static inline uint64_t
backup_get(const uint8_t *p, unsigned size)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < size; i++)
		v |= (uint64_t)p[i] << 8 * i;
	return v;
}

static inline uint8_t *
backup_put_bytes(uint8_t *p, const void *from, size_t n)
{
	memcpy(p, from, n);
	return p + n;
}

/* Reads n bytes to to; the place behind them. */
static inline const uint8_t *
backup_get_bytes(const uint8_t *p, void *to, size_t n)
{
	memcpy(to, p, n);
	return p + n;
}

#endif
