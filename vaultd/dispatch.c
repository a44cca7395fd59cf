#include "vaultd/dispatch.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/codec.h"
#include "protocol/frame.h"
#include "protocol/text.h"
#include "protocol/value.h"
#include "vaultd/core/apikey_verify.h"
#include "vaultd/core/replay.h"
#include "vaultd/core/tenant.h"
#include "vaultd/dispatch_watch.h"
#include "vaultd/dispatch_table.h"

#define NS_PER_MS 1000000

_Static_assert(CLASS_HOT == 0 && CLASS_ADMIN + 1 == LIMIT_CLASSES, "a limit for each class");

/* One request while the pipeline has it. */
struct passage {
	struct runner *runner;
	struct call *call;
	struct frame frame;
	struct op op;
	struct target target;
	struct replay replay;	  /* of a request that is answered once (answers_once) */
	struct vault_map earlier; /* its answer, where op.note.replayed */
	union op_request req;
	union op_result res;
};

/* What changes nothing has nothing to be done only once. */
static enum vault_err
check_request_id(struct op *op)
{
	if (op->common.request_id.p == NULL || op->row->class == CLASS_WRITE ||
	    op->row->class == CLASS_ADMIN)
		return VAULT_OK;
	return op_fail(op, VAULT_INVALID_PARAMS, "request_id",
		       "only methods of class write and admin take one");
}

static enum vault_err
decode(struct passage *p)
{
	struct codec_reader reader = {
		.mode = CODEC_STRICT,
		.scratch = &p->runner->scratch,
		.fail = &p->op.fail,
		.common = op_common_type(),
		.common_out = &p->op.common,
	};
	const struct object_type *type = p->op.row->request();

	enum vault_err err = codec_read(&reader, type, p->frame.params, &p->req);

	/*
	 * Also of a request that is refused, as far as it was read: the audit tells what it was
	 * about.
	 */
	p->target = target_of(&p->runner->access[p->op.row->id], &p->req);
	return err == VAULT_OK ? check_request_id(&p->op) : err;
}

static enum vault_err
check_state(struct passage *p)
{
	uint32_t flags = p->op.row->flags;

	switch (vault_state(p->runner->vault)) {
	case STATE_UNINITIALIZED:
		return (flags & OP_UNINIT) != 0 ? VAULT_OK : VAULT_UNINITIALIZED;
	case STATE_OPEN:
		return VAULT_OK;
	case STATE_SEALED:
		return (flags & OP_SEALED) != 0 ? VAULT_OK : VAULT_SEALED;
	case STATE_SEALING:
		/* What was queued before is still run to its end. */
		return (flags & OP_SEALED) != 0 || p->call->stage != STAGE_WORKER ? VAULT_OK
										  : VAULT_SEALED;
	}
	return VAULT_INTERNAL;
}

static enum vault_err
check_policy(struct passage *p)
{
	struct vault *vault = p->runner->vault;
	enum vault_state state = vault_state(vault);
	uint32_t flags = p->op.row->flags;
	struct policy_request request = {
		.row = p->op.row,
		.tenant = p->target.tenant,
		.target = p->target.name,
		.any_tenant = (flags & OP_LATE_TENANT) != 0 && p->target.tenant.p == NULL,
		.any_target = (flags & OP_LATE_NAME) != 0,
		.now = p->op.now,
		.open = state == STATE_OPEN || state == STATE_SEALING,
		.owner_uid = vault->settings.owner_uid,
	};

	if (request.open)
		policy_follow(&vault->policy, &p->runner->policy);
	p->op.policy = p->runner->policy;
	switch (policy_decide(p->op.policy, p->op.session, &request)) {
	case DECISION_ALLOW:
		return VAULT_OK;
	case DECISION_DENY:
		return VAULT_DENIED;
	case DECISION_MFA:
		return VAULT_MFA_REQUIRED;
	case DECISION_ERROR:
		break;
	}
	return VAULT_INTERNAL;
}

