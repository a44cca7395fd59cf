#include <string.h>

#include "protocol/text.h"
#include "vaultd/base/base64.h"
#include "vaultd/core/tenant.h"
#include "vaultd/ops/audit_item.h"
#include "vaultd/ops/ops.h"

#define NS INT64_C(1000000000)
#define QUERY_RECORDS_MAX                                                                          \
	2000000 /* looked at by one page; it then ends early, with a cursor to go on from */
#define QUERY_BYTES_MAX                                                                            \
	(512 * 1024) /* memory of a page's items, so that its reply stays below a frame */
#define CURSOR_DIGITS 24
/* A query: what is asked, resolved once. */
struct query {
	struct op *op;
	const struct audit_query_req *req;
	uint32_t tenant; /* number; 0: any */
	uint32_t uid;
	bool by_uid;
	bool methods[OP_COUNT];	    /* that match */
	bool own[AUDIT_OWN_EVENTS]; /* likewise, of the audit's own events */
	uint32_t last_number;	    /* of the tenant looked up last, and what was found */
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

/* A request that was refused before its tenant was looked up holds the name as it was sent. */
static bool
tenant_matches(const struct query *q, const struct audit_record *rec)
{
	if (q->tenant == 0)
		return true;
	return rec->tenant == q->tenant ||
	       (rec->tenant == 0 && text_equal(rec->tenant_name, q->req->tenant));
}

/* Calls, and what somebody had done besides. */
static bool
method_matches(const struct query *q, const struct audit_record *rec)
{
	const struct op_row *row = op_by_number(rec->method);
	size_t own = audit_own_event(rec);

	if (own < AUDIT_OWN_EVENTS)
		return q->own[own];
	return rec->event == AUDIT_EVENT_CALL && row != NULL && q->methods[row->id];
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
	if (req->jti.p != NULL && !text_equal(req->jti, audit_jti_of(rec, jti)))
		return false;
	return name_matches(q, rec);
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
			TRY(audit_item_show(q->op, &rec, seq, &items[res->items.n++]));
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
	for (size_t i = 0; i < AUDIT_OWN_EVENTS; i++)
		q.own[i] = req->method.p == NULL ||
			   text_matches(req->method, text_of(audit_own_name(i)));
	return run_query(&q, res);
}

enum vault_err
op_audit_verify(struct op *op, const struct audit_verify_req *req, struct audit_verify_res *res)
{
	struct audit_check check = {
		.since_seq = (uint64_t)req->since_seq.v,
		.first_public_key = op->vault->audit_key,
		.cancel = &op->vault->cancel,
		.work = &op->vault->work[WORK_SLOW],
	};
	struct audit_break *broken;
	struct audit_verdict verdict;

	work_begin(check.work, OP_audit_verify, "records", op->now.wall);
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

_Static_assert(AUDIT_NOTE_MAX <= AUDIT_NOTE_BYTES, "a note is kept whole");

/* On disk before it is answered, though no row is written. */
enum vault_err
op_audit_note(struct op *op, const struct audit_note_req *req, struct audit_note_res *res)
{
	(void)res;
	op->note.note_kind = req->kind;
	op->note.note = req->text;
	op->change->count++;
	return VAULT_OK;
}
