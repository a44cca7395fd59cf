/*
 * What is done beside appending: writing ahead, preparing, looking, and the end.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vaultd/base/clock.h"
#include "vaultd/core/audit_state.h"

#define SPARE_NAME "spare.seg"
#define AHEAD_BYTES (UINT64_C(1) << 20) /* zeros kept ahead, and written at once */
#define SPARE_BYTES                                                                                \
	(UINT64_C(2) << 20)	     /* from this much room left the next segment is prepared      \
				      */
#define EPOCH_NS INT64_C(1000000000) /* an epoch is a second of activity */

/* Whether the open file is still what its name leads to; fstat at each append sees the rest. */
static void
path_check(struct audit *audit)
{
	struct stat open_st, name_st;
	char name[AUDIT_NAME_MAX];
	int dir = audit_dir_open(audit->path);

	pthread_mutex_lock(&audit->append);
	audit_segment_name(audit->head.segment, name);
	if (audit->loss == AUDIT_LOSS_NONE && fstat(audit->file->fd, &open_st) == 0 &&
	    (dir < 0 || fstatat(dir, name, &name_st, AT_SYMLINK_NOFOLLOW) != 0 ||
	     name_st.st_ino != open_st.st_ino || name_st.st_dev != open_st.st_dev))
		audit_lose(audit);
	pthread_mutex_unlock(&audit->append);
	if (dir >= 0)
		close(dir);
}

/* Zeros behind the head, up to AHEAD_BYTES more. The appender keeps out of the range while it is
 * written. */
static enum vault_err
fill_ahead(struct audit *audit)
{
	struct audit_file *file;
	uint64_t start, len, done = 0;
	enum vault_err err;

	pthread_mutex_lock(&audit->append);
	start = audit->zeroed;
	if (audit->loss != AUDIT_LOSS_NONE || audit->need_cut || start >= audit->segment_bytes ||
	    start - audit->head.offset >= AHEAD_BYTES) {
		pthread_mutex_unlock(&audit->append);
		return VAULT_OK;
	}
	len = audit->segment_bytes - start < AHEAD_BYTES ? audit->segment_bytes - start
							 : AHEAD_BYTES;
	file = audit_file_ref(audit->file);
	audit->filling = true;
	audit->fill_start = start;
	pthread_mutex_unlock(&audit->append);

	err = audit_zero_fill(file->fd, start, len, &done);

	pthread_mutex_lock(&audit->append);
	audit->filling = false;
	audit->zeroed = start + done;
	pthread_cond_broadcast(&audit->filled);
	pthread_mutex_unlock(&audit->append);
	if (fdatasync(file->fd) != 0)
		err = VAULT_INTERNAL;
	audit_file_unref(file);
	return err;
}

/* The next segment's file, when the open one has little room left. */
static enum vault_err
spare_prepare(struct audit *audit)
{
	struct audit_spare_want want = { SPARE_NAME, AHEAD_BYTES, audit->arena, audit->slots,
					 audit->slot_count };
	uint64_t margin =
		audit->segment_bytes / 2 < SPARE_BYTES ? audit->segment_bytes / 2 : SPARE_BYTES;
	struct audit_spare spare;
	enum vault_err err;
	bool due;
	int dir;

	pthread_mutex_lock(&audit->append);
	due = audit->spare.file == NULL && audit->head.offset > audit->segment_bytes - margin;
	pthread_mutex_unlock(&audit->append);
	if (!due)
		return VAULT_OK;
	if (want.zeros > audit->segment_bytes)
		want.zeros = audit->segment_bytes;
	dir = audit_dir_open(audit->path);
	if (dir < 0)
		return VAULT_AUDIT_UNAVAILABLE;
	err = audit_spare_make(dir, &want, &spare);
	close(dir);
	TRY(err);
	pthread_mutex_lock(&audit->append);
	audit->spare = spare; /* the appender's own are taken at once, so there is none */
	pthread_mutex_unlock(&audit->append);
	return VAULT_OK;
}

static enum vault_err
epoch_tick(struct audit *audit, int64_t now_ns)
{
	bool active;

	pthread_mutex_lock(&audit->append);
	active = audit->head.seq > audit->epoch_seq && audit->loss == AUDIT_LOSS_NONE;
	pthread_mutex_unlock(&audit->append);
	/* A clock that was set back must not stop the signing. */
	if (!active ||
	    (now_ns >= audit->epoch_tried_ns && now_ns - audit->epoch_tried_ns < EPOCH_NS))
		return VAULT_OK;
	audit->epoch_tried_ns = now_ns;
	return audit_epoch_close(audit, now_ns);
}

static enum vault_err
tick_locked(struct audit *audit, int64_t now_ns)
{
	struct audit_head head;
	enum vault_err step[3], worst = VAULT_OK;

	audit_status_head(audit, &head);
	TRY(audit_flush(audit, &head));
	path_check(audit);
	step[0] = fill_ahead(audit);
	step[1] = spare_prepare(audit);
	step[2] = epoch_tick(audit, now_ns);
	for (int i = 0; i < 3; i++)
		if (step[i] != VAULT_OK && worst != VAULT_INTERNAL)
			worst = step[i] == VAULT_INTERNAL ? VAULT_INTERNAL
							  : VAULT_AUDIT_UNAVAILABLE;
	return worst;
}

enum vault_err
audit_tick(struct audit *audit, int64_t now_ns)
{
	enum vault_err err = VAULT_SEALED;

	pthread_mutex_lock(&audit->upkeep);
	if (audit->running)
		err = tick_locked(audit, now_ns);
	pthread_mutex_unlock(&audit->upkeep);
	return err;
}

/* The last record, the last signature, the cut; what fails is made up for by recovery. */
static enum vault_err
stop_locked(struct audit *audit, struct audit_head *head)
{
	int64_t now_ns = clock_read().wall_ns;
	struct audit_record rec = { .event = AUDIT_EVENT_STOP,
				    .method = AUDIT_METHOD_NONE,
				    .time_ns = now_ns };
	struct audit_head last;
	enum vault_err err, flushed;
	bool cut;

	pthread_mutex_lock(&audit->append);
	err = audit_room(audit, audit_block_length(AUDIT_RECORD_MAX), now_ns);
	if (err != VAULT_OK) /* a loss is told once, and here nobody asks twice */
		err = audit_room(audit, audit_block_length(AUDIT_RECORD_MAX), now_ns);
	if (err == VAULT_OK)
		err = audit_put_event(audit, &rec, 0);
	pthread_mutex_unlock(&audit->append);
	if (err == VAULT_OK)
		err = audit_epoch_close(audit, now_ns);
	pthread_mutex_lock(&audit->append);
	cut = audit->loss == AUDIT_LOSS_NONE && audit_cut(audit);
	last = audit->head;
	audit->flushed = (struct audit_head){ 0 }; /* the cut is to be flushed too */
	pthread_mutex_unlock(&audit->append);
	flushed = audit_flush(audit, &last);
	*head = last;
	if (flushed != VAULT_OK || err == VAULT_INTERNAL)
		return VAULT_INTERNAL;
	return err == VAULT_OK && cut ? VAULT_OK : VAULT_AUDIT_UNAVAILABLE;
}

enum vault_err
audit_stop(struct audit *audit, struct audit_head *head)
{
	enum vault_err err = VAULT_SEALED;
	struct audit_head last;

	pthread_mutex_lock(&audit->upkeep);
	if (audit->running) {
		err = stop_locked(audit, &last);
		audit_clear(audit);
	}
	if (err != VAULT_SEALED)
		*head = last;
	pthread_mutex_unlock(&audit->upkeep);
	return err;
}