/* Moves the read snapshot on when a commit came since: what was revoked is refused from here on. */
static enum vault_err
fresh_snapshot(struct passage *p)
{
	struct runner *runner = p->runner;
	struct op *op = &p->op;

	if (op->change != NULL) {
		op->txn = op->change->txn;
		return VAULT_OK;
	}
	op->txn = runner->txn;
	op->snapshot = runner->snapshot;
	TRY(op_refresh(op));
	runner->snapshot = op->snapshot;
	return VAULT_OK;
}

/* tenant.create and import.commit name one that is yet to be. */
static enum vault_err
find_tenant(struct passage *p)
{
	struct op *op = &p->op;
	enum vault_err err;

	if (p->target.tenant.p == NULL || op->row->id == OP_tenant_create ||
	    op->row->id == OP_import_commit)
		return VAULT_OK;
	/* Only what answers while sealed comes here without the keys that a tenant's name needs. */
	if ((op->row->flags & OP_SEALED) != 0 && vault_state(op->vault) != STATE_OPEN)
		return VAULT_SEALED;
	err = tenant_get(op, p->target.tenant, &op->tenant);
	if (err == VAULT_NOT_FOUND)
		return op_fail(op, err, "tenant", "there is no such tenant");
	TRY(err);
	if (op->tenant->state == tenant_state_suspended && op->row->class != CLASS_ADMIN)
		return VAULT_SUSPENDED;
	return VAULT_OK;
}

/*
 * The tenant's limit for the class, once a request: on the worker, whichever lane runs it. A tenant
 * that is not found here may be there by the time its lane looks, which then decides.
 */
static enum vault_err
check_limit(struct passage *p)
{
	unsigned class = p->op.row->class;
	const struct tenant *tenant = p->op.tenant;
	int64_t retry_ms;

	if (p->call->stage != STAGE_WORKER || tenant == NULL)
		return VAULT_OK;
	if (limit_take(&tenant->slot->buckets[class], &tenant->limits[class],
		       p->op.now.boot_ms * NS_PER_MS, &retry_ms))
		return VAULT_OK;
	(void)op_fail(&p->op, VAULT_LIMITED, NULL, NULL);
	p->op.fail.retry_after_ms = retry_ms;
	return VAULT_LIMITED;
}

/* What goes to another lane is held to the limit here, before it costs that lane anything. */
static enum vault_err
check_limit_ahead(struct passage *p)
{
	enum vault_err err;

	if (p->call->stage != STAGE_WORKER || p->target.tenant.p == NULL ||
	    vault_state(p->runner->vault) != STATE_OPEN)
		return VAULT_OK;
	err = fresh_snapshot(p);
	if (err == VAULT_OK)
		err = find_tenant(p);
	if (err == VAULT_OK)
		return check_limit(p);
	p->op.fail = (struct fail){ 0 };
	p->op.tenant = NULL;
	return VAULT_OK;
}

static enum verdict
commit_verdict(const struct passage *p)
{
	return (p->op.row->flags & OP_ALONE) != 0 ? VERDICT_ALONE : VERDICT_COMMIT;
}

/* Whether this request needs the slow lane. What cannot be told here the committer will refuse. */
static enum verdict
prepared_verdict(struct passage *p)
{
	const struct handler *handler = handler_of(p->op.row->id);

	if (fresh_snapshot(p) == VAULT_OK && find_tenant(p) == VAULT_OK &&
	    handler->goes_slow(&p->op, &p->req))
		return VERDICT_SLOW;
	return commit_verdict(p);
}

/* Whether the handler runs here, or another lane is to have the request. */
static enum verdict
lane_verdict(struct passage *p)
{
	enum op_lane lane = p->op.row->lane;

	switch (p->call->stage) {
	case STAGE_WORKER:
		if (lane == LANE_COMMIT)
			return commit_verdict(p);
		if (lane == LANE_PREPARED)
			return prepared_verdict(p);
		if (lane == LANE_SLOW || lane == LANE_SLOW_COMMIT)
			return VERDICT_SLOW;
		return lane == LANE_MAIN ? VERDICT_MAIN : VERDICT_DONE;
	case STAGE_SLOW:
	case STAGE_COMMIT:
	case STAGE_MAIN:
		break;
	}
	return VERDICT_DONE;
}

