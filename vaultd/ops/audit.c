#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "protocol/text.h"
#include "vaultd/base/base64.h"
#include "vaultd/core/apikey.h"
#include "vaultd/core/tenant_erase.h"
#include "vaultd/ops/ops.h"

#define NS INT64_C(1000000000)
#define QUERY_RECORDS_MAX                                                                          \
	2000000 /* looked at by one page; it then ends early, with a cursor to go on from */
#define QUERY_BYTES_MAX                                                                            \
	(512 * 1024) /* memory of a page's items, so that its reply stays below a frame */
#define CURSOR_DIGITS 24
#define SHOWN_TEXT_MAX 256 /* bytes of what an event of the audit's own is told as */

/* What the audit tells of besides calls, and what stands where a method does. */
static const struct own_event {
	uint8_t event;
	const char *name;
} own_events[] = {
	{ AUDIT_EVENT_RECOVER_OWNER, "recover-owner" },
	{ AUDIT_EVENT_ROLLBACK, "accept-rollback" },
	{ AUDIT_EVENT_RESTORE, "restore" },
};
#define OWN_EVENTS (sizeof own_events / sizeof own_events[0])

/* A query: what is asked, resolved once. */
struct query {
	struct op *op;
	const struct audit_query_req *req;
	uint32_t tenant; /* number; 0: any */
	uint32_t uid;
	bool by_uid;
	bool methods[OP_COUNT]; /* that match */
	bool own[OWN_EVENTS];	/* likewise, of own_events */
	uint32_t last_number;	/* of the tenant looked up last, and what was found */
	const struct tenant *last_tenant;
};

static enum vault_err
parse_principal(struct op *op, struct vault_text principal, uint32_t *uid)
{
	uint64_t v = 0;
	bool ok = principal.len > 4 && principal.len < 15 && memcmp(principal.p, "uid:", 4) == 0;

	for (size_t i = 4; ok && i < principal.len; i++) {
		ok = principal.p[i] >= '0' && principal.p[i] <= '9';
		v = v * 10 + (uint64_t)(principal.p[i] - '0');
	}
	if (!ok || v > UINT32_MAX)
		return op_fail(op, VAULT_INVALID_PARAMS, "principal",
			       "in this build a principal is uid:N");
	*uid = (uint32_t)v;
	return VAULT_OK;
}

static enum vault_err
parse_cursor(struct op *op, struct vault_text text, uint64_t *seq)
{
	uint8_t bytes[BASE64_DECODED_MAX(CURSOR_MAX)];
	size_t len;

	*seq = 0;
	if (text.p == NULL)
		return VAULT_OK;
	if (!base64url_decode(text.p, text.len, bytes, &len) || len != sizeof *seq)
		return op_fail(op, VAULT_INVALID_PARAMS, "cursor", "not a cursor of this list");
	memcpy(seq, bytes, sizeof *seq);
	return VAULT_OK;
}

static enum vault_err
write_cursor(struct op *op, uint64_t seq, struct vault_text *cursor)
{
	char text[CURSOR_DIGITS];

	return op_keep_text(op,
			    (struct vault_text){ text, base64url_encode((const uint8_t *)&seq,
									sizeof seq, text) },
			    cursor);
}

static bool
given_and_differs(struct vault_text wanted, struct vault_text there)
{
	return wanted.p != NULL && !text_equal(wanted, there);
}

/*
 * The tenant of a record, as far as it is still known; records of one tenant mostly follow each
 * other.
 */
static const struct tenant *
tenant_of(struct query *q, uint32_t number)
{
	struct vault_text name;

	if (number == q->last_number)
		return q->last_tenant;
	q->last_number = number;
	q->last_tenant = NULL;
	if (tenant_name_by_number(q->op, number, &name) != VAULT_OK ||
	    tenant_get(q->op, name, &q->last_tenant) != VAULT_OK)
		q->last_tenant = NULL;
	return q->last_tenant;
}

/*
 * The tags that the name has among the tenant's kinds are told by its keyed hash, so no record is
 * opened for it.
 */
static bool
name_matches(struct query *q, const struct audit_record *rec)
{
	const struct tenant *tenant;
	struct vault_text name = q->req->name;
	struct row_key place;

	if (name.p == NULL)
		return true;
	if (rec->name.p != NULL)
		return text_equal(rec->name, name);
	if (rec->kind == 0 || rec->tenant == 0)
		return false;
	tenant = tenant_of(q, rec->tenant);
	if (tenant == NULL)
		return false;
	place = row_key_of(&tenant->keys, (enum row_kind)rec->kind, text_bytes(name));
	return memcmp(place.tag, rec->name_tag, sizeof place.tag) == 0;
}

static struct vault_text
jti_of(const struct audit_record *rec, char text[static BASE64_LENGTH(AUDIT_JTI_BYTES)])
{
	if (rec->jti.p == NULL)
		return rec->jti_text;
	return (struct vault_text){ text, base64url_encode(rec->jti.p, rec->jti.len, text) };
}

/* A request that was refused before its tenant was looked up holds the name as it was sent. */
static bool
tenant_matches(const struct query *q, const struct audit_record *rec)
{
	if (q->tenant == 0)
		return true;
	return rec->tenant == q->tenant ||
	       (rec->tenant == 0 && text_equal(rec->tenant_name, q->req->tenant));
}

/* Its place in own_events, OWN_EVENTS where it is not there. */
static size_t
own_event(const struct audit_record *rec)
{
	size_t i = 0;

	while (i < OWN_EVENTS && own_events[i].event != rec->event)
		i++;
	return i;
}

