#include "vaultd/backup/backup_format.h"

#include <stdio.h>

#include "vaultd/base/bytes.h"

#define HEADER_MAGIC "VAUDBAK1"
#define MANIFEST_MAGIC "VAUDMAN1"
#define MAGIC_BYTES 8
#define HEADER_LENGTH_AT 16			/* where the header says how long it is */
#define SIGNED_LABEL "vaultd backup manifest 1" /* with its zero byte, before what is signed */
#define MANIFEST_SIGNED (BACKUP_MANIFEST_BYTES - ED25519_SIGNATURE_BYTES)
#define FLAGS_KNOWN BACKUP_SPLIT

static uint8_t *
put_opener(uint8_t *p, const struct backup_opener *opener)
{
	*p++ = opener->by;
	*p++ = opener->name_len;
	p = put_le(p, 0, 6);
	p = put_le64(p, opener->memory);
	p = put_le64(p, opener->passes);
	p = put_bytes(p, opener->name, sizeof opener->name);
	p = put_bytes(p, opener->salt, sizeof opener->salt);
	p = put_bytes(p, opener->public_key, sizeof opener->public_key);
	p = put_bytes(p, opener->private_key, sizeof opener->private_key);
	return put_bytes(p, opener->file_key, sizeof opener->file_key);
}

static size_t
header_size(unsigned openers)
{
	return BACKUP_HEADER_FIXED + (size_t)openers * BACKUP_OPENER_BYTES + BACKUP_HEADER_END;
}

enum vault_err
backup_header_write(struct backup_header *header, struct buf *out)
{
	size_t size = header_size(header->opener_count);
	uint8_t bytes[BACKUP_HEADER_MAX];
	uint8_t *p = bytes;

	if (header->opener_count == 0 || header->opener_count > BACKUP_OPENERS_MAX)
		return VAULT_INVALID_PARAMS;
	p = put_bytes(p, HEADER_MAGIC, MAGIC_BYTES);
	p = put_le16(p, BACKUP_FORMAT);
	p = put_le(p, header->kind, 1);
	p = put_le(p, header->to, 1);
	p = put_le32(p, header->flags);
	p = put_le32(p, size);
	p = put_le32(p, header->opener_count);
	p = put_bytes(p, header->store_id, sizeof header->store_id);
	p = put_bytes(p, header->id, sizeof header->id);
	p = put_le64(p, (uint64_t)header->time);
	p = put_le32(p, header->root_generation);
	p = put_le32(p, 0);
	p = put_bytes(p, header->identity, sizeof header->identity);
	for (unsigned i = 0; i < header->opener_count; i++)
		p = put_opener(p, &header->openers[i]);
	p = put_bytes(p, header->stream, sizeof header->stream);
	sha256_once((struct vault_bytes){ bytes, (size_t)(p - bytes) }, header->hash);
	put_bytes(p, header->hash, sizeof header->hash);
	return buf_append(out, bytes, size);
}

static enum vault_err
get_opener(const uint8_t *p, struct backup_opener *opener)
{
	opener->by = p[0];
	opener->name_len = p[1];
	opener->memory = get_le64(p + 8);
	opener->passes = get_le64(p + 16);
	p = get_bytes(p + 24, opener->name, sizeof opener->name);
	p = get_bytes(p, opener->salt, sizeof opener->salt);
	p = get_bytes(p, opener->public_key, sizeof opener->public_key);
	p = get_bytes(p, opener->private_key, sizeof opener->private_key);
	get_bytes(p, opener->file_key, sizeof opener->file_key);
	return opener->by >= BACKUP_BY_PASSPHRASE && opener->by <= BACKUP_BY_IDENTITY &&
			       opener->name_len <= BACKUP_NAME_MAX
		       ? VAULT_OK
		       : VAULT_INTEGRITY;
}

