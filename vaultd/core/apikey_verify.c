#include "vaultd/core/apikey_verify.h"

#include "protocol/text.h"
#include "vaultd/core/apikey_guard.h"
#include "vaultd/core/apikey_limit.h"
#include "vaultd/core/apikey_text.h"
#include "vaultd/core/apikey_used.h"
#include "vaultd/core/apikey_uses.h"

/* One question on its way. */
struct inquiry {
	struct op *op;
	const struct apikey_question *question;
	const struct tenant *asked; /* the tenant it is asked in; NULL: in all */
	struct apikey_guard guard;
	struct apikey_candidate candidate;
	const struct apikey_tenant *common;
};

/* Whether the caller may know of the key. */
static bool
caller_may(const struct inquiry *q)
{
	const struct apikey_candidate *c = &q->candidate;
	enum vault_err err =
		op_require(q->op, q->op->row->id, tenant_name_of(c->tenant), c->key.rec.name);

	return (unsigned)(err == VAULT_OK) | (unsigned)q->question->login;
}

static enum vault_err
say(struct apikey_verdict *verdict, enum verify_reason reason)
{
	verdict->reason = reason;
	return VAULT_OK;
}

/*
 * The secret against its key, or against a stand-in where the id is nobody's. Whose key it is shows
 * in the audit as soon as the id is known, if the caller may know of it.
 */
static enum vault_err
match_own(struct inquiry *q, const struct apikey_text *text, bool *matches)
{
	struct apikey_candidate *c = &q->candidate;
	struct op *op = q->op;
	enum vault_err err = apikey_candidate(op, text->id, c);
	bool may, equal;

	*matches = false;
	op->note.id = text->id;
	if (err == VAULT_NOT_FOUND)
		return VAULT_OK;
	TRY(err);
	op->tenant = c->tenant;
	TRY(apikey_tenant(op, &q->common));
	may = caller_may(q);
	equal = apikey_match(c, q->common, text_bytes(text->hashed));
	*matches = (unsigned)equal & (unsigned)may;
	if (!c->known || !may)
		op->tenant = q->asked;
	else
		apikey_note(op, &c->key);
	return VAULT_OK;
}

/* Found by what it is, so it matches where it is found. */
static enum vault_err
match_foreign(struct inquiry *q, bool *matches)
{
	struct op *op = q->op;
	enum vault_err err = apikey_foreign(op, q->question->key, &q->candidate);

	*matches = false;
	if (err == VAULT_NOT_FOUND)
		return VAULT_OK;
	TRY(err);
	TRY(apikey_tenant(op, &q->common));
	*matches = caller_may(q);
	if (*matches)
		apikey_note(op, &q->candidate.key);
	return VAULT_OK;
}

/* Of a key that is good for the question: the uses it has left, or that there are none. */
static enum vault_err
take_use(struct inquiry *q, struct apikey_verdict *verdict)
{
	struct apikey *key = &q->candidate.key;
	int64_t left = apikey_uses_left(&key->rec, q->op->now.wall);

	if (!key->rec.uses.set)
		return VAULT_OK;
	if (q->question->count)
		TRY(apikey_use(q->op, key, q->question->use, &left));
	else if (left == 0)
		left = -1;
	if (left < 0)
		return say(verdict, verify_reason_used_up);
	verdict->uses_left = left;
	return VAULT_OK;
}

/*
 * The key's own limit. Where a use is to be counted this thread may hand the question over, so it
 * is only looked at before, and taken once nothing else can come between.
 */
static bool
within_limit(struct inquiry *q, bool take, struct apikey_verdict *verdict)
{
	const struct apikey *key = &q->candidate.key;
	struct limit_rate rate = { (uint32_t)key->rec.limit_rate.v,
				   (uint32_t)key->rec.limit_burst.v };
	uint64_t whose = apikey_limit_of_key(key->row.id);
	int64_t *retry_ms = &verdict->retry_after_ms;

	if (!q->question->count || rate.rate == 0)
		return true;
	return take ? apikey_limit_take(q->op, whose, &rate, retry_ms)
		    : apikey_limit_look(q->op, whose, &rate, retry_ms);
}