/* Calls, and what somebody had done besides. */
static bool
method_matches(const struct query *q, const struct audit_record *rec)
{
	const struct op_row *row = op_by_number(rec->method);
	size_t own = own_event(rec);

	if (own < OWN_EVENTS)
		return q->own[own];
	return rec->event == AUDIT_EVENT_CALL && row != NULL && q->methods[row->id];
}

static struct vault_text
method_of(const struct audit_record *rec)
{
	size_t own = own_event(rec);

	return text_of(own < OWN_EVENTS ? own_events[own].name : op_by_number(rec->method)->method);
}

static bool
matches(struct query *q, const struct audit_record *rec)
{
	char jti[BASE64_LENGTH(AUDIT_JTI_BYTES)];
	const struct audit_query_req *req = q->req;

	if (!method_matches(q, rec))
		return false;
	if (!tenant_matches(q, rec) || (q->by_uid && rec->uid != q->uid))
		return false;
	if (req->outcome.set && rec->outcome != req->outcome.v)
		return false;
	if (given_and_differs(req->actor, rec->actor) ||
	    given_and_differs(req->source, rec->source) || given_and_differs(req->id, rec->id))
		return false;
	if (req->jti.p != NULL && !text_equal(req->jti, jti_of(rec, jti)))
		return false;
	return name_matches(q, rec);
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

static enum vault_err
show(struct op *op, const struct audit_record *rec, uint64_t seq, struct audit_item *item)
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
	TRY(op_keep_text(op, jti_of(rec, jti), &item->jti));
	TRY(keep_reason(op, rec, item));
	TRY(keep_rollback(op, rec, item));
	return resolve_names(op, rec, item);
}

/* A damaged segment ends a page with what was read; audit.verify tells of it. */
static enum vault_err
fill_page(struct query *q, struct audit_scan *scan, struct audit_item *items,
	  struct audit_query_res *res)
{
	struct audit_record rec;
	enum vault_err err = VAULT_OK;
	uint64_t seq = 0;

	for (unsigned looked = 0; looked < QUERY_RECORDS_MAX; looked++) {
		if (res->items.n == (size_t)q->req->limit.v ||
		    q->op->scratch->extra > QUERY_BYTES_MAX || atomic_load(&q->op->vault->cancel) ||
		    atomic_load(&q->op->session->gone))
			break;
		err = audit_scan_next(scan, &rec, &seq);
		if (err == VAULT_INTEGRITY)
			continue;
		if (err != VAULT_OK)
			break;
		if (matches(q, &rec))
			TRY(show(q->op, &rec, seq, &items[res->items.n++]));
	}
	if (err == VAULT_NOT_FOUND)
		return VAULT_OK;
	TRY(err);
	return seq == 0 ? VAULT_OK : write_cursor(q->op, seq, &res->cursor);
}

static enum vault_err
run_query(struct query *q, struct audit_query_res *res)
{
	struct audit_item *items =
		scratch_alloc(q->op->scratch, (size_t)q->req->limit.v * sizeof *items);
	struct audit_range range = {
		.order = q->req->order.v == audit_order_oldest ? AUDIT_OLDEST : AUDIT_NEWEST,
		.since_ns = q->req->since.v * NS,
		.until_ns = q->req->until.v * NS,
	};
	struct audit_scan *scan;
	enum vault_err err;

	if (items == NULL)
		return VAULT_BUSY;
	res->items.v = items;
	if (q->req->until.set && q->req->until.v == 0)
		return VAULT_OK;
	TRY(parse_cursor(q->op, q->req->cursor, &range.cursor));
	TRY(audit_scan_open(q->op->vault->audit, &range, &scan));
	err = fill_page(q, scan, items, res);
	audit_scan_close(scan);
	return err;
}

enum vault_err
op_audit_query(struct op *op, const struct audit_query_req *req, struct audit_query_res *res)
{
	struct query q = { .op = op, .req = req };

	if (req->principal.p != NULL) {
		q.by_uid = true;
		TRY(parse_principal(op, req->principal, &q.uid));
	}
	if (op->tenant != NULL)
		q.tenant = op->tenant->keys.tenant;
	for (int i = 0; i < OP_COUNT; i++)
		q.methods[i] = req->method.p == NULL ||
			       text_matches(req->method, text_of(op_rows[i].method));
	for (size_t i = 0; i < OWN_EVENTS; i++)
		q.own[i] = req->method.p == NULL ||
			   text_matches(req->method, text_of(own_events[i].name));
	return run_query(&q, res);
}

enum vault_err
op_audit_verify(struct op *op, const struct audit_verify_req *req, struct audit_verify_res *res)
{
	struct audit_check check = {
		.since_seq = (uint64_t)req->since_seq.v,
		.first_public_key = op->vault->audit_key,
		.cancel = &op->vault->cancel,
	};
	struct audit_break *broken;
	struct audit_verdict verdict;

	TRY(audit_verify(op->vault->audit, &check, &verdict));
	res->ok = verdict.ok;
	res->first = (int64_t)verdict.first;
	res->last = (int64_t)verdict.last;
	res->blocks = (int64_t)verdict.blocks;
	if (verdict.ok)
		return VAULT_OK;
	broken = scratch_alloc(op->scratch, sizeof *broken);
	if (broken == NULL)
		return VAULT_BUSY;
	*broken = (struct audit_break){ (int64_t)verdict.broken_seq, text_of(verdict.why) };
	res->broken = broken;
	return VAULT_OK;
}
