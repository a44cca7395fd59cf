#include "vaultd/core/audit_surviving.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define SEGMENTS_SINCE_MAX (1u << 20) /* behind the backup's: what has a higher number is a stray */

struct span {
	uint64_t first, last;
};

static enum vault_err
find_highest(struct audit_surviving *s)
{
	int fd = openat(s->walk.dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (dir == NULL) {
		if (fd >= 0)
			close(fd);
		return VAULT_AUDIT_UNAVAILABLE;
	}
	while ((entry = readdir(dir)) != NULL) {
		uint64_t number = audit_segment_number(entry->d_name);

		if (number > s->highest && number <= s->since.head.segment + SEGMENTS_SINCE_MAX)
			s->highest = number;
	}
	closedir(dir);
	return VAULT_OK;
}

static enum vault_err
note_void(struct audit_surviving *s)
{
	struct span span = { s->walk.header.void_first, s->walk.header.void_last };

	return span.first == 0 ? VAULT_OK : buf_append(&s->voids, &span, sizeof span);
}

static enum vault_err
broken(struct audit_surviving *s, const char *why)
{
	s->joined = false;
	s->why = why;
	return VAULT_OK;
}

/* What the walk found invalid is a break; what it could not read is an error. */
static enum vault_err
broken_by(struct audit_surviving *s, enum vault_err err)
{
	if (err != VAULT_INTEGRITY && err != VAULT_NOT_FOUND)
		return err;
	return broken(s, s->walk.why != NULL ? s->walk.why : "it ends before the backup");
}

static bool
head_equal(const struct audit_head *a, const struct audit_head *b)
{
	return a->segment == b->segment && a->offset == b->offset && a->seq == b->seq &&
	       memcmp(a->hash, b->hash, sizeof a->hash) == 0;
}

/* From the start of the segment that the backup names to the backup's head. */
static enum vault_err
walk_to_head(struct audit_surviving *s)
{
	const struct audit_head *head = &s->since.head;
	struct audit_block block;

	TRY(audit_walk_begin(&s->walk, head->segment));
	while (s->walk.head.offset < head->offset)
		TRY(audit_walk_next(&s->walk, &block));
	if (head_equal(&s->walk.head, head))
		return VAULT_OK;
	s->walk.why = "it differs from what the backup says of it";
	return VAULT_INTEGRITY;
}

/* Blocks to the end of the segment, behind which there may be nothing but zeros. */
static enum vault_err
survey_segment(struct audit_surviving *s)
{
	struct audit_block block;
	enum vault_err err;
	uint64_t end;

	while ((err = audit_walk_next(&s->walk, &block)) == VAULT_OK)
		;
	if (err != VAULT_NOT_FOUND)
		return broken_by(s, err);
	TRY(audit_walk_end(&s->walk, &end));
	return end == s->walk.head.offset
		       ? VAULT_OK
		       : broken(s, "bytes that are no block follow the last one");
}

static enum vault_err
survey(struct audit_surviving *s)
{
	enum vault_err err = walk_to_head(s);

	s->joined = true;
	if (err != VAULT_OK)
		return broken_by(s, err);
	do {
		TRY(note_void(s));
		TRY(survey_segment(s));
		if (!s->joined)
			return VAULT_OK;
		err = audit_walk_follow(&s->walk);
	} while (err == VAULT_OK);
	if (err == VAULT_NOT_FOUND && s->walk.head.segment >= s->highest)
		return VAULT_OK;
	return broken_by(s, err);
}

/* The void changes that any readable header tells of. */
static enum vault_err
collect_voids(struct audit_surviving *s)
{
	s->voids.head = s->voids.tail = 0;
	for (uint64_t n = 1; n <= s->highest; n++) {
		enum vault_err err = audit_walk_begin(&s->walk, n);

		if (err == VAULT_OK)
			err = note_void(s);
		if (err != VAULT_OK && err != VAULT_INTEGRITY)
			return err;
	}
	return VAULT_OK;
}

enum vault_err
audit_surviving_open(struct audit_surviving *s, int dir, const struct audit_opener *opener,
		     const struct audit_since *since)
{
	*s = (struct audit_surviving){ .since = *since };
	audit_walk_init(&s->walk, dir, opener);
	TRY(find_highest(s));
	TRY(survey(s));
	return s->joined ? VAULT_OK : collect_voids(s);
}

void
audit_surviving_free(struct audit_surviving *s)
{
	audit_walk_free(&s->walk);
	buf_free(&s->voids);
}

/*
 * The next segment to read. In a chain without a break the walk goes on from the head; else each
 * segment is taken for itself, from the lowest on.
 */
static enum vault_err
next_segment(struct audit_surviving *s)
{
	enum vault_err err;

	if (s->joined && s->segment == 0) {
		err = walk_to_head(s);
	} else if (s->joined) {
		err = audit_walk_follow(&s->walk);
	} else {
		do {
			if (s->segment >= s->highest)
				return VAULT_NOT_FOUND;
			err = audit_walk_begin(&s->walk, ++s->segment);
		} while (err == VAULT_INTEGRITY);
		return err;
	}
	s->segment = s->walk.header.segment;
	return err;
}

static enum vault_err
next_block(struct audit_surviving *s)
{
	enum vault_err err =
		s->segment == 0 ? VAULT_NOT_FOUND : audit_walk_next(&s->walk, &s->block);

	while (err == VAULT_NOT_FOUND || err == VAULT_INTEGRITY) {
		TRY(next_segment(s));
		err = audit_walk_next(&s->walk, &s->block);
	}
	TRY(err);
	s->left = (struct vault_bytes){ s->walk.records.p, s->block.length - AUDIT_BLOCK_OVERHEAD };
	s->index = 0;
	return VAULT_OK;
}

static bool
is_void(const struct audit_surviving *s, uint64_t seq)
{
	for (size_t at = 0; at < buf_len(&s->voids); at += sizeof(struct span)) {
		struct span span;

		memcpy(&span, buf_data(&s->voids) + at, sizeof span);
		if (seq >= span.first && seq <= span.last)
			return true;
	}
	return false;
}

/* Whether the backup does not hold it already. */
static bool
is_later(const struct audit_surviving *s, const struct audit_record *rec, uint64_t seq)
{
	return s->joined || rec->time_ns >= s->since.time_ns ||
	       (s->segment >= s->since.head.segment && seq > s->since.head.seq);
}

enum vault_err
audit_surviving_next(struct audit_surviving *s, struct audit_record *rec, bool *change)
{
	for (;;) {
		struct audit_record read;
		uint64_t seq;
		size_t used;

		while (s->segment == 0 || s->index >= s->block.count)
			TRY(next_block(s));
		seq = s->block.first_seq + s->index;
		TRY(audit_record_read(s->left, &read, &used));
		s->left.p += used;
		s->left.len -= used;
		s->index++;
		*change = (s->block.flags & AUDIT_FLAG_CHANGE) != 0;
		if (!is_later(s, &read, seq) || (*change && is_void(s, seq)))
			continue;
		if (read.event != AUDIT_EVENT_EPOCH) {
			s->last_ns = read.time_ns;
			s->stopped = read.event == AUDIT_EVENT_STOP;
		}
		*rec = read;
		return VAULT_OK;
	}
}
