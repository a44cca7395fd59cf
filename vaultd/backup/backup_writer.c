#include "vaultd/backup/backup_writer.h"

#include "vaultd/base/bytes.h"

/* What stands before a chunk's plain bytes, so that it is sealed where it was gathered. */
#define CHUNK_FRONT (BACKUP_LENGTH_BYTES + STREAM_BEFORE)
#define CHUNK_BACK (STREAM_OVERHEAD - STREAM_BEFORE)

static size_t
plain_len(const struct backup_writer *writer)
{
	return buf_len(&writer->out) - writer->ready - CHUNK_FRONT;
}

static enum vault_err
chunk_begin(struct backup_writer *writer)
{
	static const uint8_t front[CHUNK_FRONT];

	return buf_append(&writer->out, front, sizeof front);
}

enum vault_err
backup_writer_start(struct backup_writer *writer, struct backup_header *header,
		    const struct secret *file_key)
{
	*writer = (struct backup_writer){ .first = true };
	TRY(stream_seal_start(&writer->stream, file_key, header->stream));
	TRY(backup_header_write(header, &writer->out));
	memcpy(writer->header_hash, header->hash, sizeof writer->header_hash);
	memcpy(writer->counts.id, header->id, sizeof writer->counts.id);
	TRY(hash_aside_new(&writer->hash));
	hash_aside_add(writer->hash, buf_data(&writer->out), buf_len(&writer->out));
	writer->counts.bytes = writer->ready = buf_len(&writer->out);
	return chunk_begin(writer);
}

static enum vault_err
chunk_seal(struct backup_writer *writer, bool last)
{
	static const uint8_t back[CHUNK_BACK];
	size_t len = plain_len(writer), size = CHUNK_FRONT + len + CHUNK_BACK;
	struct vault_bytes ad = { writer->header_hash, writer->first ? SHA256_BYTES : 0 };
	uint8_t *frame;

	TRY(buf_append(&writer->out, back, sizeof back));
	frame = buf_data(&writer->out) + writer->ready;
	put_le(frame, len + STREAM_OVERHEAD, BACKUP_LENGTH_BYTES);
	stream_seal(&writer->stream, ad, (struct vault_bytes){ frame + CHUNK_FRONT, len }, last,
		    frame + BACKUP_LENGTH_BYTES);
	hash_aside_add(writer->hash, frame, size);
	writer->first = false;
	writer->ready += size;
	writer->counts.chunks++;
	writer->counts.bytes += size;
	writer->counts.plain += len;
	return last ? VAULT_OK : chunk_begin(writer);
}

/* Into the chunk, and on into the next where it is full. */
static enum vault_err
put(struct backup_writer *writer, struct vault_bytes bytes)
{
	while (bytes.len > 0) {
		size_t room = BACKUP_CHUNK_WRITTEN - plain_len(writer);
		size_t n = bytes.len < room ? bytes.len : room;

		TRY(buf_append(&writer->out, bytes.p, n));
		bytes = (struct vault_bytes){ bytes.p + n, bytes.len - n };
		if (n == room)
			TRY(chunk_seal(writer, false));
	}
	return VAULT_OK;
}

static void
count(struct backup_manifest *counts, unsigned type)
{
	counts->items++;
	counts->rows += type == BACKUP_ITEM_ROW || type == BACKUP_ITEM_RECORD;
	counts->links += type == BACKUP_ITEM_LINK;
	counts->meta += type == BACKUP_ITEM_META;
}

enum vault_err
backup_writer_item(struct backup_writer *writer, unsigned type, struct vault_bytes head,
		   struct vault_bytes body)
{
	uint8_t front[BACKUP_ITEM_HEAD];

	if (head.len > BACKUP_ITEM_MAX || body.len > BACKUP_ITEM_MAX - head.len)
		return VAULT_TOO_LARGE;
	put_le32(put_le16(front, (uint16_t)type), (uint32_t)(head.len + body.len));
	TRY(put(writer, (struct vault_bytes){ front, sizeof front }));
	TRY(put(writer, head));
	TRY(put(writer, body));
	count(&writer->counts, type);
	return VAULT_OK;
}

enum vault_err
backup_writer_cut(struct backup_writer *writer)
{
	return plain_len(writer) == 0 ? VAULT_OK : chunk_seal(writer, false);
}

enum vault_err
backup_writer_end(struct backup_writer *writer, struct backup_manifest *manifest,
		  const struct ed25519_key *identity)
{
	struct backup_manifest *counts = &writer->counts;

	TRY(chunk_seal(writer, true));
	memcpy(manifest->id, counts->id, sizeof manifest->id);
	manifest->chunks = counts->chunks;
	manifest->bytes = counts->bytes;
	manifest->plain = counts->plain;
	manifest->items = counts->items;
	manifest->rows = counts->rows;
	manifest->links = counts->links;
	manifest->meta = counts->meta;
	hash_aside_end(writer->hash, manifest->hash);
	TRY(backup_manifest_write(manifest, identity, &writer->out));
	writer->ready += BACKUP_MANIFEST_BYTES;
	return VAULT_OK;
}

void
backup_writer_take(struct backup_writer *writer, size_t n)
{
	buf_take(&writer->out, n);
	writer->ready -= n;
}

void
backup_writer_free(struct backup_writer *writer)
{
	hash_aside_free(writer->hash);
	buf_free(&writer->out);
	stream_free(&writer->stream);
}
