#include <string.h>
#include <unistd.h>

#include "vaultd/core/audit_state.h"
#include "vaultd/core/audit_walk.h"
#include "vaultd/core/work.h"

struct verify {
	const struct audit_check *check;
	struct audit_verdict *verdict;
	struct audit_head head;
	struct audit_walk walk;
};

static enum vault_err
broken(struct verify *verify, uint64_t seq, const char *why)
{
	verify->verdict->ok = false;
	verify->verdict->broken_seq = seq;
	verify->verdict->why = why;
	return VAULT_OK;
}

/* What is no verdict on the audit but keeps it from being read is one on the disk. */
static enum vault_err
broken_read(struct verify *verify, enum vault_err err)
{
	if (err != VAULT_AUDIT_UNAVAILABLE)
		return err;
	return broken(verify, verify->walk.head.seq + 1, "a segment cannot be read");
}

/* What the walk's last call found, told of the record that should have come next. */
static enum vault_err
broken_next(struct verify *verify)
{
	return broken(verify, verify->walk.head.seq + 1, verify->walk.why);
}

/* The segment to begin with: the one that holds since_seq, by the headers from the head down. */
static uint64_t
first_segment(struct verify *verify)
{
	uint64_t segment = verify->head.segment;

	if (verify->check->since_seq == 0)
		return 1;
	for (; segment > 1; segment--)
		if (audit_walk_begin(&verify->walk, segment) == VAULT_OK &&
		    verify->walk.header.first_seq <= verify->check->since_seq)
			break;
	return segment;
}

/* The first segment of all has nothing before it, and the key that sys.init printed. */
static bool
origin_good(const struct verify *verify)
{
	static const uint8_t nothing[SHA256_BYTES];
	const struct audit_header *header = &verify->walk.header;

	return header->first_seq == 1 && header->epoch == 1 &&
	       memcmp(header->before, nothing, SHA256_BYTES) == 0 &&
	       (verify->check->first_public_key == NULL ||
		memcmp(header->epoch_key, verify->check->first_public_key, ED25519_PUBLIC_BYTES) ==
			0);
}

static void
tell(const struct verify *verify)
{
	uint64_t before = verify->verdict->first - 1;

	if (verify->check->work != NULL)
		work_tell(verify->check->work, verify->walk.head.seq - before,
			  verify->head.seq - before);
}

/* The blocks of one segment, up to the head in the last. *end: the verdict is there. */
static enum vault_err
verify_segment(struct verify *verify, bool *end)
{
	struct audit_walk *walk = &verify->walk;
	bool last = walk->head.segment == verify->head.segment;
	struct audit_block block;
	uint64_t tail;
	enum vault_err err;

	for (;;) {
		if (verify->check->cancel != NULL && atomic_load(verify->check->cancel))
			return VAULT_BUSY;
		*end = true;
		if (last && walk->head.offset >= verify->head.offset)
			return VAULT_OK;
		err = audit_walk_next(walk, &block);
		if (err == VAULT_INTEGRITY)
			return broken_next(verify);
		if (err == VAULT_NOT_FOUND)
			break;
		if (err != VAULT_OK)
			return broken_read(verify, err);
		verify->verdict->blocks++;
		verify->verdict->last = walk->head.seq;
		tell(verify);
	}
	if (last)
		return broken(verify, walk->head.seq + 1, "the last segment is cut off");
	TRY(audit_walk_end(walk, &tail));
	if (tail != walk->head.offset)
		return broken(verify, walk->head.seq + 1,
			      "bytes that are no block follow the last one");
	*end = false;
	return VAULT_OK;
}

static enum vault_err
verify_all(struct verify *verify)
{
	struct audit_walk *walk = &verify->walk;
	uint64_t first = first_segment(verify);
	enum vault_err err = audit_walk_begin(walk, first);
	bool end = false;

	if (err == VAULT_INTEGRITY)
		return broken(verify, verify->check->since_seq == 0 ? 1 : verify->check->since_seq,
			      walk->why);
	TRY(err);
	if (first == 1 && !origin_good(verify))
		return broken(verify, 1, "the first segment is not the one that was made first");
	verify->verdict->first = walk->header.first_seq;
	for (;;) {
		TRY(verify_segment(verify, &end));
		if (end)
			break;
		err = audit_walk_follow(walk);
		if (err == VAULT_NOT_FOUND || err == VAULT_INTEGRITY)
			return broken_next(verify);
		if (err != VAULT_OK)
			return broken_read(verify, err);
	}
	if (verify->verdict->ok &&
	    (walk->head.offset != verify->head.offset || walk->head.seq != verify->head.seq ||
	     memcmp(walk->head.hash, verify->head.hash, SHA256_BYTES) != 0))
		return broken(verify, walk->head.seq,
			      "the last segment does not end where the daemon wrote last");
	return VAULT_OK;
}

/* Where the audit ends now, and the keys of all that is before; NULL while it does not run. */
static struct audit_ring *
verify_begin(struct audit *audit, struct audit_head *head)
{
	struct audit_ring *ring = NULL;

	pthread_mutex_lock(&audit->append);
	if (audit->running)
		ring = audit_ring_ref(audit);
	*head = audit->head;
	pthread_mutex_unlock(&audit->append);
	return ring;
}

enum vault_err
audit_verify(struct audit *audit, const struct audit_check *check, struct audit_verdict *verdict)
{
	struct audit_verdict found = { .ok = true };
	struct verify verify = { .check = check, .verdict = &found };
	struct audit_ring *ring = verify_begin(audit, &verify.head);
	struct audit_opener opener = { .arena = audit->arena, .store_id = audit->store_id };
	enum vault_err err;
	int dir;

	if (ring == NULL)
		return VAULT_SEALED;
	opener.wrap_key = &ring->keys;
	dir = audit_dir_open(audit->path);
	if (dir < 0) {
		audit_ring_unref(ring);
		return VAULT_AUDIT_UNAVAILABLE;
	}
	audit_walk_init(&verify.walk, dir, &opener);
	err = verify_all(&verify);
	audit_walk_free(&verify.walk);
	audit_ring_unref(ring);
	close(dir);
	TRY(err);
	*verdict = found;
	return VAULT_OK;
}