/* The checks that come before any lane: a refusal here costs no other thread anything. */
static enum vault_err
admit(struct passage *p)
{
	TRY(decode(p));
	TRY(check_state(p));
	return check_policy(p);
}

/*
 * Whether the answer is kept for its request_id: of what the committer does, but for sys.init and
 * sys.unseal, which come before the keys to keep it under.
 */
static bool
answers_once(const struct passage *p)
{
	const struct op_row *row = p->op.row;

	return p->op.common.request_id.p != NULL && (row->flags & (OP_SEALED | OP_BARRIER)) == 0 &&
	       (row->lane == LANE_COMMIT || row->lane == LANE_SLOW_COMMIT ||
		row->lane == LANE_PREPARED);
}

static enum vault_err
find_earlier(struct passage *p)
{
	if (!answers_once(p))
		return VAULT_NOT_FOUND;
	TRY(replay_of(&p->op, &p->req, &p->replay));
	return replay_find(&p->op, &p->replay, &p->earlier);
}

static enum vault_err
call_handler(struct passage *p)
{
	const struct handler *handler = handler_of(p->op.row->id);

	if (p->call->stage == STAGE_SLOW && handler->prepare != NULL)
		return handler->prepare(&p->op, &p->req);
	memset(&p->res, 0, p->op.row->result()->size);
	TRY(handler->run(&p->op, &p->req, &p->res));
	if (p->op.change != NULL && answers_once(p))
		return replay_keep(&p->op, &p->replay, &p->res);
	return VAULT_OK;
}

/* A key that was revoked since is refused on the next request, like any other way in. */
static enum vault_err
check_login(struct passage *p)
{
	const struct session *session = p->op.session;
	struct apikey_login login;

	if (!session->logged_in || (p->op.row->flags & OP_OPEN) != 0)
		return VAULT_OK;
	return apikey_still_stands(&p->op, text_of(session->login.tenant),
				   text_of(session->login.id), &login);
}

static enum vault_err
run_handler(struct passage *p)
{
	enum vault_err tenant, earlier;

	TRY(fresh_snapshot(p));
	TRY(check_login(p));
	tenant = find_tenant(p);
	/* The answer to what removed the tenant outlives it. */
	if (tenant != VAULT_OK && tenant != VAULT_NOT_FOUND)
		return tenant;
	earlier = find_earlier(p);
	if (earlier != VAULT_NOT_FOUND)
		return earlier;
	TRY(tenant);
	TRY(check_limit(p));
	return call_handler(p);
}

static void
reply(struct passage *p, enum vault_err err)
{
	struct codec_writer writer = { .out = p->call->out };
	size_t before = buf_len(p->call->out);

	p->call->result = err;
	if (err == VAULT_OK && p->op.note.replayed)
		codec_write_replayed(&writer, p->frame.msgid, p->earlier);
	else if (err == VAULT_OK)
		codec_write_result(&writer, p->frame.msgid, p->op.row->result(), &p->res);
	else
		codec_write_error(&writer, p->frame.msgid, err, &p->op.fail);
	/* Without the memory for a reply the request stays unanswered rather than half answered. */
	if (writer.failed)
		buf_truncate(p->call->out, before);
}

static enum vault_err
record(struct passage *p, enum vault_err err)
{
	struct audit_record rec;

	if (p->op.row == NULL || (p->op.row->flags & OP_QUIET) != 0)
		return VAULT_OK;
	record_of(&p->op, &p->target, err, &rec);
	TRY(audit_batch_add(&p->runner->audit, &rec));
	p->call->audited = true;
	return VAULT_OK;
}

/* A lock that is told in an answer is one like those that are told in errors. */
static void
note_verdict(struct passage *p)
{
	if (p->op.note.reason == verify_reason_locked)
		watch_refused(&p->op, p->target.tenant, VAULT_LOCKED);
	else if (p->op.note.reason == verify_reason_limited)
		watch_refused(&p->op, p->target.tenant, VAULT_LIMITED);
}

