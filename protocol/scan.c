#include "protocol/scan.h"

/*
 * What a first byte says: how many bytes of length or value follow it, and what the length counts.
 */
enum head_kind {
	HEAD_BAD,
	HEAD_VALUE,   /* fixed: size bytes follow */
	HEAD_PAYLOAD, /* a length of size bytes, then that many bytes (plus extra) */
	HEAD_ARRAY,   /* a count of size bytes */
	HEAD_MAP,
};

struct head {
	uint8_t kind;
	uint8_t size;
	uint8_t extra; /* the type byte of ext */
};

/* The bytes 0xc0 to 0xdf (MessagePack specification, "Formats"). */
static const struct head heads[32] = {
	{ HEAD_VALUE, 0, 0 },	{ HEAD_BAD, 0, 0 },	{ HEAD_VALUE, 0, 0 },
	{ HEAD_VALUE, 0, 0 },	{ HEAD_PAYLOAD, 1, 0 }, { HEAD_PAYLOAD, 2, 0 },
	{ HEAD_PAYLOAD, 4, 0 }, { HEAD_PAYLOAD, 1, 1 }, { HEAD_PAYLOAD, 2, 1 },
	{ HEAD_PAYLOAD, 4, 1 }, { HEAD_VALUE, 4, 0 },	{ HEAD_VALUE, 8, 0 },
	{ HEAD_VALUE, 1, 0 },	{ HEAD_VALUE, 2, 0 },	{ HEAD_VALUE, 4, 0 },
	{ HEAD_VALUE, 8, 0 },	{ HEAD_VALUE, 1, 0 },	{ HEAD_VALUE, 2, 0 },
	{ HEAD_VALUE, 4, 0 },	{ HEAD_VALUE, 8, 0 },	{ HEAD_VALUE, 2, 0 },
	{ HEAD_VALUE, 3, 0 },	{ HEAD_VALUE, 5, 0 },	{ HEAD_VALUE, 9, 0 },
	{ HEAD_VALUE, 17, 0 },	{ HEAD_PAYLOAD, 1, 0 }, { HEAD_PAYLOAD, 2, 0 },
	{ HEAD_PAYLOAD, 4, 0 }, { HEAD_ARRAY, 2, 0 },	{ HEAD_ARRAY, 4, 0 },
	{ HEAD_MAP, 2, 0 },	{ HEAD_MAP, 4, 0 },
};

static uint32_t
big_endian(const uint8_t *p, unsigned size)
{
	uint32_t v = 0;

	for (unsigned i = 0; i < size; i++)
		v = v << 8 | p[i];
	return v;
}

/* Opens a container of count values. */
static enum scan_result
scan_open(struct scan *scan, uint64_t count)
{
	if (scan->depth == DEPTH_MAX)
		return SCAN_DEEP;
	if (count > FRAME_MAX - scan->pos)
		return SCAN_LARGE;
	scan->left[scan->depth++] = (uint32_t)count;
	return SCAN_WHOLE;
}

/* Takes one value's head; a scalar is taken whole. */
static enum scan_result
scan_value(struct scan *scan, const uint8_t *bytes, size_t len)
{
	uint8_t first = bytes[scan->pos];
	struct head head;
	uint32_t n = 0;

	if (first < 0x80 || first >= 0xe0) {
		scan->pos++;
		return SCAN_WHOLE;
	}
	if (first < 0xa0) {
		scan->pos++;
		return scan_open(scan, (uint64_t)(first & 0x0f) << (first < 0x90));
	}
	if (first < 0xc0) {
		scan->pos += 1 + (first & 0x1f);
		return SCAN_WHOLE;
	}
	head = heads[first - 0xc0];
	if (head.kind == HEAD_BAD)
		return SCAN_BAD;
	if (head.kind == HEAD_VALUE) {
		scan->pos += 1u + head.size;
		return SCAN_WHOLE;
	}
	if (len - scan->pos < 1u + head.size)
		return SCAN_SHORT;
	n = big_endian(bytes + scan->pos + 1, head.size);
	scan->pos += 1u + head.size + head.extra;
	if (head.kind == HEAD_PAYLOAD) {
		if (n > FRAME_MAX)
			return SCAN_LARGE;
		scan->pos += n;
		return SCAN_WHOLE;
	}
	return scan_open(scan, head.kind == HEAD_MAP ? (uint64_t)n * 2 : n);
}

/* Takes what stands next of the open container and is no longer than its first byte says. */
static void
scan_short_values(struct scan *scan, const uint8_t *bytes, size_t len)
{
	size_t pos = scan->pos, end = len < FRAME_MAX ? len : FRAME_MAX;
	uint32_t left = scan->left[scan->depth - 1];

	for (; left > 0 && pos < end; left--) {
		uint8_t first = bytes[pos];

		if ((first & 0xe0) == 0xa0)
			pos += 1u + (first & 0x1f);
		else if (first < 0x80 || first >= 0xe0)
			pos++;
		else
			break;
	}
	scan->pos = pos;
	scan->left[scan->depth - 1] = left;
}

enum scan_result
scan_feed(struct scan *scan, const uint8_t *bytes, size_t len)
{
	while (!scan->started || scan->depth > 0) {
		enum scan_result result;

		if (scan->depth > 0)
			scan_short_values(scan, bytes, len);
		if (scan->depth > 0 && scan->left[scan->depth - 1] == 0) {
			scan->depth--;
			continue;
		}
		if (scan->pos > FRAME_MAX)
			return SCAN_LARGE;
		if (scan->pos >= len)
			return SCAN_SHORT;
		if (scan->depth > 0)
			scan->left[scan->depth - 1]--;
		result = scan_value(scan, bytes, len);
		if (result == SCAN_SHORT && scan->depth > 0)
			scan->left[scan->depth - 1]++;
		if (result != SCAN_WHOLE)
			return result;
		scan->started = true;
	}
	if (scan->pos > FRAME_MAX)
		return SCAN_LARGE;
	return scan->pos <= len ? SCAN_WHOLE : SCAN_SHORT;
}