/* What must hold before anything of it is believed; VAULT_OK with *size 0: too few bytes to tell. */
static enum vault_err
header_begin(struct vault_bytes bytes, unsigned *openers, size_t *size)
{
	size_t n = bytes.len < MAGIC_BYTES ? bytes.len : MAGIC_BYTES;

	*size = 0;
	if (memcmp(bytes.p, HEADER_MAGIC, n) != 0)
		return VAULT_INTEGRITY;
	if (bytes.len < BACKUP_HEADER_FIXED)
		return VAULT_OK;
	if (get_le16(bytes.p + MAGIC_BYTES) != BACKUP_FORMAT)
		return VAULT_UNSUPPORTED;
	*openers = (unsigned)get_le32(bytes.p + HEADER_LENGTH_AT + 4);
	if (*openers == 0 || *openers > BACKUP_OPENERS_MAX ||
	    get_le32(bytes.p + HEADER_LENGTH_AT) != header_size(*openers))
		return VAULT_INTEGRITY;
	*size = bytes.len < header_size(*openers) ? 0 : header_size(*openers);
	return VAULT_OK;
}

static enum vault_err
header_fixed(const uint8_t *p, struct backup_header *header)
{
	unsigned kind = p[10], to = p[11];

	header->flags = get_le32(p + 12);
	if ((header->flags & ~FLAGS_KNOWN) != 0)
		return VAULT_UNSUPPORTED;
	if (kind < BACKUP_STORE || kind > BACKUP_KEYS || to < BACKUP_TO_SLOTS ||
	    to > BACKUP_TO_RECIPIENT)
		return VAULT_INTEGRITY;
	header->kind = (enum backup_kind)kind;
	header->to = (enum backup_to)to;
	p = get_bytes(p + 24, header->store_id, sizeof header->store_id);
	p = get_bytes(p, header->id, sizeof header->id);
	header->time = (int64_t)get_le64(p);
	header->root_generation = get_le32(p + 8);
	get_bytes(p + 16, header->identity, sizeof header->identity);
	return VAULT_OK;
}

enum vault_err
backup_header_read(struct vault_bytes bytes, struct backup_header *header, size_t *size)
{
	struct backup_header read = { 0 };
	uint8_t hash[SHA256_BYTES];
	const uint8_t *p = bytes.p + BACKUP_HEADER_FIXED;
	size_t whole;

	if (bytes.len == 0) {
		*size = 0;
		return VAULT_OK;
	}
	TRY(header_begin(bytes, &read.opener_count, &whole));
	if (whole == 0) {
		*size = 0;
		return VAULT_OK;
	}
	TRY(header_fixed(bytes.p, &read));
	for (unsigned i = 0; i < read.opener_count; i++)
		TRY(get_opener(p + (size_t)i * BACKUP_OPENER_BYTES, &read.openers[i]));
	p += (size_t)read.opener_count * BACKUP_OPENER_BYTES;
	p = get_bytes(p, read.stream, sizeof read.stream);
	get_bytes(p, read.hash, sizeof read.hash);
	sha256_once((struct vault_bytes){ bytes.p, whole - SHA256_BYTES }, hash);
	if (memcmp(hash, read.hash, sizeof hash) != 0)
		return VAULT_INTEGRITY;
	*header = read;
	*size = whole;
	return VAULT_OK;
}

void
backup_place_write(const struct backup_place *place, uint8_t out[static BACKUP_LINK_BYTES])
{
	uint8_t *p = put_le32(out, place->tenant);

	*p++ = place->kind;
	p = put_bytes(p, place->tag, sizeof place->tag);
	put_le64(p, place->row);
}

struct backup_place
backup_place_read(const uint8_t in[static BACKUP_LINK_BYTES])
{
	struct backup_place place = { .tenant = get_le32(in), .kind = in[4] };

	in = get_bytes(in + 5, place.tag, sizeof place.tag);
	place.row = get_le64(in);
	return place;
}

