#include "vaultd/core/audit_record.h"

#include "vaultd/base/bytes.h"

#define BATCH_KEEP (1 << 20) /* bytes of a batch that are kept for the next turn */

/* Offsets in the fixed part; the two bytes at 50 are zero. */
enum {
	AT_LENGTH = 0,
	AT_EVENT = 2,
	AT_OUTCOME = 3,
	AT_TIME = 4,
	AT_UID = 12,
	AT_GID = 16,
	AT_PID = 20,
	AT_METHOD = 24,
	AT_CODE = 26,
	AT_REASON = 27,
	AT_TENANT = 28,
	AT_VERSION = 32,
	AT_TAG = 36,
	AT_KIND = 48,
	AT_ZERO = 49,
};

/* A field is its number (1 byte), its length (2 bytes) and its bytes. */
#define FIELD_HEAD 3
enum field {
	FIELD_JTI = 1,
	FIELD_ROW_HASH,
	FIELD_DETAIL,
	FIELD_TENANT,
	FIELD_NAME,
	FIELD_ACTOR,
	FIELD_SOURCE,
	FIELD_SLOT,
	FIELD_JTI_TEXT,
	FIELD_LOGIN,
	FIELD_UNIT,
	FIELD_ID,
	FIELD_NOTE_KIND,
	FIELD_NOTE,
	FIELD_AGAIN,
	FIELD_COUNT
};

static const struct text_field {
	enum field field;
	size_t at;
} text_fields[] = {
	{ FIELD_TENANT, offsetof(struct audit_record, tenant_name) },
	{ FIELD_NAME, offsetof(struct audit_record, name) },
	{ FIELD_ACTOR, offsetof(struct audit_record, actor) },
	{ FIELD_SOURCE, offsetof(struct audit_record, source) },
	{ FIELD_SLOT, offsetof(struct audit_record, slot) },
	{ FIELD_JTI_TEXT, offsetof(struct audit_record, jti_text) },
	{ FIELD_LOGIN, offsetof(struct audit_record, login) },
	{ FIELD_UNIT, offsetof(struct audit_record, unit) },
	{ FIELD_ID, offsetof(struct audit_record, id) },
	{ FIELD_NOTE_KIND, offsetof(struct audit_record, note_kind) },
	{ FIELD_NOTE, offsetof(struct audit_record, note) },
};
#define TEXT_FIELDS (sizeof(text_fields) / sizeof(text_fields[0]))

static const struct vault_text *
record_text(const struct audit_record *rec, size_t i)
{
	return (const struct vault_text *)((const uint8_t *)rec + text_fields[i].at);
}

static size_t
text_max(enum field field)
{
	return field == FIELD_NOTE ? AUDIT_NOTE_BYTES : AUDIT_TEXT_MAX;
}

static size_t
text_cut(struct vault_text text, size_t max)
{
	size_t len = text.len;

	if (len <= max)
		return len;
	len = max;
	while (len > 0 && ((uint8_t)text.p[len] & 0xc0) == 0x80)
		len--;
	return len;
}

static uint8_t *
field_write(uint8_t *p, enum field field, const void *bytes, size_t len)
{
	p[0] = (uint8_t)field;
	put_le16(p + 1, (uint16_t)len);
	if (len > 0)
		memcpy(p + FIELD_HEAD, bytes, len);
	return p + FIELD_HEAD + len;
}

static void
fixed_write(uint8_t *p, const struct audit_record *rec)
{
	p[AT_EVENT] = rec->event;
	p[AT_OUTCOME] = rec->outcome;
	put_le64(p + AT_TIME, (uint64_t)rec->time_ns);
	put_le32(p + AT_UID, rec->uid);
	put_le32(p + AT_GID, rec->gid);
	put_le32(p + AT_PID, rec->pid);
	put_le16(p + AT_METHOD, rec->method);
	p[AT_CODE] = rec->code;
	p[AT_REASON] = rec->reason;
	put_le32(p + AT_TENANT, rec->tenant);
	put_le32(p + AT_VERSION, rec->version);
	memcpy(p + AT_TAG, rec->name_tag, AUDIT_TAG_BYTES);
	p[AT_KIND] = rec->kind;
	memset(p + AT_ZERO, 0, AUDIT_RECORD_FIXED - AT_ZERO);
}

