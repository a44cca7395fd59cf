/*
 * audit.report: lists that an auditor asks for again and again.
 */
#include <stdio.h>
#include <string.h>

#include "protocol/text.h"
#include "vaultd/core/apikey_list.h"
#include "vaultd/core/tenant.h"
#include "vaultd/ops/ops.h"

#define ITEMS_MAX 1000		    /* of one report */
#define BYTES_MAX (512 * 1024)	    /* memory of its items, so that the reply stays below a frame */
#define UNUSED_SECONDS (90 * 86400) /* an API key that was not used for so long is unused */
#define FAILURES_SECONDS 86400	    /* how far back failures are looked for */
#define FAILURES_RECORDS 2000000    /* looked at, at most */
#define FAILURES_KINDS 256	    /* told apart; further ones are left out */
#define KEYS_AT_A_TIME 64
#define NS INT64_C(1000000000)

struct report {
	struct op *op;
	struct report_item *items;
	size_t n;
};

static bool
full(const struct report *report)
{
	return report->n == ITEMS_MAX || report->op->scratch->extra > BYTES_MAX ||
	       atomic_load(&report->op->vault->cancel);
}

/* Those of op->tenant that are active and were never used, or not for a long time. */
static enum vault_err
unused_of_tenant(struct report *report)
{
	struct op *op = report->op;
	struct apikey_due_walk walk = { .due_before = op->now.wall + APIKEY_ROTATION_SECONDS + 1,
					.max = KEYS_AT_A_TIME };
	struct apikey_due *found = scratch_alloc(op->scratch, KEYS_AT_A_TIME * sizeof *found);
	struct vault_text tenant;
	size_t n;

	if (found == NULL)
		return VAULT_BUSY;
	TRY(op_keep_text(op, tenant_name_of(op->tenant), &tenant));
	while (!walk.ended && !full(report)) {
		TRY(apikey_due_next(op, &walk, found, &n));
		for (size_t i = 0; i < n && !full(report); i++) {
			int64_t used = found[i].last_used_at;

			if (used != 0 && used + UNUSED_SECONDS > op->now.wall)
				continue;
			report->items[report->n++] = (struct report_item){
				.tenant = tenant,
				.name = found[i].name,
				.id = found[i].id,
				.owner = found[i].owner,
				.created_at = { found[i].created_at, true },
				.last_used_at = { used, used != 0 },
			};
		}
	}
	return VAULT_OK;
}

static enum vault_err
unused_keys(struct report *report)
{
	struct op *op = report->op;
	const struct tenant *asked = op->tenant;
	struct store_head head;
	enum vault_err err = VAULT_OK;
	ROW_LOCAL(row);

	if (asked != NULL)
		return unused_of_tenant(report);
	TRY(vault_find_head(op->vault, op->txn, &row, &head));
	for (uint32_t i = 1; i < (uint64_t)head.next_tenant && err == VAULT_OK && !full(report);
	     i++) {
		err = tenant_by_number(op, i, &op->tenant);
		if (err == VAULT_OK)
			err = unused_of_tenant(report);
		else if (err == VAULT_NOT_FOUND)
			err = VAULT_OK;
		op->tenant = NULL;
	}
	return err;
}

static bool
any_is(const struct vault_texts *texts, const char *word)
{
	for (size_t i = 0; i < texts->n; i++)
		if (text_is(texts->v[i], word))
			return true;
	return false;
}

/* Why a grant is wide; NULL where it is not. */
static const char *
why_wide(const struct grant_record *grant)
{
	if (text_is(grant->role, ROLE_OWNER_NAME))
		return "owner";
	if (any_is(&grant->may_grant, "*"))
		return "may grant any role";
	if (any_is(&grant->tenants, "*"))
		return "all tenants";
	return NULL;
}

static bool
covers(const struct grant_record *grant, const struct tenant *tenant)
{
	if (tenant == NULL)
		return true;
	for (size_t i = 0; i < grant->tenants.n; i++)
		if (text_matches(grant->tenants.v[i], tenant_name_of(tenant)))
			return true;
	return false;
}

/* Who holds what is nobody's to know who may not list grants. */
static enum vault_err
broad_grants(struct report *report)
{
	struct op *op = report->op;
	struct vault_text tenant = { 0 };

	if (op->tenant != NULL)
		tenant = tenant_name_of(op->tenant);
	TRY(op_require(op, OP_grant_list, tenant, (struct vault_text){ 0 }));
	for (size_t i = 0; i < op->policy->grant_count && !full(report); i++) {
		const struct grant_record *grant = &op->policy->grants[i].record;
		const char *why = why_wide(grant);
		struct report_item *item = &report->items[report->n];

		if (why == NULL || !covers(grant, op->tenant))
			continue;
		*item = (struct report_item){ .reason = text_of(why),
					      .created_at = { grant->created_at, true } };
		TRY(op_keep_text(op, grant->principal, &item->principal));
		TRY(op_keep_text(op, grant->role, &item->role));
		TRY(op_keep_text(op, grant->id, &item->grant));
		report->n++;
	}
	return VAULT_OK;
}