/* What cannot be recorded is not done. */
static void
finish(struct passage *p, enum vault_err err)
{
	if (record(p, err) != VAULT_OK)
		err = VAULT_AUDIT_UNAVAILABLE;
	metrics_count(&p->runner->metrics
			       .requests[p->op.row == NULL ? METRICS_OTHER : p->op.row->id][err],
		      1);
	if (err == VAULT_OK) {
		p->call->effects = p->op.effects;
		note_verdict(p);
		p->call->subscription = p->op.subscription;
	} else {
		/* A lock stands whatever the request was answered. */
		if (err != VAULT_AUDIT_UNAVAILABLE)
			p->call->effects.keep = p->op.effects.keep;
		watch_refused(&p->op, p->target.tenant, err);
		free(p->op.subscription);
	}
	reply(p, err);
}

/* After the checks: here, or over to another lane. */
static enum verdict
carry_out(struct passage *p)
{
	enum verdict verdict = lane_verdict(p);
	enum vault_err err;

	if (verdict != VERDICT_DONE) {
		err = check_limit_ahead(p);
		if (err == VAULT_OK)
			return verdict;
		finish(p, err);
		return VERDICT_DONE;
	}
	err = run_handler(p);
	if (err != VAULT_OK && p->op.deferred)
		return commit_verdict(p);
	if (err == VAULT_OK && p->call->stage == STAGE_SLOW && !p->op.note.replayed &&
	    handler_of(p->op.row->id)->prepare != NULL)
		return commit_verdict(p);
	finish(p, err);
	return VERDICT_DONE;
}

static enum verdict
request(struct passage *p)
{
	enum vault_err err;

	if (p->call->stage == STAGE_WORKER)
		session_use(p->op.session, &p->op.now);
	/* A connection mostly asks for what it asked for before. */
	p->op.row = op_find_from(p->frame.method, p->runner->last_op);
	if (p->op.row == NULL) {
		finish(p, VAULT_UNKNOWN_METHOD);
		return VERDICT_DONE;
	}
	p->runner->last_op = p->op.row->id;
	p->call->secret = p->runner->access[p->op.row->id].secret;
	p->call->barrier = (p->op.row->flags & OP_BARRIER) != 0;
	if (p->call->barrier && p->call->stage == STAGE_WORKER && !p->call->alone)
		return VERDICT_HOLD;
	err = admit(p);
	if (err == VAULT_OK)
		return carry_out(p);
	finish(p, err);
	return VERDICT_DONE;
}

enum verdict
dispatch_run(struct runner *runner, struct call *call)
{
	struct passage p;
	enum verdict verdict;
	enum vault_err err;

	p.runner = runner;
	p.call = call;
	p.target = (struct target){ 0 };
	p.op = (struct op){
		.vault = runner->vault,
		.who = &call->session->who,
		.session = call->session,
		.now = runner->now,
		.change = call->change,
		.cache = &runner->cache,
		.finder = call->change == NULL ? &runner->finder : NULL,
		.random = &runner->random,
		.scratch = &runner->scratch,
		.work = &runner->work,
		.opening = call->opening,
		.prepared = call->prepared,
	};
	cache_next_operation(&runner->cache);
	/* Until it is known what it asks for, it may hold anything. */
	call->secret = true;
	err = frame_parse(call->frame.p, call->frame.len, &p.frame);
	call->msgid = p.frame.msgid;
	/* Whatever it holds, nobody waits for an answer to it. */
	if (err != VAULT_INVALID_REQUEST && p.frame.type == FRAME_NOTIFICATION)
		return VERDICT_DONE;
	if (err == VAULT_OK && p.frame.type == FRAME_REPLY)
		err = VAULT_INVALID_REQUEST;
	if (err == VAULT_OK) {
		verdict = request(&p);
	} else {
		if (err == VAULT_INVALID_PARAMS) {
			p.op.row = op_find(p.frame.method);
			(void)op_fail(&p.op, err, "params",
				      "params must be an array of one map of fields");
		}
		finish(&p, err);
		verdict = err == VAULT_INVALID_PARAMS ? VERDICT_DONE : VERDICT_CLOSE;
	}
	scratch_reset(&runner->scratch, call->secret);
	return verdict;
}
