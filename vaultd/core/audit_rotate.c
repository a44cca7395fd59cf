#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vaultd/core/audit_state.h"

#define FRESH_NAME                                                                                 \
	"fresh.seg" /* what the appender makes itself; the keeper's spare has another name */

/* A segment made on the spot, when the keeper has none ready: no zeros ahead, the file grows. */
static enum vault_err
fresh_make(struct audit *audit, int dir)
{
	struct audit_spare_want want = { FRESH_NAME, 0, audit->arena, audit->slots,
					 audit->slot_count };

	return audit_spare_make(dir, &want, &audit->spare);
}

/* Writes the header into the spare and gives it its number. */
static enum vault_err
spare_begin(struct audit *audit, int dir, struct audit_header *header)
{
	struct audit_opener opener = audit_opener(audit);
	uint8_t bytes[AUDIT_HEADER_MAX];
	char name[AUDIT_NAME_MAX];

	audit_header_write(&opener, &audit->spare.slots, &audit->spare.key, header, bytes);
	TRY(audit_write_at(audit->spare.file->fd, bytes, header->length, 0));
	TRY(audit_set_aside(dir, header->segment));
	audit_segment_name(header->segment, name);
	return renameat(dir, audit->spare.name, dir, name) == 0 ? VAULT_OK
								: VAULT_AUDIT_UNAVAILABLE;
}

/* The full file waits for the next flush; where too many wait, the oldest is flushed here. */
static void
file_retire(struct audit *audit)
{
	if (audit->file == NULL)
		return;
	if (audit->closed_count == AUDIT_CLOSED_MAX) {
		if (fdatasync(audit->closed[0]->fd) != 0)
			audit->failed = true;
		audit_file_unref(audit->closed[0]);
		audit->closed_count--;
		for (size_t i = 0; i < audit->closed_count; i++)
			audit->closed[i] = audit->closed[i + 1];
	}
	audit->closed[audit->closed_count++] = audit->file;
	audit->file = NULL;
}

/* The spare, now begun, becomes the open segment. */
static void
spare_install(struct audit *audit, const struct audit_header *header)
{
	file_retire(audit);
	audit->file = audit->spare.file;
	audit->zeroed = audit->spare.zeroed > header->length ? audit->spare.zeroed : header->length;
	secret_free(&audit->key);
	secret_move(&audit->key, &audit->spare.key);
	audit->spare = (struct audit_spare){ 0 };
	audit->head.segment = header->segment;
	audit->head.offset = header->length;
	memcpy(audit->head.hash, header->hash, sizeof(audit->head.hash));
	audit->number = 0;
	audit->need_cut = false;
	audit->loss = AUDIT_LOSS_NONE;
	audit->names_made++;
}

static enum vault_err
rotate_in(struct audit *audit, int dir, struct audit_header *header)
{
	enum vault_err err = VAULT_NOT_FOUND;

	/* Two attempts: the keeper's spare may have gone missing too. */
	if (audit->spare.file != NULL)
		err = spare_begin(audit, dir, header);
	if (err != VAULT_OK) {
		audit_spare_drop(dir, &audit->spare);
		TRY(fresh_make(audit, dir));
		err = spare_begin(audit, dir, header);
	}
	if (err != VAULT_OK) {
		audit_spare_drop(dir, &audit->spare);
		return err;
	}
	if (audit->file != NULL && audit->loss == AUDIT_LOSS_NONE)
		audit_cut(audit); /* zeros may stay behind the last block, anything else was cut
				     before */
	spare_install(audit, header);
	return VAULT_OK;
}

enum vault_err
audit_rotate(struct audit *audit, const struct audit_recovered *undone, int64_t now_ns)
{
	struct audit_header header = {
		.segment = audit->head.segment + 1,
		.first_seq = audit->head.seq + 1,
		.created_ns = now_ns,
		.epoch = audit->epoch,
	};
	enum vault_err err;
	int dir = audit_dir_open(audit->path);

	if (dir < 0)
		return VAULT_AUDIT_UNAVAILABLE;
	if (undone != NULL) {
		header.void_first = undone->void_first;
		header.void_last = undone->void_last;
	}
	memcpy(header.epoch_key, audit->epoch_key.public_key, sizeof(header.epoch_key));
	memcpy(header.before, audit->head.hash, sizeof(header.before));
	err = rotate_in(audit, dir, &header);
	close(dir);
	return err;
}
