#include <sys/stat.h>
#include <unistd.h>

#include "vaultd/core/audit_state.h"

void
audit_lose(struct audit *audit)
{
	audit->loss = AUDIT_LOSS_FOUND;
	audit->lost = (struct audit_lost){ audit->head.segment, audit->head.offset };
}

/* Sees that the file is still there, and whole. A loss answers VAULT_AUDIT_UNAVAILABLE once. */
static enum vault_err
file_check(struct audit *audit)
{
	struct stat st;

	if (audit->loss == AUDIT_LOSS_NONE) {
		if (fstat(audit->file->fd, &st) != 0)
			return VAULT_AUDIT_UNAVAILABLE;
		if (st.st_nlink == 0 || (uint64_t)st.st_size < audit->head.offset)
			audit_lose(audit);
		else if ((uint64_t)st.st_size < audit->zeroed)
			audit->zeroed = (uint64_t)st.st_size;
	}
	if (audit->loss == AUDIT_LOSS_FOUND) {
		audit->loss = AUDIT_LOSS_TOLD;
		return VAULT_AUDIT_UNAVAILABLE;
	}
	return VAULT_OK;
}

bool
audit_cut(struct audit *audit)
{
	if (audit->zeroed <= audit->head.offset && !audit->need_cut)
		return true;
	if (ftruncate(audit->file->fd, (off_t)audit->head.offset) != 0)
		return false;
	audit->zeroed = audit->head.offset;
	audit->need_cut = false;
	return true;
}

enum vault_err
audit_put(struct audit *audit, const struct audit_draft *draft)
{
	struct audit_head next = audit->head;
	struct audit_block block = {
		.flags = draft->flags,
		.count = draft->count,
		.number = audit->number++, /* counts attempts: a failed write's nonce is not used
					      again */
		.first_seq = next.seq + 1,
		.first_ns = draft->first_ns,
		.last_ns = draft->last_ns,
	};

	audit_block_seal(&audit->key, &block, draft->records, audit->block, next.hash);
	if (audit_write_at(audit->file->fd, audit->block, block.length, next.offset) != VAULT_OK) {
		audit->need_cut = true;
		audit_cut(audit); /* where it fails, the next call tries again before it writes */
		return VAULT_AUDIT_UNAVAILABLE;
	}
	next.offset += block.length;
	next.seq += draft->count;
	audit->head = next;
	if (audit->zeroed < next.offset)
		audit->zeroed = next.offset;
	return VAULT_OK;
}

/* The first record behind a loss; again at the next call where it could not be written. */
static enum vault_err
lost_put(struct audit *audit, int64_t now_ns)
{
	uint8_t detail[AUDIT_LOST_BYTES];
	struct audit_record rec = {
		.event = AUDIT_EVENT_LOST,
		.method = AUDIT_METHOD_NONE,
		.time_ns = now_ns,
		.detail = { detail, sizeof(detail) },
	};

	if (audit->lost.segment == 0)
		return VAULT_OK;
	audit_lost_write(&audit->lost, detail);
	TRY(audit_put_event(audit, &rec, 0));
	audit->lost = (struct audit_lost){ 0 };
	return VAULT_OK;
}

enum vault_err
audit_room(struct audit *audit, size_t len, int64_t now_ns)
{
	bool next;

	for (;;) {
		TRY(file_check(audit));
		next = audit->loss == AUDIT_LOSS_TOLD ||
		       audit->head.offset + len > audit->segment_bytes;
		if (!audit->filling ||
		    (!next && !audit->need_cut && audit->head.offset + len <= audit->fill_start))
			break;
		pthread_cond_wait(&audit->filled, &audit->append);
	}
	if (audit->need_cut && audit->loss == AUDIT_LOSS_NONE && !audit_cut(audit))
		return VAULT_AUDIT_UNAVAILABLE;
	if (next)
		TRY(audit_rotate(audit, NULL, now_ns));
	return lost_put(audit, now_ns);
}

enum vault_err
audit_put_event(struct audit *audit, const struct audit_record *rec, uint16_t flags)
{
	struct buf encoded = { 0 };
	struct audit_draft draft = {
		.flags = flags, .count = 1, .first_ns = rec->time_ns, .last_ns = rec->time_ns
	};
	enum vault_err err = audit_record_write(&encoded, rec);

	if (err == VAULT_OK) {
		draft.records = (struct vault_bytes){ buf_data(&encoded), buf_len(&encoded) };
		err = audit_put(audit, &draft);
	}
	buf_free(&encoded);
	return err;
}

/* The most bytes of records that one block of this audit takes. */
static size_t
records_max(const struct audit *audit)
{
	uint64_t room =
		audit->segment_bytes - AUDIT_HEADER_MAX - audit_block_length(AUDIT_RECORD_MAX);

	return (room < AUDIT_BLOCK_MAX ? (size_t)room : AUDIT_BLOCK_MAX) - AUDIT_BLOCK_OVERHEAD;
}

/* Takes as many records off the front of *left as fit in max bytes. */
static struct audit_draft
draft_take(struct vault_bytes *left, uint32_t *count, size_t max)
{
	struct audit_draft draft = { .records = *left, .count = *count };

	if (left->len > max) {
		draft.count = 0;
		draft.records.len = 0;
		for (;;) {
			size_t used = audit_record_length((struct vault_bytes){
				left->p + draft.records.len, left->len - draft.records.len });

			if (used == 0 || draft.records.len + used > max)
				break;
			draft.records.len += used;
			draft.count++;
		}
	}
	left->p += draft.records.len;
	left->len -= draft.records.len;
	*count -= draft.count;
	return draft;
}

static enum vault_err
batch_put(struct audit *audit, const struct audit_batch *batch, enum audit_class what,
	  int64_t now_ns)
{
	struct vault_bytes left = { buf_data(&batch->records), buf_len(&batch->records) };
	uint32_t count = batch->count;
	size_t max = records_max(audit);

	if (what == AUDIT_CHANGES && left.len > max)
		return VAULT_TOO_LARGE;
	while (count > 0) {
		struct audit_draft draft = draft_take(&left, &count, max);

		draft.flags = what == AUDIT_CHANGES ? AUDIT_FLAG_CHANGE : 0;
		draft.first_ns = batch->first_ns;
		draft.last_ns = batch->last_ns;
		TRY(audit_room(audit, audit_block_length(draft.records.len), now_ns));
		TRY(audit_put(audit, &draft));
	}
	return VAULT_OK;
}

enum vault_err
audit_append(struct audit *audit, const struct audit_batch *batch, enum audit_class what,
	     int64_t now_ns, struct audit_head *head)
{
	enum vault_err err = VAULT_SEALED;

	pthread_mutex_lock(&audit->append);
	if (audit->running)
		err = audit->failed ? VAULT_AUDIT_UNAVAILABLE
				    : batch_put(audit, batch, what, now_ns);
	if (audit->running && err != VAULT_TOO_LARGE)
		audit->ok = err == VAULT_OK;
	if (err == VAULT_OK && head != NULL)
		*head = audit->head;
	pthread_mutex_unlock(&audit->append);
	return err;
}

void
audit_status(struct audit *audit, struct audit_status *status)
{
	pthread_mutex_lock(&audit->append);
	*status = (struct audit_status){ audit->head, audit->running,
					 audit->running && audit->ok &&
						 audit->loss == AUDIT_LOSS_NONE,
					 audit->flushed };
	pthread_mutex_unlock(&audit->append);
}