enum vault_err
audit_record_write(struct buf *out, const struct audit_record *rec)
{
	uint8_t *start, *p;

	if ((rec->jti.p != NULL && rec->jti.len != AUDIT_JTI_BYTES) ||
	    rec->detail.len > AUDIT_DETAIL_MAX || rec->again.len > AUDIT_AGAIN_MAX ||
	    (rec->row_hash.p != NULL && rec->row_hash.len != AUDIT_HASH_BYTES))
		return VAULT_INTERNAL;
	TRY(buf_reserve(out, AUDIT_RECORD_MAX));
	start = out->p + out->tail;
	fixed_write(start, rec);
	p = start + AUDIT_RECORD_FIXED;
	if (rec->jti.p != NULL)
		p = field_write(p, FIELD_JTI, rec->jti.p, rec->jti.len);
	if (rec->row_hash.p != NULL)
		p = field_write(p, FIELD_ROW_HASH, rec->row_hash.p, rec->row_hash.len);
	if (rec->detail.p != NULL)
		p = field_write(p, FIELD_DETAIL, rec->detail.p, rec->detail.len);
	if (rec->again.p != NULL)
		p = field_write(p, FIELD_AGAIN, rec->again.p, rec->again.len);
	for (size_t i = 0; i < TEXT_FIELDS; i++) {
		const struct vault_text *text = record_text(rec, i);

		if (text->p != NULL)
			p = field_write(p, text_fields[i].field, text->p,
					text_cut(*text, text_max(text_fields[i].field)));
	}
	put_le16(start + AT_LENGTH, (uint16_t)(p - start));
	out->tail += (size_t)(p - start);
	return VAULT_OK;
}

static void
fixed_read(const uint8_t *p, struct audit_record *rec)
{
	*rec = (struct audit_record){
		.event = p[AT_EVENT],
		.outcome = p[AT_OUTCOME],
		.time_ns = (int64_t)get_le64(p + AT_TIME),
		.uid = get_le32(p + AT_UID),
		.gid = get_le32(p + AT_GID),
		.pid = get_le32(p + AT_PID),
		.method = get_le16(p + AT_METHOD),
		.code = p[AT_CODE],
		.reason = p[AT_REASON],
		.tenant = get_le32(p + AT_TENANT),
		.version = get_le32(p + AT_VERSION),
		.kind = p[AT_KIND],
	};
	memcpy(rec->name_tag, p + AT_TAG, AUDIT_TAG_BYTES);
}

static bool
bytes_read(struct vault_bytes *to, const uint8_t *p, size_t len, size_t want)
{
	if (len != want || to->p != NULL)
		return false;
	*to = (struct vault_bytes){ p, len };
	return true;
}

static bool
text_read(struct audit_record *rec, uint8_t field, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < TEXT_FIELDS; i++) {
		struct vault_text *text = (struct vault_text *)((uint8_t *)rec + text_fields[i].at);

		if (text_fields[i].field != field)
			continue;
		if (len > text_max(text_fields[i].field) || text->p != NULL)
			return false;
		*text = (struct vault_text){ (const char *)p, len };
	}
	return true;
}

static bool
field_read(struct audit_record *rec, uint8_t field, const uint8_t *p, size_t len)
{
	switch (field) {
	case FIELD_JTI:
		return bytes_read(&rec->jti, p, len, AUDIT_JTI_BYTES);
	case FIELD_ROW_HASH:
		return bytes_read(&rec->row_hash, p, len, AUDIT_HASH_BYTES);
	case FIELD_DETAIL:
		return len <= AUDIT_DETAIL_MAX && bytes_read(&rec->detail, p, len, len);
	case FIELD_AGAIN:
		return len <= AUDIT_AGAIN_MAX && bytes_read(&rec->again, p, len, len);
	default:
		return text_read(rec, field, p, len);
	}
}

size_t
audit_record_length(struct vault_bytes bytes)
{
	size_t len;

	if (bytes.len < AUDIT_RECORD_FIXED)
		return 0;
	len = get_le16(bytes.p + AT_LENGTH);
	return len < AUDIT_RECORD_FIXED || len > bytes.len ? 0 : len;
}

enum vault_err
audit_record_read(struct vault_bytes bytes, struct audit_record *rec, size_t *used)
{
	struct audit_record read;
	size_t len = audit_record_length(bytes);
	const uint8_t *p, *end;

	if (len == 0)
		return VAULT_INTEGRITY;
	fixed_read(bytes.p, &read);
	p = bytes.p + AUDIT_RECORD_FIXED;
	end = bytes.p + len;
	while (p < end) {
		size_t left = (size_t)(end - p);

		if (left < FIELD_HEAD || get_le16(p + 1) > left - FIELD_HEAD ||
		    !field_read(&read, p[0], p + FIELD_HEAD, get_le16(p + 1)))
			return VAULT_INTEGRITY;
		p += FIELD_HEAD + get_le16(p + 1);
	}
	*rec = read;
	*used = len;
	return VAULT_OK;
}

void
audit_recovered_write(const struct audit_recovered *undone,
		      uint8_t detail[static AUDIT_RECOVERED_BYTES])
{
	put_le64(detail, undone->void_first);
	put_le64(detail + 8, undone->void_last);
	put_le64(detail + 16, undone->discarded);
	put_le64(detail + 24, undone->segment);
}

void
audit_restored_write(const struct audit_restored *restored,
		     uint8_t detail[static AUDIT_RESTORED_BYTES])
{
	memcpy(detail, restored->backup_id, sizeof restored->backup_id);
	put_le64(detail + 16, restored->segment);
	put_le64(detail + 24, restored->offset);
	put_le64(detail + 32, restored->seq);
	memcpy(detail + 40, restored->hash, sizeof restored->hash);
	detail[72] = restored->joined;
	put_le64(detail + 73, restored->replayed);
	put_le64(detail + 81, restored->refused);
	put_le64(detail + 89, restored->dropped);
}

