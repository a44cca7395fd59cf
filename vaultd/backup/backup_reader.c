#include "vaultd/backup/backup_reader.h"

#include "vaultd/base/bytes.h"

void
backup_reader_init(struct backup_reader *reader)
{
	*reader = (struct backup_reader){ 0 };
	sha256_start(&reader->hash);
}

void
backup_reader_free(struct backup_reader *reader)
{
	buf_free(&reader->in);
	buf_free(&reader->plain);
	stream_free(&reader->stream);
}

enum vault_err
backup_reader_push(struct backup_reader *reader, struct vault_bytes bytes)
{
	TRY(reader->failed);
	if (bytes.len > BACKUP_PUSH_MAX ||
	    buf_len(&reader->in) > BACKUP_LENGTH_BYTES + BACKUP_CHUNK_MAX)
		return VAULT_TOO_LARGE;
	return buf_append(&reader->in, bytes.p, bytes.len);
}

enum vault_err
backup_reader_key(struct backup_reader *reader, const struct secret *file_key)
{
	if (reader->state != BACKUP_IN_CHUNKS || reader->counts.chunks > 0 ||
	    reader->stream.state.p != NULL || file_key->len != STREAM_KEY_BYTES)
		return VAULT_INTERNAL;
	return stream_open_start(&reader->stream, file_key, reader->header.stream);
}

/* Takes n bytes that were read from the front. */
static void
consume(struct backup_reader *reader, size_t n)
{
	sha256_add(&reader->hash, buf_data(&reader->in), n);
	reader->counts.bytes += n;
	buf_take(&reader->in, n);
}

static enum vault_err
read_header(struct backup_reader *reader, enum backup_event *event)
{
	size_t size;

	*event = BACKUP_MORE;
	if (buf_len(&reader->in) == 0)
		return VAULT_OK;
	TRY(backup_header_read((struct vault_bytes){ buf_data(&reader->in), buf_len(&reader->in) },
			       &reader->header, &size));
	*event = size == 0 ? BACKUP_MORE : BACKUP_GOT_HEADER;
	if (size == 0)
		return VAULT_OK;
	consume(reader, size);
	reader->state = BACKUP_IN_CHUNKS;
	return VAULT_OK;
}

static bool
counts_agree(const struct backup_reader *reader)
{
	const struct backup_manifest *m = &reader->manifest, *c = &reader->counts;

	if (memcmp(m->id, reader->header.id, sizeof m->id) != 0 || m->chunks != c->chunks ||
	    m->bytes != c->bytes || m->plain != c->plain)
		return false;
	return reader->stream.state.p == NULL ||
	       (reader->last && buf_len(&reader->plain) == 0 && m->items == c->items &&
		m->rows == c->rows && m->links == c->links && m->meta == c->meta);
}

static enum vault_err
read_manifest(struct backup_reader *reader, enum backup_event *event)
{
	uint8_t hash[SHA256_BYTES];

	*event = BACKUP_MORE;
	if (buf_len(&reader->in) < BACKUP_MANIFEST_BYTES)
		return VAULT_OK;
	TRY(backup_manifest_read(buf_data(&reader->in), reader->header.identity,
				 &reader->manifest));
	sha256_end(&reader->hash, hash);
	if (reader->counts.chunks == 0 || !counts_agree(reader) ||
	    memcmp(hash, reader->manifest.hash, sizeof hash) != 0)
		return VAULT_INTEGRITY;
	buf_take(&reader->in, BACKUP_MANIFEST_BYTES);
	reader->state = BACKUP_BEHIND;
	*event = BACKUP_GOT_MANIFEST;
	return VAULT_OK;
}

static enum vault_err
open_chunk(struct backup_reader *reader, struct vault_bytes sealed)
{
	bool first = reader->counts.chunks == 0;
	struct vault_bytes ad = { reader->header.hash, first ? SHA256_BYTES : 0 };
	size_t len = sealed.len - STREAM_OVERHEAD;

	if (reader->last)
		return VAULT_INTEGRITY;
	/* One more, so that there is memory to point to also where the chunk is empty. */
	TRY(buf_reserve(&reader->plain, len + 1));
	TRY(stream_open(&reader->stream, ad, sealed, reader->plain.p + reader->plain.tail,
			&reader->last));
	reader->plain.tail += len;
	return VAULT_OK;
}

/* The next frame: a chunk, or the manifest where its length is 0. */
static enum vault_err
read_chunk(struct backup_reader *reader, enum backup_event *event)
{
	size_t have = buf_len(&reader->in), len;
	const uint8_t *p;

	*event = BACKUP_MORE;
	if (have < BACKUP_LENGTH_BYTES)
		return VAULT_OK;
	p = buf_data(&reader->in);
	len = (size_t)get_le(p, BACKUP_LENGTH_BYTES);
	if (len == 0)
		return read_manifest(reader, event);
	if (len < STREAM_OVERHEAD || len > BACKUP_CHUNK_MAX)
		return VAULT_INTEGRITY;
	if (have - BACKUP_LENGTH_BYTES < len)
		return VAULT_OK;
	if (reader->stream.state.p != NULL)
		TRY(open_chunk(reader, (struct vault_bytes){ p + BACKUP_LENGTH_BYTES, len }));
	reader->counts.chunks++;
	reader->counts.plain += len - STREAM_OVERHEAD;
	consume(reader, BACKUP_LENGTH_BYTES + len);
	*event = BACKUP_GOT_CHUNK;
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

/* Whether a whole item stands in plain. */
static enum vault_err
read_item(struct backup_reader *reader, bool *got)
{
	size_t have = buf_len(&reader->plain), len;
	const uint8_t *p;

	*got = false;
	if (have < BACKUP_ITEM_HEAD)
		return VAULT_OK;
	p = buf_data(&reader->plain);
	len = (size_t)get_le32(p + 2);
	if (len > BACKUP_ITEM_MAX)
		return VAULT_INTEGRITY;
	if (have - BACKUP_ITEM_HEAD < len)
		return VAULT_OK;
	reader->item = (struct backup_item){ (unsigned)get_le16(p), { p + BACKUP_ITEM_HEAD, len } };
	reader->given = BACKUP_ITEM_HEAD + len;
	count(&reader->counts, reader->item.type);
	*got = true;
	return VAULT_OK;
}

static enum vault_err
chunks_next(struct backup_reader *reader, enum backup_event *event)
{
	bool got = false;

	do {
		TRY(read_item(reader, &got));
		if (got) {
			*event = BACKUP_GOT_ITEM;
			return VAULT_OK;
		}
		TRY(read_chunk(reader, event));
	} while (*event == BACKUP_GOT_CHUNK && reader->stream.state.p != NULL);
	return VAULT_OK;
}

enum vault_err
backup_reader_next(struct backup_reader *reader, enum backup_event *event)
{
	enum vault_err err;

	TRY(reader->failed);
	buf_take(&reader->plain, reader->given);
	reader->given = 0;
	*event = BACKUP_MORE;
	if (reader->state == BACKUP_IN_HEADER)
		err = read_header(reader, event);
	else if (reader->state == BACKUP_IN_CHUNKS)
		err = chunks_next(reader, event);
	else
		err = buf_len(&reader->in) == 0 ? VAULT_OK : VAULT_INTEGRITY;
	reader->failed = err;
	return err;
}

enum vault_err
backup_reader_finish(struct backup_reader *reader)
{
	TRY(reader->failed);
	if (reader->state != BACKUP_BEHIND || buf_len(&reader->in) != 0)
		reader->failed = VAULT_INTEGRITY;
	return reader->failed;
}