static enum vault_err
answer(struct inquiry *q, struct apikey_verdict *verdict)
{
	struct op *op = q->op;
	enum verify_reason reason;

	reason = apikey_judge(op, &q->candidate, q->common, q->asked, q->question);
	if (reason != verify_reason_none)
		return say(verdict, reason);
	if (!within_limit(q, false, verdict))
		return say(verdict, verify_reason_limited);
	TRY(take_use(q, verdict));
	if (verdict->reason != verify_reason_none)
		return VAULT_OK;
	if (!within_limit(q, true, verdict) && !q->candidate.key.rec.uses.set)
		return say(verdict, verify_reason_limited);
	if (q->question->count)
		apikey_used_note(op->vault, op->tenant->keys.tenant, q->candidate.key.row.id,
				 op->now.wall);
	verdict->tenant = q->candidate.tenant;
	verdict->key = q->candidate.key;
	return VAULT_OK;
}

enum vault_err
apikey_verify(struct op *op, const struct apikey_question *question, struct apikey_verdict *verdict)
{
	struct inquiry q = { .op = op, .question = question, .asked = op->tenant };
	struct apikey_text text;
	enum verify_reason blocked;
	bool ours, matches;

	*verdict = (struct apikey_verdict){ .uses_left = -1 };
	ours = apikey_text_parse(question->key, &text);
	if (!ours && (q.asked == NULL || apikey_text_ours(question->key)))
		return say(verdict, verify_reason_malformed);
	q.guard.source = question->source;
	if (ours)
		q.guard.id = text.id;
	/* Who is locked out is told so in the time of any other question. */
	if (ours)
		TRY(match_own(&q, &text, &matches));
	else
		TRY(match_foreign(&q, &matches));
	q.guard.asked = q.asked;
	q.guard.tenant = q.candidate.known ? q.candidate.tenant : q.asked;
	blocked = apikey_guard_check(op, &q.guard, &verdict->retry_after_ms);
	if (blocked != verify_reason_none)
		return say(verdict, blocked);
	if (!matches) {
		TRY(apikey_guard_failed(op, &q.guard));
		return say(verdict, verify_reason_invalid);
	}
	apikey_guard_succeeded(op, &q.guard);
	return answer(&q, verdict);
}

static void
fill_login(const struct tenant *tenant, const struct apikey *key, struct apikey_login *login)
{
	*login = (struct apikey_login){
		.tenant = tenant_name_of(tenant),
		.id = key->rec.id,
		.name = key->rec.name,
		.role = key->rec.role,
		.creator = key->rec.creator,
		.expires_at = apikey_ends_at(&key->rec),
	};
}

enum vault_err
apikey_authenticate(struct op *op, struct vault_text key, struct vault_text source,
		    struct apikey_login *login)
{
	struct apikey_question question = { .key = key, .source = source, .login = true };
	struct apikey_verdict verdict;

	TRY(apikey_verify(op, &question, &verdict));
	op->note.reason = (uint8_t)verdict.reason;
	op->fail.retry_after_ms = verdict.retry_after_ms;
	if (verdict.reason == verify_reason_locked)
		return VAULT_LOCKED;
	if (verdict.reason == verify_reason_limited)
		return VAULT_LIMITED;
	if (verdict.reason != verify_reason_none || verdict.key.rec.role.p == NULL)
		return VAULT_DENIED;
	fill_login(verdict.tenant, &verdict.key, login);
	return VAULT_OK;
}

static enum vault_err
look_again(struct op *op, struct vault_text tenant, struct vault_text id,
	   struct apikey_login *login)
{
	const struct apikey_tenant *common;
	struct apikey key = { 0 };
	enum apikey_state state;

	TRY(tenant_get(op, tenant, &op->tenant));
	TRY(apikey_by_id(op, id, &key));
	TRY(apikey_tenant(op, &common));
	state = apikey_state(&key, common, &op->now);
	if (op->tenant->state == tenant_state_suspended)
		return VAULT_SUSPENDED;
	if (key.rec.role.p == NULL || (state != apikey_state_active && state != apikey_state_grace))
		return VAULT_DENIED;
	fill_login(op->tenant, &key, login);
	return VAULT_OK;
}

enum vault_err
apikey_still_stands(struct op *op, struct vault_text tenant, struct vault_text id,
		    struct apikey_login *login)
{
	const struct tenant *of_the_operation = op->tenant;
	enum vault_err err = look_again(op, tenant, id, login);

	op->tenant = of_the_operation;
	if (err == VAULT_NOT_FOUND) {
		op->fail = (struct fail){ 0 };
		return VAULT_DENIED;
	}
	return err;
}
