/*
 * audit_start: what the disk holds, against what the store's head says of it.
 *   1. The segment that the head names must hold what it held then; older ones are audit_verify's
 * work.
 *   2. Valid blocks behind the head were written by a daemon that crashed, and count.
 *   3. A block of changes among them was never committed: it is void.
 *   4. The old segment is cut at its last valid byte and never appended to; a new one tells what
 * was done. Nothing is changed on disk before 1 to 3 and the epoch's key are found good.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "vaultd/base/log.h"
#include "vaultd/core/audit_state.h"
#include "vaultd/core/audit_walk.h"

static bool
head_equal(const struct audit_head *a, const struct audit_head *b)
{
	return a->segment == b->segment && a->offset == b->offset && a->seq == b->seq &&
	       memcmp(a->hash, b->hash, sizeof(a->hash)) == 0;
}

/* Step 1: the segment that the head names, from its start up to the head. */
static enum vault_err
verify_stored(struct audit_walk *walk, const struct audit_head *stored)
{
	struct audit_block block;
	enum vault_err err;

	TRY(audit_walk_begin(walk, stored->segment));
	while (walk->head.offset < stored->offset) {
		err = audit_walk_next(walk, &block);
		if (err != VAULT_OK)
			return err == VAULT_NOT_FOUND ? VAULT_INTEGRITY : err;
	}
	return head_equal(&walk->head, stored) ? VAULT_OK : VAULT_INTEGRITY;
}

/* A second block of changes behind the head cannot come of a crash: the store is older than its
 * audit. */
static enum vault_err
accept_block(const struct audit_walk *walk, const struct audit_block *block,
	     struct audit_recovery *out)
{
	out->accepted++;
	if ((block->flags & AUDIT_FLAG_CHANGE) == 0)
		return VAULT_OK;
	if (out->undone.void_first != 0)
		return VAULT_INTEGRITY;
	out->undone.void_first = block->first_seq;
	out->undone.void_last = walk->head.seq;
	return VAULT_OK;
}

/*
 * A change that an earlier recovery declared void is settled: its declaration stands in this
 * segment's header, and another crash, before that recovery's head was committed, may have left
 * another one behind it.
 */
static void
accept_settled(const struct audit_walk *walk, struct audit_recovery *out)
{
	if (walk->header.void_first == 0 || walk->header.void_first != out->undone.void_first)
		return;
	out->undone.void_first = out->undone.void_last = 0;
}

/* Steps 2 and 3: what is valid behind the head, over the segments that follow too. */
static enum vault_err
accept_rest(struct audit_walk *walk, struct audit_recovery *out)
{
	struct audit_block block;
	enum vault_err err;

	for (;;) {
		uint64_t end;

		err = audit_walk_next(walk, &block);
		if (err == VAULT_OK) {
			TRY(accept_block(walk, &block, out));
			continue;
		}
		if (err != VAULT_NOT_FOUND && err != VAULT_INTEGRITY)
			return err;
		TRY(audit_walk_end(walk, &end));
		out->undone.segment = walk->head.segment;
		out->undone.discarded = end - walk->head.offset;
		if (out->undone.discarded > 0)
			return VAULT_OK;
		err = audit_walk_follow(walk);
		if (err == VAULT_NOT_FOUND || err == VAULT_INTEGRITY)
			return VAULT_OK;
		TRY(err);
		accept_settled(walk, out);
	}
}

/* Step 4: cuts that segment at its last valid byte; what lies behind it is set aside, never
 * deleted. */
static enum vault_err
cut_tail(struct audit *audit, const struct audit_walk *walk)
{
	char name[AUDIT_NAME_MAX];
	enum vault_err err = VAULT_AUDIT_UNAVAILABLE;
	int fd;

	audit_segment_name(walk->head.segment, name);
	fd = openat(walk->dir, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return err;
	if (walk->reader.size == walk->head.offset ||
	    (ftruncate(fd, (off_t)walk->head.offset) == 0 && fdatasync(fd) == 0))
		err = audit_set_aside_from(walk->dir, walk->head.segment + 1);
	close(fd);
	TRY(err);
	pthread_mutex_lock(&audit->append);
	audit->head = walk->head;
	pthread_mutex_unlock(&audit->append);
	return VAULT_OK;
}

static void
recovery_log(const struct audit_recovery *found)
{
	if (found->accepted > 0 || found->undone.discarded > 0)
		log_warning("audit: not stopped cleanly: %" PRIu64
			    " blocks behind the store's head, %" PRIu64
			    " bytes cut off segment %" PRIu64,
			    found->accepted, found->undone.discarded, found->undone.segment);
	if (found->undone.void_first != 0)
		log_warning("audit: the changes %" PRIu64 " to %" PRIu64 " were not applied",
			    found->undone.void_first, found->undone.void_last);
}

static enum vault_err
recover(struct audit *audit, struct audit_walk *walk, const struct audit_head *stored,
	struct audit_recovery *found)
{
	uint8_t detail[AUDIT_RECOVERED_BYTES];
	struct audit_record rec = { .event = AUDIT_EVENT_START };

	TRY(verify_stored(walk, stored));
	TRY(accept_rest(walk, found));
	found->clean = found->accepted == 0 && found->undone.discarded == 0;
	if (!found->clean) {
		audit_recovered_write(&found->undone, detail);
		rec.event = AUDIT_EVENT_RECOVERY;
		rec.detail = (struct vault_bytes){ detail, sizeof(detail) };
	}
	TRY(audit_epoch_load(audit, walk->epoch, walk->epoch_key));
	TRY(cut_tail(audit, walk));
	TRY(audit_begin(audit, &found->undone, &rec));
	audit_status_head(audit, &found->head);
	recovery_log(found);
	return VAULT_OK;
}

static enum vault_err
start_locked(struct audit *audit, const struct audit_keys *keys, const struct audit_head *stored,
	     struct audit_recovery *out)
{
	struct audit_recovery found = { 0 };
	struct audit_opener opener;
	struct audit_walk walk;
	enum vault_err err;
	int dir;

	TRY(audit_keys_take(audit, keys));
	dir = audit_dir_open(audit->path);
	if (dir < 0)
		return VAULT_INTEGRITY;
	opener = audit_opener(audit);
	audit_walk_init(&walk, dir, &opener);
	err = recover(audit, &walk, stored, &found);
	if (err == VAULT_INTEGRITY)
		log_warning("audit: segment %" PRIu64 " does not match the store: %s",
			    stored->segment,
			    walk.why != NULL ? walk.why : "it differs from the store's head");
	audit_walk_free(&walk);
	close(dir);
	TRY(err);
	*out = found;
	return VAULT_OK;
}

enum vault_err
audit_start(struct audit *audit, const struct audit_keys *keys, const struct audit_head *stored,
	    struct audit_recovery *out)
{
	enum vault_err err = VAULT_INTERNAL;

	pthread_mutex_lock(&audit->upkeep);
	if (!audit->running) {
		err = start_locked(audit, keys, stored, out);
		if (err != VAULT_OK)
			audit_clear(audit);
	}
	pthread_mutex_unlock(&audit->upkeep);
	return err;
}
