#include "vaultd/ops/audit_item.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "protocol/text.h"
#include "vaultd/core/apikey.h"
#include "vaultd/core/tenant_erase.h"

#define NS INT64_C(1000000000)
#define SHOWN_TEXT_MAX 256 /* bytes of what an event of the audit's own is told as */

/* What the audit tells of besides calls, and what stands where a method does. */
static const struct own_event {
	uint8_t event;
	const char *name;
} own_events[AUDIT_OWN_EVENTS] = {
	{ AUDIT_EVENT_RECOVER_OWNER, "recover-owner" },
	{ AUDIT_EVENT_ROLLBACK, "accept-rollback" },
	{ AUDIT_EVENT_RESTORE, "restore" },
};

struct vault_text
audit_jti_of(const struct audit_record *rec, char text[static BASE64_LENGTH(AUDIT_JTI_BYTES)])
{
	if (rec->jti.p == NULL)
		return rec->jti_text;
	return (struct vault_text){ text, base64url_encode(rec->jti.p, rec->jti.len, text) };
}

const char *
audit_own_name(size_t own)
{
	return own_events[own].name;
}

size_t
audit_own_event(const struct audit_record *rec)
{
	size_t i = 0;

	while (i < AUDIT_OWN_EVENTS && own_events[i].event != rec->event)
		i++;
	return i;
}

static struct vault_text
method_of(const struct audit_record *rec)
{
	size_t own = audit_own_event(rec);

	return text_of(own < AUDIT_OWN_EVENTS ? own_events[own].name
					      : op_by_number(rec->method)->method);
}

/* What is known of the records whose names the audit may ask for: all of them say it first. */
static const struct object_type *
named_record(uint8_t kind)
{
	switch (kind) {
	case ROW_KEY:
		return key_record_type();
	case ROW_PROFILE:
		return profile_record_type();
	case ROW_SECRET:
		return secret_record_type();
	default:
		return NULL;
	}
}

/* The name behind a tag: the record's, or what a deleted one left. */
static enum vault_err
name_by_tag(struct op *op, const struct tenant *tenant, const struct audit_record *rec,
	    struct vault_text *name)
{
	struct row_key place = { .tenant = tenant->keys.tenant, .kind = rec->kind };
	const struct object_type *type = named_record(rec->kind);
	struct vault_text *found;
	enum vault_err err;
	ROW_LOCAL(row);

	memcpy(place.tag, rec->name_tag, sizeof place.tag);
	err = sealed_find(op->txn, &tenant->keys, &place, &row);
	if (err == VAULT_NOT_FOUND) {
		type = tombstone_record_type();
		place.kind = ROW_TOMBSTONE;
		err = sealed_find(op->txn, &tenant->keys, &place, &row);
	}
	TRY(err);
	found = scratch_alloc(op->scratch, type->size);
	if (found == NULL)
		return VAULT_BUSY;
	TRY(record_decode(type, row_plain(&row), op->scratch, found));
	return op_keep_text(op, *found, name);
}

/* An API key's row is found by its id, which stands in the record beside the name's tag. */
static enum vault_err
find_name(struct op *op, const struct tenant *tenant, const struct audit_record *rec,
	  struct vault_text *name)
{
	const struct tenant *asked = op->tenant;
	struct vault_text found;
	enum vault_err err;

	if (rec->kind != ROW_APIKEY)
		return name_by_tag(op, tenant, rec, name);
	op->tenant = tenant;
	err = apikey_name_of(op, rec->id, &found);
	op->tenant = asked;
	return err == VAULT_OK ? op_keep_text(op, found, name) : err;
}

static enum vault_err
erased_tenant(struct op *op, const struct audit_record *rec, struct audit_item *item)
{
	enum vault_err err = tenant_erased_name(op, rec->tenant, &item->tenant);

	return err == VAULT_NOT_FOUND ? VAULT_OK : err;
}

