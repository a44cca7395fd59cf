#include "vaultd/core/backups.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/text.h"
#include "vaultd/base/random.h"
#include "vaultd/core/op.h"
#include "vaultd/core/session.h"

/*
 * How much is made ready for an answer: two chunks, so that nothing but the beginning of the next
 * stands behind what is given, and is moved to the front.
 */
#define READ_WANTED (2 * (BACKUP_LENGTH_BYTES + BACKUP_CHUNK_WRITTEN + STREAM_OVERHEAD))
_Static_assert(READ_WANTED + BACKUP_HEADER_MAX <= BACKUP_READ_MAX, "with a header it fits too");

static void
stream_end(struct backup_stream *stream)
{
	backup_writer_free(&stream->writer);
	if (stream->source != NULL)
		stream->source->type->free(stream->source);
	stream->source = NULL;
}

static void
backup_free(struct backup *backup)
{
	for (unsigned i = 0; i < BACKUP_STREAMS; i++)
		stream_end(&backup->streams[i]);
	session_release(backup->session);
	free(backup);
}

enum vault_err
backups_add(struct op *op, struct backup **out)
{
	struct backups *backups = &op->vault->backups;
	unsigned count = atomic_load(&backups->count);
	struct backup *backup;

	if (count >= BACKUPS_MAX)
		return op_fail(op, VAULT_BUSY, NULL, "too many backups are under way");
	backup = calloc(1, sizeof *backup);
	if (backup == NULL)
		return VAULT_BUSY;
	random_bytes(backup->id, sizeof backup->id);
	backup->session = session_hold(op->session);
	backup->used_ms = op->now.boot_ms;
	backup->done.begun_at = op->now.wall;
	backup_id_text(backup->id, backup->done.backup);
	backups->list[count] = backup;
	atomic_store(&backups->count, count + 1);
	/* Counted first, then looked: of the two, one sees the other. */
	if (atomic_load(&backups->held)) {
		backups_remove(backups, backup);
		return op_fail(op, VAULT_BUSY, NULL, "a tenant is being erased");
	}
	*out = backup;
	return VAULT_OK;
}

void
backups_remove(struct backups *backups, struct backup *backup)
{
	unsigned count = atomic_load(&backups->count), i = 0;

	while (i < count && backups->list[i] != backup)
		i++;
	if (i == count)
		return;
	backups->list[i] = backups->list[count - 1];
	atomic_store(&backups->count, count - 1);
	backup_free(backup);
}

enum vault_err
backup_stream_start(struct backup *backup, struct backup_header *header,
		    const struct secret *file_key, struct backup_source *source)
{
	struct backup_stream *stream = &backup->streams[backup->stream_count];

	if (backup->stream_count == BACKUP_STREAMS) {
		source->type->free(source);
		return VAULT_INTERNAL;
	}
	backup->stream_count++;
	stream->source = source;
	memcpy(header->id, backup->id, sizeof header->id);
	header->time = backup->done.begun_at;
	source->manifest.started = backup->done.begun_at;
	return backup_writer_start(&stream->writer, header, file_key);
}

/* Which stream a handle names, of the caller's own. */
static enum vault_err
find(struct op *op, struct vault_text handle, struct backup **out, struct backup_stream **stream)
{
	struct backups *backups = &op->vault->backups;
	unsigned count = atomic_load(&backups->count), which = 0;
	struct vault_text suffix = TEXT_LITERAL(BACKUP_KEYS_SUFFIX);
	struct vault_text id = handle;

	if (handle.len == BACKUP_ID_TEXT - 1 + suffix.len &&
	    text_same(handle.p + BACKUP_ID_TEXT - 1, suffix.p, suffix.len)) {
		id.len -= suffix.len;
		which = 1;
	}
	for (unsigned i = 0; i < count; i++) {
		struct backup *backup = backups->list[i];

		if (backup->session != op->session || which >= backup->stream_count ||
		    !text_is(id, backup->done.backup))
			continue;
		backup->used_ms = op->now.boot_ms;
		*out = backup;
		*stream = &backup->streams[which];
		return VAULT_OK;
	}
	return op_fail(op, VAULT_NOT_FOUND, "backup", "there is no such backup on this connection");
}

enum vault_err
backups_find(struct op *op, struct vault_text handle, struct backup **backup)
{
	struct backup_stream *stream;

	return find(op, handle, backup, &stream);
}

/* Until a whole answer is ready, or the end is. */
static enum vault_err
fill(struct op *op, struct backup_stream *stream)
{
	struct backup_source *source = stream->source;
	bool done = false;

	if (stream->ended)
		return VAULT_OK;
	TRY(source->type->more(source, &stream->writer, READ_WANTED, &done));
	if (!done)
		return VAULT_OK;
	source->manifest.ended = op->now.wall;
	TRY(backup_writer_end(&stream->writer, &source->manifest, &op->vault->keyring.identity));
	stream->ended = true;
	return VAULT_OK;
}

static enum vault_err
advance(struct op *op, struct backup_stream *stream)
{
	size_t ready;

	backup_writer_take(&stream->writer, stream->given);
	stream->offset += stream->given;
	stream->given = 0;
	TRY(fill(op, stream));
	ready = stream->writer.ready;
	stream->given = ready < BACKUP_READ_MAX ? ready : BACKUP_READ_MAX;
	return VAULT_OK;
}

enum vault_err
backups_read(struct op *op, struct vault_text handle, int64_t offset, struct backup_piece *piece)
{
	struct backup_stream *stream;
	struct backup *backup;
	enum vault_err err = VAULT_OK;

	TRY(find(op, handle, &backup, &stream));
	if (offset < 0 || (uint64_t)offset == stream->offset + stream->given)
		err = advance(op, stream);
	else if ((uint64_t)offset != stream->offset)
		return op_fail(op, VAULT_INVALID_PARAMS, "offset",
			       "neither where the last read ended nor where it began");
	if (err != VAULT_OK) {
		/* Nobody knows how far it came. */
		backups_remove(&op->vault->backups, backup);
		return err;
	}
	/* Behind the end there is nothing to point to, and nothing is not absent. */
	*piece = (struct backup_piece){
		.offset = stream->offset,
		.data = { stream->given > 0 ? buf_data(&stream->writer.out) : (const uint8_t *)"",
			  stream->given },
		.done = stream->ended && stream->given == stream->writer.ready,
		.records = stream->source->records,
		.total = stream->source->total
	};
	stream->read |= piece->done;
	return VAULT_OK;
}

enum vault_err
backups_end(struct op *op, struct vault_text handle, struct backup_done *done)
{
	struct backup_stream *stream;
	struct backup *backup;

	TRY(find(op, handle, &backup, &stream));
	*done = backup->done;
	done->complete = backup->counts;
	for (unsigned i = 0; i < backup->stream_count; i++) {
		done->complete = done->complete && backup->streams[i].read;
		done->bytes += backup->streams[i].offset + backup->streams[i].given;
	}
	backups_remove(&op->vault->backups, backup);
	return VAULT_OK;
}

void
backups_sweep(struct backups *backups, const struct clock_now *now)
{
	for (unsigned i = atomic_load(&backups->count); i > 0; i--) {
		struct backup *backup = backups->list[i - 1];

		if (atomic_load(&backup->session->gone) ||
		    now->boot_ms - backup->used_ms > BACKUP_IDLE_MS)
			backups_remove(backups, backup);
	}
}

void
backups_free(struct backups *backups)
{
	while (atomic_load(&backups->count) > 0)
		backups_remove(backups, backups->list[0]);
}