/* The manifest up to its signature. */
static void
manifest_bytes(const struct backup_manifest *m, uint8_t bytes[static MANIFEST_SIGNED])
{
	const uint64_t counts[] = { m->chunks,	      m->bytes,	       m->plain,    m->items,
				    m->rows,	      m->links,	       m->meta,	    m->revision,
				    m->audit_segment, m->audit_offset, m->audit_seq };
	uint8_t *p = put_le(bytes, 0, BACKUP_LENGTH_BYTES);

	p = put_bytes(p, MANIFEST_MAGIC, MAGIC_BYTES);
	p = put_le16(p, BACKUP_FORMAT);
	p = put_le16(p, 0);
	p = put_bytes(p, m->id, sizeof m->id);
	for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
		p = put_le64(p, counts[i]);
	p = put_bytes(p, m->audit_hash, sizeof m->audit_hash);
	p = put_le64(p, (uint64_t)m->started);
	p = put_le64(p, (uint64_t)m->ended);
	p = put_le32(p, m->next_tenant);
	p = put_le32(p, 0);
	put_bytes(p, m->hash, sizeof m->hash);
}

/* What the signature is over. */
struct signed_bytes {
	uint8_t bytes[sizeof SIGNED_LABEL + MANIFEST_SIGNED];
};

static struct signed_bytes
signed_bytes(const uint8_t bytes[static MANIFEST_SIGNED])
{
	struct signed_bytes s;

	put_bytes(put_bytes(s.bytes, SIGNED_LABEL, sizeof SIGNED_LABEL), bytes, MANIFEST_SIGNED);
	return s;
}

enum vault_err
backup_manifest_write(struct backup_manifest *manifest, const struct ed25519_key *identity,
		      struct buf *out)
{
	uint8_t bytes[BACKUP_MANIFEST_BYTES];
	struct signed_bytes s;

	manifest_bytes(manifest, bytes);
	s = signed_bytes(bytes);
	ed25519_sign(identity, (struct vault_bytes){ s.bytes, sizeof s.bytes },
		     manifest->signature);
	put_bytes(bytes + MANIFEST_SIGNED, manifest->signature, sizeof manifest->signature);
	return buf_append(out, bytes, sizeof bytes);
}

static void
manifest_values(const uint8_t *p, struct backup_manifest *m)
{
	uint64_t *const counts[] = { &m->chunks,       &m->bytes,    &m->plain,
				     &m->items,	       &m->rows,     &m->links,
				     &m->meta,	       &m->revision, &m->audit_segment,
				     &m->audit_offset, &m->audit_seq };

	p = get_bytes(p + BACKUP_LENGTH_BYTES + MAGIC_BYTES + 4, m->id, sizeof m->id);
	for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++, p += 8)
		*counts[i] = get_le64(p);
	p = get_bytes(p, m->audit_hash, sizeof m->audit_hash);
	m->started = (int64_t)get_le64(p);
	m->ended = (int64_t)get_le64(p + 8);
	m->next_tenant = get_le32(p + 16);
	p = get_bytes(p + 24, m->hash, sizeof m->hash);
	get_bytes(p, m->signature, sizeof m->signature);
}

enum vault_err
backup_manifest_read(const uint8_t bytes[static BACKUP_MANIFEST_BYTES],
		     const uint8_t identity[static ED25519_PUBLIC_BYTES],
		     struct backup_manifest *manifest)
{
	const uint8_t *signature = bytes + MANIFEST_SIGNED;
	struct signed_bytes s = signed_bytes(bytes);

	if (memcmp(bytes + BACKUP_LENGTH_BYTES, MANIFEST_MAGIC, MAGIC_BYTES) != 0)
		return VAULT_INTEGRITY;
	if (get_le16(bytes + BACKUP_LENGTH_BYTES + MAGIC_BYTES) != BACKUP_FORMAT)
		return VAULT_UNSUPPORTED;
	if (!ed25519_verify(identity, (struct vault_bytes){ s.bytes, sizeof s.bytes },
			    (struct vault_bytes){ signature, ED25519_SIGNATURE_BYTES }))
		return VAULT_INTEGRITY;
	manifest_values(bytes, manifest);
	return VAULT_OK;
}

void
backup_id_text(const uint8_t id[static BACKUP_ID_BYTES], char text[static BACKUP_ID_TEXT])
{
	for (size_t i = 0; i < BACKUP_ID_BYTES; i++)
		snprintf(text + 2 * i, 3, "%02x", id[i]);
}
