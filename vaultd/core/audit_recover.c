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
#include <string.h>
#include <unistd.h>

#include "vaultd/core/audit_state.h"
#include "vaultd/core/audit_walk.h"

/* One recovery on its way. */
struct recover {
	struct audit *audit;
	struct audit_walk walk;
	const struct audit_head *stored;
	const struct audit_demand *demand;
	bool reached; /* the demanded place was passed, or lies before all that is looked at */
	struct audit_recovery found;
};

static bool
head_equal(const struct audit_head *a, const struct audit_head *b)
{
	return a->segment == b->segment && a->offset == b->offset && a->seq == b->seq &&
	       memcmp(a->hash, b->hash, sizeof(a->hash)) == 0;
}

static void
note_place(struct recover *recover)
{
	if (!recover->reached && head_equal(&recover->walk.head, recover->demand->reached))
		recover->reached = true;
}

/* Step 1: the segment that the head names, from its start up to the head. */
static enum vault_err
verify_stored(struct recover *recover)
{
	const struct audit_head *stored = recover->stored;
	struct audit_walk *walk = &recover->walk;
	struct audit_block block;
	enum vault_err err;

	TRY(audit_walk_begin(walk, stored->segment));
	note_place(recover);
	while (walk->head.offset < stored->offset) {
		err = audit_walk_next(walk, &block);
		if (err != VAULT_OK)
			return err == VAULT_NOT_FOUND ? VAULT_INTEGRITY : err;
		note_place(recover);
	}
	return head_equal(&walk->head, stored) ? VAULT_OK : VAULT_INTEGRITY;
}

/* A second block of changes behind the head cannot come of a crash: the store is older than its
 * audit. */
static enum vault_err
accept_block(struct recover *recover, const struct audit_block *block)
{
	struct audit_recovered *undone = &recover->found.undone;

	note_place(recover);
	recover->found.accepted++;
	if ((block->flags & AUDIT_FLAG_CHANGE) == 0)
		return VAULT_OK;
	if (undone->void_first != 0 && !recover->demand->accept) {
		recover->walk.why = "the store is older than its audit";
		return VAULT_INTEGRITY;
	}
	if (undone->void_first == 0)
		undone->void_first = block->first_seq;
	undone->void_last = recover->walk.head.seq;
	return VAULT_OK;
}

/*
 * A change that an earlier recovery declared void is settled: its declaration stands in this
 * segment's header, and another crash, before that recovery's head was committed, may have left
 * another one behind it.
 */
static void
accept_settled(struct recover *recover)
{
	const struct audit_header *header = &recover->walk.header;
	struct audit_recovered *undone = &recover->found.undone;

	/* Where all is void that is behind the head, it goes on being so. */
	if (recover->demand->accept || header->void_first == 0 ||
	    header->void_first != undone->void_first || header->void_last != undone->void_last)
		return;
	undone->void_first = undone->void_last = 0;
}

/* Steps 2 and 3: what is valid behind the head, over the segments that follow too. */
static enum vault_err
accept_rest(struct recover *recover)
{
	struct audit_recovery *out = &recover->found;
	struct audit_walk *walk = &recover->walk;
	struct audit_block block;
	enum vault_err err;

	for (;;) {
		uint64_t end;

		err = audit_walk_next(walk, &block);
		if (err == VAULT_OK) {
			TRY(accept_block(recover, &block));
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
		note_place(recover);
		accept_settled(recover);
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

/* Steps 1 to 3. */
static enum vault_err
look(struct recover *recover)
{
	const struct audit_head *reached = recover->demand->reached;

	recover->reached = reached == NULL || reached->segment < recover->stored->segment;
	TRY(verify_stored(recover));
	TRY(accept_rest(recover));
	if (!recover->reached) {
		recover->walk.why = "it lacks what the anchor names";
		return VAULT_INTEGRITY;
	}
	return VAULT_OK;
}

/* The new segment goes on in number and sequence only; what lies there stays. */
static enum vault_err
part(struct recover *recover)
{
	struct audit_head head = *recover->stored;
	uint64_t highest;

	TRY(audit_highest(recover->walk.dir, &highest));
	if (head.segment < highest)
		head.segment = highest;
	recover->found = (struct audit_recovery){ .parted = true };
	/* No chain has as many epochs as records. */
	TRY(audit_epoch_anew(recover->audit, head.seq + 2));
	pthread_mutex_lock(&recover->audit->append);
	recover->audit->head = head;
	pthread_mutex_unlock(&recover->audit->append);
	return VAULT_OK;
}

/* Step 4: the epoch's key, which is the last that may refuse, and the end of the old segment. */
static enum vault_err
join(struct recover *recover)
{
	const struct audit_walk *walk = &recover->walk;
	enum vault_err err = audit_epoch_load(recover->audit, walk->epoch, walk->epoch_key);

	if (err == VAULT_INTEGRITY && recover->demand->accept) {
		recover->found.parted = true;
		err = audit_epoch_anew(recover->audit, walk->head.seq + 2);
	}
	TRY(err);
	return cut_tail(recover->audit, walk);
}

static enum vault_err
begin_anew(struct recover *recover)
{
	struct audit_recovery *found = &recover->found;
	uint8_t detail[AUDIT_RECOVERED_BYTES];
	struct audit_record rec = { .event = AUDIT_EVENT_START };

	found->clean = found->accepted == 0 && found->undone.discarded == 0 && !found->parted;
	if (!found->clean) {
		audit_recovered_write(&found->undone, detail);
		rec.event = AUDIT_EVENT_RECOVERY;
		rec.detail = (struct vault_bytes){ detail, sizeof(detail) };
	}
	TRY(audit_begin(recover->audit, &found->undone, &rec));
	audit_status_head(recover->audit, &found->head);
	return VAULT_OK;
}

static enum vault_err
run(struct recover *recover)
{
	enum vault_err err = look(recover);

	if (err == VAULT_INTEGRITY && recover->demand->accept) {
		TRY(part(recover));
	} else {
		TRY(err);
		TRY(join(recover));
	}
	return begin_anew(recover);
}

static enum vault_err
start_locked(struct recover *recover, const struct audit_keys *keys, struct audit_recovery *out)
{
	struct audit *audit = recover->audit;
	struct audit_walk *walk = &recover->walk;
	struct audit_opener opener;
	enum vault_err err;
	int dir;

	TRY(audit_keys_take(audit, keys));
	dir = audit_dir_open(audit->path);
	if (dir < 0)
		return VAULT_INTEGRITY;
	opener = audit_opener(audit);
	audit_walk_init(walk, dir, &opener);
	err = run(recover);
	if (err == VAULT_INTEGRITY)
		out->differs = (struct audit_difference){
			walk->why != NULL ? walk->why : "it differs from the store's head",
			recover->stored->segment
		};
	audit_walk_free(walk);
	close(dir);
	TRY(err);
	*out = recover->found;
	return VAULT_OK;
}

enum vault_err
audit_start(struct audit *audit, const struct audit_keys *keys, const struct audit_head *stored,
	    const struct audit_demand *demand, struct audit_recovery *out)
{
	static const struct audit_demand none;
	struct recover recover = { .audit = audit,
				   .stored = stored,
				   .demand = demand == NULL ? &none : demand };
	enum vault_err err = VAULT_INTERNAL;

	out->differs = (struct audit_difference){ 0 };
	pthread_mutex_lock(&audit->upkeep);
	if (!audit->running) {
		err = start_locked(&recover, keys, out);
		if (err != VAULT_OK)
			audit_clear(audit);
	}
	pthread_mutex_unlock(&audit->upkeep);
	return err;
}