/* Names are told as far as they are still known: of an erased tenant only its own. */
static enum vault_err
resolve_names(struct op *op, const struct audit_record *rec, struct audit_item *item)
{
	const struct tenant *tenant;
	enum vault_err err;

	TRY(op_keep_text(op, rec->tenant_name, &item->tenant));
	TRY(op_keep_text(op, rec->name, &item->name));
	if (rec->tenant == 0)
		return VAULT_OK;
	err = tenant_name_by_number(op, rec->tenant, &item->tenant);
	if (err == VAULT_NOT_FOUND)
		return erased_tenant(op, rec, item);
	if (err == VAULT_OK && rec->kind != 0 && rec->name.p == NULL)
		err = tenant_get(op, item->tenant, &tenant);
	if (err == VAULT_OK && rec->name.p == NULL &&
	    (rec->kind == ROW_APIKEY || named_record(rec->kind) != NULL))
		err = find_name(op, tenant, rec, &item->name);
	return err == VAULT_NOT_FOUND ? VAULT_OK : err;
}

static enum vault_err
keep_reason(struct op *op, const struct audit_record *rec, struct audit_item *item)
{
	struct audit_restored restored;

	if (rec->not_applied) {
		item->outcome = audit_outcome_error;
		item->reason = TEXT_LITERAL("not_applied");
	} else if (rec->reason == AUDIT_REASON_REPLAYED) {
		item->reason = TEXT_LITERAL("replayed");
	} else if (rec->reason > 0 && rec->reason < verify_reason_count) {
		item->reason = text_of(verify_reason_enum.names[rec->reason]);
	} else if (rec->event == AUDIT_EVENT_RECOVER_OWNER && rec->row_hash.p == NULL) {
		item->reason = TEXT_LITERAL("unchanged");
	} else if (audit_record_restored(rec, &restored) == VAULT_OK && !restored.joined) {
		item->reason = TEXT_LITERAL("gap");
	}
	if (rec->code != VAULT_OK && rec->code < VAULT_ERR_COUNT)
		item->code = text_of(vault_err_code((enum vault_err)rec->code));
	return op_keep_text(op, rec->source, &item->source);
}

/* What was accepted, in words. */
static enum vault_err
keep_rollback(struct op *op, const struct audit_record *rec, struct audit_item *item)
{
	char text[SHOWN_TEXT_MAX];
	struct audit_rollback back;
	int n;

	if (audit_record_rollback(rec, &back) != VAULT_OK)
		return VAULT_OK;
	n = snprintf(text, sizeof text,
		     "store revision %" PRIu64 ", anchor %" PRIu64 "; audit record %" PRIu64
		     ", anchor %" PRIu64,
		     back.found.revision, back.anchor.revision, back.found.seq, back.anchor.seq);
	if (back.void_first != 0)
		n += snprintf(text + n, sizeof text - (size_t)n,
			      "; changes %" PRIu64 " to %" PRIu64 " are void", back.void_first,
			      back.void_last);
	if (back.parted)
		n += snprintf(text + n, sizeof text - (size_t)n, "; the chain begins anew");
	return op_keep_text(op, (struct vault_text){ text, (size_t)n }, &item->text);
}

enum vault_err
audit_item_show(struct op *op, const struct audit_record *rec, uint64_t seq,
		struct audit_item *item)
{
	char jti[BASE64_LENGTH(AUDIT_JTI_BYTES)];

	*item = (struct audit_item){
		.seq = (int64_t)seq,
		.time = rec->time_ns / NS,
		.uid = rec->uid,
		.gid = rec->gid,
		.pid = rec->pid,
		.method = method_of(rec),
		.outcome = rec->outcome,
	};
	if (rec->version != 0)
		item->version = (struct vault_opt_int){ rec->version, true };
	TRY(op_keep_text(op, rec->unit, &item->unit));
	TRY(op_keep_text(op, rec->login, &item->login));
	TRY(op_keep_text(op, rec->actor, &item->actor));
	TRY(op_keep_text(op, rec->id, &item->id));
	TRY(op_keep_text(op, rec->note, &item->text));
	TRY(op_keep_text(op, rec->note_kind, &item->kind));
	TRY(op_keep_text(op, audit_jti_of(rec, jti), &item->jti));
	TRY(keep_reason(op, rec, item));
	TRY(keep_rollback(op, rec, item));
	return resolve_names(op, rec, item);
}
