#include "vaultd/dispatch_record.h"

#include <string.h>

#include "protocol/text.h"
#include "vaultd/base/base64.h"
#include "vaultd/base/bytes.h"
#include "vaultd/core/session.h"
#include "vaultd/core/tenant.h"

static bool
type_holds_secrets(const struct object_type *type)
{
	for (unsigned i = 0; i < type->count; i++)
		if ((type->fields[i].flags & F_SECRET) != 0)
			return true;
	return false;
}

static bool
field_is(const struct field *field, const char *name)
{
	return field->kind <= FIELD_NAME && (field->flags & F_AUDIT) != 0 &&
	       strcmp(field->name, name) == 0;
}

struct access
access_of(const struct op_row *row)
{
	const struct object_type *type = row->request();
	struct access access = { .tenant = ACCESS_NONE,
				 .name = ACCESS_NONE,
				 .source = ACCESS_NONE,
				 .slot = ACCESS_NONE,
				 .id = ACCESS_NONE };

	access.secret = type_holds_secrets(type) || type_holds_secrets(row->result());
	for (unsigned i = 0; i < type->count; i++) {
		const struct field *field = &type->fields[i];

		if (field->kind == FIELD_TENANT)
			access.tenant = field->offset;
		else if ((field->flags & F_TARGET) != 0)
			access.name = field->offset;
		else if (field_is(field, "source"))
			access.source = field->offset;
		else if (field_is(field, "slot"))
			access.slot = field->offset;
		else if (field_is(field, "id"))
			access.id = field->offset;
	}
	return access;
}

static struct vault_text
text_at(const void *req, uint16_t offset)
{
	struct vault_text text = { 0 };

	if (offset != ACCESS_NONE)
		memcpy(&text, (const uint8_t *)req + offset, sizeof text);
	return text;
}

struct target
target_of(const struct access *access, const void *req)
{
	return (struct target){
		.tenant = text_at(req, access->tenant),
		.name = text_at(req, access->name),
		.source = text_at(req, access->source),
		.slot = text_at(req, access->slot),
		.id = text_at(req, access->id),
	};
}

static int
outcome_of(const struct op *op, enum vault_err err)
{
	switch (err) {
	case VAULT_OK:
		return op->note.reason != 0 ? audit_outcome_invalid : audit_outcome_ok;
	case VAULT_DENIED:
	case VAULT_MFA_REQUIRED:
	case VAULT_SUSPENDED:
	case VAULT_LIMITED:
	case VAULT_LOCKED:
		return audit_outcome_denied;
	default:
		return audit_outcome_error;
	}
}

/* A token id of our own form is kept as its bytes. */
static void
record_jti(const struct op *op, struct audit_record *rec)
{
	uint8_t *bytes;
	size_t len;

	if (op->note.jti_bytes != NULL)
		rec->jti = (struct vault_bytes){ op->note.jti_bytes, AUDIT_JTI_BYTES };
	if (op->note.jti.p == NULL)
		return;
	bytes = scratch_alloc(op->scratch, AUDIT_JTI_BYTES);
	if (bytes != NULL && op->note.jti.len == BASE64_LENGTH(AUDIT_JTI_BYTES) &&
	    base64url_decode(op->note.jti.p, op->note.jti.len, bytes, &len))
		rec->jti = (struct vault_bytes){ bytes, AUDIT_JTI_BYTES };
	else
		rec->jti_text = op->note.jti;
}

/* A number in 8 bytes, the lowest first. Without memory the restore takes the safe side. */
static void
record_again(const struct op *op, struct audit_record *rec)
{
	size_t n = op->note.again_count;
	uint8_t *bytes;

	if (n == 0 || n > OP_AGAIN_MAX)
		return;
	bytes = scratch_alloc(op->scratch, 8 * n);
	if (bytes == NULL)
		return;
	for (size_t i = 0; i < n; i++)
		put_le64(bytes + 8 * i, (uint64_t)op->note.again[i]);
	rec->again = (struct vault_bytes){ bytes, 8 * n };
}

static void
record_rows(const struct op *op, struct audit_record *rec)
{
	struct sha256 rows;
	uint8_t *hash;

	if (op->change == NULL || op->change->count == 0)
		return;
	hash = scratch_alloc(op->scratch, SHA256_BYTES);
	if (hash == NULL)
		return;
	rows = op->change->rows;
	sha256_end(&rows, hash);
	rec->row_hash = (struct vault_bytes){ hash, SHA256_BYTES };
}

void
record_of(const struct op *op, const struct target *target, enum vault_err err,
	  struct audit_record *rec)
{
	*rec = (struct audit_record){
		.time_ns = op->now.wall_ns,
		.uid = op->who->uid,
		.gid = op->who->gid,
		.pid = (uint32_t)op->who->pid,
		.version = op->note.version,
		.method = op->row->number,
		.event = AUDIT_EVENT_CALL,
		.outcome = (uint8_t)outcome_of(op, err),
		.code = (uint8_t)err,
		.reason = op->note.replayed ? AUDIT_REASON_REPLAYED : op->note.reason,
		.actor = op->common.actor,
		.source = target->source,
		.slot = target->slot,
		.id = op->note.id.p != NULL ? op->note.id : target->id,
		.note_kind = op->note.note_kind,
		.note = op->note.note,
	};
	if (op->session->logged_in)
		rec->login = text_of(op->session->login.principal);
	if (op->tenant != NULL)
		rec->tenant = op->tenant->keys.tenant;
	else if (op->note.tenant != 0 && err == VAULT_OK)
		rec->tenant = op->note.tenant;
	else
		rec->tenant_name = target->tenant;
	/*
	 * A name that was found stands as its tag, so that an erased tenant's names go with its
	 * keys.
	 */
	if (op->note.target.kind != 0) {
		rec->kind = op->note.target.kind;
		memcpy(rec->name_tag, op->note.target.tag, sizeof rec->name_tag);
	} else {
		rec->name = target->name;
	}
	if (op->who->unit[0] != '\0')
		rec->unit = text_of(op->who->unit);
	record_jti(op, rec);
	if (err == VAULT_OK || op->effects.keep)
		record_rows(op, rec);
	if (err == VAULT_OK)
		record_again(op, rec);
}
