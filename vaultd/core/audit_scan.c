#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "protocol/ops.h"
#include "vaultd/core/audit_state.h"

struct span {
	uint64_t first, last;
};

struct audit_scan {
	struct audit_range range;
	struct audit_head head; /* where the audit ended when the scan was opened */
	uint64_t lowest;
	int dir;
	struct audit_opener opener;
	struct audit_ring *ring;
	uint8_t store_id[AUDIT_STORE_ID_BYTES];
	struct audit_reader reader;

	struct buf voids; /* struct span: the void changes that the segments from here to the head
			     tell of */

	uint64_t segment; /* the one being read; 0 before the first */
	struct secret key;
	struct buf blocks; /* uint32_t: where its blocks in the range start */
	size_t block_at;   /* how many of them were read */
	bool damaged;	   /* it could not be read to its end */

	struct audit_block block;
	struct buf records;
	struct buf places;	 /* uint32_t: where its records start */
	size_t record_at;	 /* how many of them were handed out */
	struct vault_bytes last; /* the one that was handed out last */
};

static size_t
list_count(const struct buf *list)
{
	return buf_len(list) / sizeof(uint32_t);
}

/* The element that comes i-th in the scan's order. */
static uint32_t
list_get(const struct audit_scan *scan, const struct buf *list, size_t i)
{
	size_t at = scan->range.order == AUDIT_NEWEST ? list_count(list) - 1 - i : i;
	uint32_t v;

	memcpy(&v, buf_data(list) + at * sizeof(v), sizeof(v));
	return v;
}

static void
list_clear(struct buf *list)
{
	list->head = list->tail = 0;
}

/* Opens a segment: its header, its key, and what it says is void. */
static enum vault_err
segment_open(struct audit_scan *scan, uint64_t segment, struct audit_header *header)
{
	const uint8_t *p = NULL;
	struct span span;
	size_t len;

	secret_free(&scan->key);
	scan->reader.backwards = false;
	TRY(audit_reader_open(&scan->reader, scan->dir, segment));
	len = scan->reader.size < AUDIT_HEADER_MAX ? (size_t)scan->reader.size : AUDIT_HEADER_MAX;
	TRY(audit_reader_get(&scan->reader, 0, len, &p));
	TRY(audit_header_read(&scan->opener, (struct vault_bytes){ p, len }, header, &scan->key));
	if (header->segment != segment)
		return VAULT_INTEGRITY;
	span = (struct span){ header->void_first, header->void_last };
	return span.first == 0 ? VAULT_OK : buf_append(&scan->voids, &span, sizeof(span));
}

static bool
block_wanted(const struct audit_scan *scan, const struct audit_block *block)
{
	const struct audit_range *range = &scan->range;

	if (block->last_ns < range->since_ns ||
	    (range->until_ns != 0 && block->first_ns >= range->until_ns))
		return false;
	if (range->cursor == 0)
		return true;
	return range->order == AUDIT_NEWEST ? block->first_seq < range->cursor
					    : block->first_seq + block->count - 1 > range->cursor;
}

/* Lists the segment's blocks by their headers, which are believed only when a block opens. */
static enum vault_err
segment_list(struct audit_scan *scan, const struct audit_header *header)
{
	uint64_t end =
		header->segment == scan->head.segment ? scan->head.offset : scan->reader.size;
	uint64_t at = header->length;
	static const uint8_t none[AUDIT_BLOCK_HEADER];

	while (at < end) {
		struct audit_block block;
		uint32_t place = (uint32_t)at;
		const uint8_t *p;

		if (end - at < AUDIT_BLOCK_HEADER ||
		    audit_reader_get(&scan->reader, at, sizeof(none), &p) != VAULT_OK)
			return VAULT_INTEGRITY;
		if (memcmp(p, none, sizeof(none)) == 0)
			return VAULT_OK;
		TRY(audit_block_read(p, &block));
		if (block.length > end - at)
			return VAULT_INTEGRITY;
		if (block_wanted(scan, &block))
			TRY(buf_append(&scan->blocks, &place, sizeof(place)));
		at += block.length;
	}
	return VAULT_OK;
}