void
audit_lost_write(const struct audit_lost *lost, uint8_t detail[static AUDIT_LOST_BYTES])
{
	put_le64(detail, lost->segment);
	put_le64(detail + 8, lost->offset);
}

enum vault_err
audit_record_recovered(const struct audit_record *rec, struct audit_recovered *out)
{
	const uint8_t *p = rec->detail.p;

	if (rec->event != AUDIT_EVENT_RECOVERY || rec->detail.len != AUDIT_RECOVERED_BYTES)
		return VAULT_INTEGRITY;
	*out = (struct audit_recovered){ get_le64(p), get_le64(p + 8), get_le64(p + 16),
					 get_le64(p + 24) };
	return VAULT_OK;
}

static void
position_write(const struct audit_position *position, uint8_t *p)
{
	put_le64(p, position->revision);
	put_le64(p + 8, position->segment);
	put_le64(p + 16, position->offset);
	put_le64(p + 24, position->seq);
}

static struct audit_position
position_read(const uint8_t *p)
{
	return (struct audit_position){ get_le64(p), get_le64(p + 8), get_le64(p + 16),
					get_le64(p + 24) };
}

void
audit_rollback_write(const struct audit_rollback *rollback,
		     uint8_t detail[static AUDIT_ROLLBACK_BYTES])
{
	position_write(&rollback->found, detail);
	position_write(&rollback->anchor, detail + 32);
	put_le64(detail + 64, rollback->void_first);
	put_le64(detail + 72, rollback->void_last);
	put_le64(detail + 80, rollback->parted);
}

enum vault_err
audit_record_rollback(const struct audit_record *rec, struct audit_rollback *out)
{
	const uint8_t *p = rec->detail.p;

	if (rec->event != AUDIT_EVENT_ROLLBACK || rec->detail.len != AUDIT_ROLLBACK_BYTES)
		return VAULT_INTEGRITY;
	*out = (struct audit_rollback){ .found = position_read(p),
					.anchor = position_read(p + 32),
					.void_first = get_le64(p + 64),
					.void_last = get_le64(p + 72),
					.parted = get_le64(p + 80) != 0 };
	return VAULT_OK;
}

enum vault_err
audit_record_restored(const struct audit_record *rec, struct audit_restored *out)
{
	const uint8_t *p = rec->detail.p;

	if (rec->event != AUDIT_EVENT_RESTORE || rec->detail.len != AUDIT_RESTORED_BYTES)
		return VAULT_INTEGRITY;
	*out = (struct audit_restored){ .segment = get_le64(p + 16),
					.offset = get_le64(p + 24),
					.seq = get_le64(p + 32),
					.joined = p[72] != 0,
					.replayed = get_le64(p + 73),
					.refused = get_le64(p + 81),
					.dropped = get_le64(p + 89) };
	memcpy(out->backup_id, p, sizeof out->backup_id);
	memcpy(out->hash, p + 40, sizeof out->hash);
	return VAULT_OK;
}

enum vault_err
audit_record_lost(const struct audit_record *rec, struct audit_lost *out)
{
	if (rec->event != AUDIT_EVENT_LOST || rec->detail.len != AUDIT_LOST_BYTES)
		return VAULT_INTEGRITY;
	*out = (struct audit_lost){ get_le64(rec->detail.p), get_le64(rec->detail.p + 8) };
	return VAULT_OK;
}

enum vault_err
audit_batch_add(struct audit_batch *batch, const struct audit_record *rec)
{
	TRY(audit_record_write(&batch->records, rec));
	if (batch->count == 0 || rec->time_ns < batch->first_ns)
		batch->first_ns = rec->time_ns;
	if (batch->count == 0 || rec->time_ns > batch->last_ns)
		batch->last_ns = rec->time_ns;
	batch->count++;
	return VAULT_OK;
}

enum vault_err
audit_batch_merge(struct audit_batch *batch, const struct audit_batch *other)
{
	if (other->count == 0)
		return VAULT_OK;
	TRY(buf_append(&batch->records, buf_data(&other->records), buf_len(&other->records)));
	if (batch->count == 0 || other->first_ns < batch->first_ns)
		batch->first_ns = other->first_ns;
	if (batch->count == 0 || other->last_ns > batch->last_ns)
		batch->last_ns = other->last_ns;
	batch->count += other->count;
	return VAULT_OK;
}

void
audit_batch_reset(struct audit_batch *batch)
{
	/* Not buf_truncate: the next turn writes over it, and a record is no secret worth a pass
	 * over memory. */
	batch->records.head = batch->records.tail = 0;
	buf_shrink(&batch->records, BATCH_KEEP);
	batch->count = 0;
}

void
audit_batch_free(struct audit_batch *batch)
{
	buf_free(&batch->records);
	*batch = (struct audit_batch){ 0 };
}