/* What failures have in common that are counted together. */
struct failure {
	uint32_t uid;
	uint16_t method;
	uint8_t code, reason;
	uint32_t tenant;
	int64_t count, last;
};

static bool
same(const struct failure *a, const struct failure *b)
{
	return a->uid == b->uid && a->method == b->method && a->code == b->code &&
	       a->reason == b->reason && a->tenant == b->tenant;
}

/* Records come newest first, so the first of a kind is its last. */
static void
count_failure(struct failure *failures, size_t *n, const struct failure *one)
{
	size_t i = 0;

	while (i < *n && !same(&failures[i], one))
		i++;
	if (i == *n && *n < FAILURES_KINDS) {
		failures[(*n)++] = *one;
		return;
	}
	if (i < *n)
		failures[i].count++;
}

/* A request that was refused before its tenant was looked up holds the name as it was sent. */
static bool
about(const struct audit_record *rec, const struct tenant *tenant)
{
	return rec->tenant == tenant->keys.tenant ||
	       (rec->tenant == 0 && text_equal(rec->tenant_name, tenant_name_of(tenant)));
}

static enum vault_err
find_failures(struct report *report, struct audit_scan *scan, struct failure *failures, size_t *n)
{
	const struct tenant *tenant = report->op->tenant;
	struct audit_record rec;
	enum vault_err err = VAULT_OK;
	uint64_t seq;

	for (unsigned looked = 0; looked < FAILURES_RECORDS && !full(report); looked++) {
		err = audit_scan_next(scan, &rec, &seq);
		if (err == VAULT_INTEGRITY)
			continue;
		if (err != VAULT_OK)
			break;
		if (rec.event != AUDIT_EVENT_CALL || rec.outcome == audit_outcome_ok ||
		    op_by_number(rec.method) == NULL || (tenant != NULL && !about(&rec, tenant)))
			continue;
		count_failure(failures, n,
			      &(struct failure){ rec.uid, rec.method, rec.code, rec.reason,
						 rec.tenant, 1, rec.time_ns / NS });
	}
	return err == VAULT_NOT_FOUND ? VAULT_OK : err;
}

static enum vault_err
show_failure(struct report *report, const struct failure *failure)
{
	struct report_item *item = &report->items[report->n];
	char principal[32];
	enum vault_err err;

	*item = (struct report_item){
		.method = text_of(op_by_number(failure->method)->method),
		.count = { failure->count, true },
		.last_at = { failure->last, true },
	};
	if (failure->code != VAULT_OK && failure->code < VAULT_ERR_COUNT)
		item->code = text_of(vault_err_code((enum vault_err)failure->code));
	if (failure->reason > 0 && failure->reason < verify_reason_count)
		item->reason = text_of(verify_reason_enum.names[failure->reason]);
	snprintf(principal, sizeof principal, "uid:%u", failure->uid);
	TRY(op_keep_text(report->op, text_of(principal), &item->principal));
	if (failure->tenant != 0) {
		err = tenant_name_by_number(report->op, failure->tenant, &item->tenant);
		if (err != VAULT_OK && err != VAULT_NOT_FOUND)
			return err;
	}
	report->n++;
	return VAULT_OK;
}

static enum vault_err
failures(struct report *report)
{
	struct op *op = report->op;
	struct audit_range range = { .order = AUDIT_NEWEST,
				     .since_ns = op->now.wall_ns - FAILURES_SECONDS * NS };
	struct failure *found = scratch_alloc(op->scratch, FAILURES_KINDS * sizeof *found);
	struct audit_scan *scan;
	enum vault_err err;
	size_t n = 0;

	if (found == NULL)
		return VAULT_BUSY;
	TRY(audit_scan_open(op->vault->audit, &range, &scan));
	err = find_failures(report, scan, found, &n);
	audit_scan_close(scan);
	for (size_t i = 0; i < n && err == VAULT_OK; i++)
		err = show_failure(report, &found[i]);
	return err;
}

enum vault_err
op_audit_report(struct op *op, const struct audit_report_req *req, struct audit_report_res *res)
{
	static enum vault_err (*const kinds[report_kind_count])(struct report * report) = {
		[report_kind_unused_keys] = unused_keys,
		[report_kind_broad_grants] = broad_grants,
		[report_kind_failures] = failures,
	};
	struct report report = { .op = op };

	report.items = scratch_alloc(op->scratch, ITEMS_MAX * sizeof *report.items);
	if (report.items == NULL)
		return VAULT_BUSY;
	TRY(kinds[req->kind](&report));
	res->items.v = report.items;
	res->items.n = report.n;
	return VAULT_OK;
}