/* Goes to a segment. VAULT_NOT_FOUND where it is missing; where it is damaged, the blocks before
 * are listed. */
static enum vault_err
segment_enter(struct audit_scan *scan, uint64_t segment)
{
	struct audit_header header;
	enum vault_err err;

	scan->segment = segment;
	list_clear(&scan->blocks);
	scan->block_at = 0;
	err = segment_open(scan, segment, &header);
	if (err == VAULT_OK)
		err = segment_list(scan, &header);
	scan->damaged = err == VAULT_INTEGRITY || err == VAULT_AUDIT_UNAVAILABLE;
	scan->reader.backwards = scan->range.order == AUDIT_NEWEST;
	return scan->damaged ? VAULT_OK : err;
}

/* Whether the scan begins in this segment, coming down from the head: all below it is before the
 * cursor, or behind. */
static bool
begins_here(const struct audit_scan *scan, const struct audit_header *header)
{
	uint64_t cursor = scan->range.cursor;

	if (scan->range.order == AUDIT_NEWEST)
		return cursor == 0 || header->first_seq < cursor;
	return header->first_seq <= cursor + 1;
}

/* Reads the headers from the head down to where the scan begins, so that void changes below are
 * known. */
static enum vault_err
scan_begin(struct audit_scan *scan)
{
	uint64_t segment = scan->head.segment;

	for (; segment > scan->lowest; segment--) {
		struct audit_header header;
		enum vault_err err = segment_open(scan, segment, &header);

		if (err == VAULT_OK && begins_here(scan, &header))
			break;
		if (err == VAULT_BUSY)
			return err;
	}
	scan->segment = segment;
	return VAULT_OK;
}

static enum vault_err
scan_setup(struct audit *audit, struct audit_scan *scan)
{
	bool running;

	pthread_mutex_lock(&audit->append);
	running = audit->running;
	scan->head = audit->head;
	if (running)
		scan->ring = audit_ring_ref(audit);
	pthread_mutex_unlock(&audit->append);
	if (!running)
		return VAULT_SEALED;
	memcpy(scan->store_id, audit->store_id, sizeof(scan->store_id));
	scan->opener = (struct audit_opener){ .arena = audit->arena,
					      .wrap_key = &scan->ring->keys,
					      .store_id = scan->store_id };
	scan->dir = audit_dir_open(audit->path);
	if (scan->dir < 0)
		return VAULT_AUDIT_UNAVAILABLE;
	TRY(audit_lowest(scan->dir, &scan->lowest));
	if (scan->lowest == 0 || scan->lowest > scan->head.segment)
		scan->lowest = scan->head.segment;
	TRY(scan_begin(scan));
	return segment_enter(scan, scan->segment);
}

enum vault_err
audit_scan_open(struct audit *audit, const struct audit_range *range, struct audit_scan **scan)
{
	struct audit_scan *made = calloc(1, sizeof(*made));
	enum vault_err err;

	if (made == NULL)
		return VAULT_BUSY;
	made->range = *range;
	made->dir = -1;
	made->reader = (struct audit_reader)AUDIT_READER_NONE;
	err = scan_setup(audit, made);
	if (err != VAULT_OK && err != VAULT_NOT_FOUND) {
		audit_scan_close(made);
		return err;
	}
	*scan = made;
	return VAULT_OK;
}

/* Where each record of the open block starts. */
static enum vault_err
records_list(struct audit_scan *scan)
{
	struct vault_bytes left = { buf_data(&scan->records), buf_len(&scan->records) };
	uint32_t place = 0;

	list_clear(&scan->places);
	scan->record_at = 0;
	for (uint32_t i = 0; i < scan->block.count; i++) {
		size_t used = audit_record_length(left);

		if (used == 0)
			return VAULT_INTEGRITY;
		TRY(buf_append(&scan->places, &place, sizeof(place)));
		left.p += used;
		left.len -= used;
		place += (uint32_t)used;
	}
	return VAULT_OK;
}

