/*
 * Integers as bytes, unaligned: le little-endian, be big-endian, whose order as bytes is that of the
 * numbers. What puts answers the place behind. Those of a fixed size are one load or store, for the
 * hot path; put_le, get_le, put_be and get_be take the low bytes of the number, at most 8.
 */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint8_t *
put_bytes(uint8_t *p, const void *from, size_t n)
{
	memcpy(p, from, n);
	return p + n;
}

/* Reads n bytes to to; the place behind them. */
static inline const uint8_t *
get_bytes(const uint8_t *p, void *to, size_t n)
{
	memcpy(to, p, n);
	return p + n;
}

static inline uint8_t *
put_le16(uint8_t *p, uint16_t v)
{
	v = htole16(v);
	return put_bytes(p, &v, sizeof v);
}

static inline uint8_t *
put_le32(uint8_t *p, uint32_t v)
{
	v = htole32(v);
	return put_bytes(p, &v, sizeof v);
}

static inline uint8_t *
put_le64(uint8_t *p, uint64_t v)
{
	v = htole64(v);
	return put_bytes(p, &v, sizeof v);
}

static inline uint8_t *
put_be16(uint8_t *p, uint16_t v)
{
	v = htobe16(v);
	return put_bytes(p, &v, sizeof v);
}

static inline uint8_t *
put_be32(uint8_t *p, uint32_t v)
{
	v = htobe32(v);
	return put_bytes(p, &v, sizeof v);
}

static inline uint8_t *
put_be64(uint8_t *p, uint64_t v)
{
	v = htobe64(v);
	return put_bytes(p, &v, sizeof v);
}

static inline uint16_t
get_le16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof v);
	return le16toh(v);
}

static inline uint32_t
get_le32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof v);
	return le32toh(v);
}

static inline uint64_t
get_le64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof v);
	return le64toh(v);
}

static inline uint16_t
get_be16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof v);
	return be16toh(v);
}

static inline uint32_t
get_be32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof v);
	return be32toh(v);
}

static inline uint64_t
get_be64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof v);
	return be64toh(v);
}

static inline uint8_t *
put_le(uint8_t *p, uint64_t v, size_t size)
{
	for (size_t i = 0; i < size; i++)
		p[i] = (uint8_t)(v >> 8 * i);
	return p + size;
}

static inline uint64_t
get_le(const uint8_t *p, size_t size)
{
	uint64_t v = 0;

	for (size_t i = 0; i < size; i++)
		v |= (uint64_t)p[i] << 8 * i;
	return v;
}

static inline uint8_t *
put_be(uint8_t *p, uint64_t v, size_t size)
{
	for (size_t i = 0; i < size; i++)
		p[i] = (uint8_t)(v >> 8 * (size - 1 - i));
	return p + size;
}

static inline uint64_t
get_be(const uint8_t *p, size_t size)
{
	uint64_t v = 0;

	for (size_t i = 0; i < size; i++)
		v = v << 8 | p[i];
	return v;
}

#endif