static enum vault_err
block_enter(struct audit_scan *scan, uint32_t at)
{
	const uint8_t *p;

	list_clear(&scan->places);
	scan->record_at = 0;
	/* The header again first: its length says how much to read. */
	TRY(audit_reader_get(&scan->reader, at, AUDIT_BLOCK_HEADER, &p));
	TRY(audit_block_read(p, &scan->block));
	TRY(audit_reader_get(&scan->reader, at, scan->block.length, &p));
	list_clear(&scan->records);
	TRY(buf_reserve(&scan->records, scan->block.length));
	TRY(audit_block_open(&scan->key, &scan->block, p, scan->records.p));
	scan->records.tail = scan->block.length - AUDIT_BLOCK_OVERHEAD;
	return records_list(scan);
}

static bool
is_void(const struct audit_scan *scan, uint64_t seq)
{
	for (size_t at = 0; at < buf_len(&scan->voids); at += sizeof(struct span)) {
		struct span span;

		memcpy(&span, buf_data(&scan->voids) + at, sizeof(span));
		if (seq >= span.first && seq <= span.last)
			return true;
	}
	return false;
}

/* The next record of the open block; false where it is outside the range. */
static bool
record_take(struct audit_scan *scan, struct audit_record *rec, uint64_t *seq)
{
	const struct audit_range *range = &scan->range;
	size_t i = scan->record_at++, used;
	uint32_t place = list_get(scan, &scan->places, i);
	struct vault_bytes bytes = { buf_data(&scan->records) + place,
				     buf_len(&scan->records) - place };

	*seq = scan->block.first_seq +
	       (range->order == AUDIT_NEWEST ? scan->block.count - 1 - i : i);
	if (range->cursor != 0 &&
	    (range->order == AUDIT_NEWEST ? *seq >= range->cursor : *seq <= range->cursor))
		return false;
	if (audit_record_read(bytes, rec, &used) != VAULT_OK || rec->time_ns < range->since_ns ||
	    (range->until_ns != 0 && rec->time_ns >= range->until_ns))
		return false;
	scan->last = (struct vault_bytes){ bytes.p, used };
	if ((scan->block.flags & AUDIT_FLAG_CHANGE) != 0 && is_void(scan, *seq)) {
		rec->not_applied = true;
		rec->outcome = audit_outcome_error;
	}
	return true;
}

static bool
segment_next(struct audit_scan *scan, uint64_t *segment)
{
	if (scan->range.order == AUDIT_NEWEST) {
		*segment = scan->segment - 1;
		return scan->segment > scan->lowest;
	}
	*segment = scan->segment + 1;
	return scan->segment < scan->head.segment;
}

enum vault_err
audit_scan_next(struct audit_scan *scan, struct audit_record *rec, uint64_t *seq)
{
	for (;;) {
		struct audit_record found;
		uint64_t at;

		if (scan->record_at < list_count(&scan->places)) {
			if (!record_take(scan, &found, &at))
				continue;
			*rec = found;
			*seq = at;
			return VAULT_OK;
		}
		if (scan->block_at < list_count(&scan->blocks)) {
			TRY(block_enter(scan, list_get(scan, &scan->blocks, scan->block_at++)));
			continue;
		}
		if (scan->damaged) {
			scan->damaged = false;
			return VAULT_INTEGRITY;
		}
		if (!segment_next(scan, &at))
			return VAULT_NOT_FOUND;
		if (segment_enter(scan, at) == VAULT_BUSY)
			return VAULT_BUSY;
	}
}

struct vault_bytes
audit_scan_bytes(const struct audit_scan *scan)
{
	return scan->last;
}

void
audit_scan_close(struct audit_scan *scan)
{
	if (scan == NULL)
		return;
	audit_reader_free(&scan->reader);
	if (scan->dir >= 0)
		close(scan->dir);
	secret_free(&scan->key);
	audit_ring_unref(scan->ring);
	buf_free(&scan->voids);
	buf_free(&scan->blocks);
	buf_free(&scan->places);
	buf_free(&scan->records);
	free(scan);
}
