#include "vaultd/core/policy.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/text.h"
#include "vaultd/core/policy_index.h"

void
policy_release(struct policy *policy)
{
	if (policy == NULL ||
	    atomic_fetch_sub_explicit(&policy->references, 1, memory_order_acq_rel) != 1)
		return;
	scratch_free(&policy->memory);
	free(policy);
}

void
policy_source_init(struct policy_source *source)
{
	*source = (struct policy_source){ 0 };
	pthread_mutex_init(&source->mutex, NULL);
}

void
policy_publish(struct policy_source *source, struct policy *policy)
{
	struct policy *before;

	pthread_mutex_lock(&source->mutex);
	before = source->current;
	source->current = policy;
	if (policy != NULL)
		policy->generation = atomic_load(&source->generation) + 1;
	atomic_fetch_add_explicit(&source->generation, 1, memory_order_release);
	pthread_mutex_unlock(&source->mutex);
	policy_release(before);
}

void
policy_follow(struct policy_source *source, struct policy **mine)
{
	uint64_t now = atomic_load_explicit(&source->generation, memory_order_acquire);

	if (*mine != NULL && (*mine)->generation == now)
		return;
	policy_release(*mine);
	pthread_mutex_lock(&source->mutex);
	*mine = source->current;
	if (*mine != NULL)
		atomic_fetch_add_explicit(&(*mine)->references, 1, memory_order_relaxed);
	pthread_mutex_unlock(&source->mutex);
}

bool
pattern_covers(struct vault_text outer, struct vault_text inner)
{
	bool wide = inner.len > 0 && inner.p[inner.len - 1] == '*';

	if (outer.len == 0 || outer.p[outer.len - 1] != '*')
		return !wide && text_equal(outer, inner);
	/* What a pattern matches begins with all that stands before its star. */
	if (wide)
		inner.len--;
	return text_matches(outer, inner);
}

bool
patterns_cover(const struct vault_texts *outer, const struct vault_texts *inner)
{
	for (size_t i = 0; i < inner->n; i++) {
		bool covered = false;

		for (size_t j = 0; j < outer->n && !covered; j++)
			covered = pattern_covers(outer->v[j], inner->v[i]);
		if (!covered)
			return false;
	}
	return true;
}

bool
patterns_match(const struct vault_texts *patterns, struct vault_text text)
{
	/* Where the operation has no tenant or name, only a grant on all of them will do. */
	if (text.p == NULL)
		text = TEXT_LITERAL("");
	for (size_t i = 0; i < patterns->n; i++)
		if (text_matches(patterns->v[i], text))
			return true;
	return false;
}

static bool
within_time(const struct grant_record *grant, int64_t now)
{
	return (!grant->not_before.set || now >= grant->not_before.v) &&
	       (!grant->not_after.set || now < grant->not_after.v);
}

static bool
mfa_given(const struct session *session, const struct clock_now *now)
{
	return now->boot_ms < session->mfa_until_ms;
}

enum grant_verdict
grant_check(const struct grant *grant, const struct session *session,
	    const struct policy_request *request)
{
	const struct grant_record *record = &grant->record;

	if (!method_set_has(&grant->role->methods, request->row->id))
		return GRANT_METHOD;
	if (!request->any_tenant && !patterns_match(&record->tenants, request->tenant))
		return GRANT_TENANT;
	if (!request->any_target && !patterns_match(&record->names, request->target))
		return GRANT_NAME;
	if (!within_time(record, request->now.wall))
		return GRANT_TIME;
	if (record->unit.p != NULL && !text_is(record->unit, session->who.unit))
		return GRANT_UNIT;
	if (record->mfa && !mfa_given(session, &request->now))
		return GRANT_MFA;
	return GRANT_PASSES;
}

bool
grant_is_lasting(const struct grant *grant)
{
	const struct grant_record *record = &grant->record;

	return texts_hold(&record->tenants, TEXT_LITERAL("*")) &&
	       texts_hold(&record->names, TEXT_LITERAL("*")) && record->may_grant.n > 0 &&
	       record->unit.p == NULL && !record->not_before.set && !record->not_after.set &&
	       !record->mfa;
}

const struct holder *
policy_holder_of(const struct policy *policy, const struct principal *principal)
{
	const struct holder *holder = policy->holders[principal_hash(principal) & policy->mask];

	while (holder != NULL && !principal_equal(&holder->principal, principal))
		holder = holder->next;
	return holder;
}

const struct holder *
policy_holder(const struct policy *policy, const struct session *session, size_t index, bool *more)
{
	const struct identity *who = &session->who;
	struct principal principal = { .kind = PRINCIPAL_UID, .number = who->uid };

	*more = false;
	if (session->logged_in) {
		principal = (struct principal){ .kind = PRINCIPAL_KEY,
						.text = text_of(session->login.principal) };
		return policy_holder_of(policy, &principal);
	}
	*more = policy->group_holders && index < who->group_count + 1;
	if (index > 0) {
		principal.kind = PRINCIPAL_GID;
		principal.number = index == 1 ? who->gid : who->groups[index - 2];
		/* An unmapped group is nobody's, whatever a grant says. */
		if (principal.number == GID_NOBODY)
			return NULL;
		/* Mostly the primary group is among the others too. */
		if (index > 1 && principal.number == who->gid)
			return NULL;
	} else if (who->uid == UID_NOBODY) {
		return NULL;
	}
	return policy_holder_of(policy, &principal);
}

/* The best that the links of one bucket give: only an allowing one ends the search. */
static enum decision
decide_links(const struct policy *policy, const struct holder *holder, struct vault_text tenant,
	     const struct session *session, const struct policy_request *request)
{
	const struct grant_link *link = policy->links[link_hash(holder, tenant) & policy->mask];
	enum decision best = DECISION_DENY;

	for (; link != NULL; link = link->next) {
		enum grant_verdict verdict;

		if (link->holder != holder || !text_equal(link->tenant, tenant))
			continue;
		verdict = grant_check(link->grant, session, request);
		if (verdict == GRANT_PASSES)
			return DECISION_ALLOW;
		if (verdict == GRANT_MFA)
			best = DECISION_MFA;
	}
	return best;
}

static enum decision
decide_all(const struct holder *holder, const struct session *session,
	   const struct policy_request *request)
{
	enum decision best = DECISION_DENY;

	for (const struct grant *grant = holder->grants; grant != NULL; grant = grant->next) {
		enum grant_verdict verdict = grant_check(grant, session, request);

		if (verdict == GRANT_PASSES)
			return DECISION_ALLOW;
		if (verdict == GRANT_MFA)
			best = DECISION_MFA;
	}
	return best;
}

static enum decision
decide_holder(const struct policy *policy, const struct holder *holder,
	      const struct session *session, const struct policy_request *request)
{
	enum decision patterns, literal = DECISION_DENY;

	if (!method_set_has(&holder->any, request->row->id))
		return DECISION_DENY;
	if (request->any_tenant)
		return decide_all(holder, session, request);
	patterns = decide_links(policy, holder, LINK_PATTERNS, session, request);
	if (patterns != DECISION_ALLOW && request->tenant.p != NULL)
		literal = decide_links(policy, holder, request->tenant, session, request);
	if (patterns == DECISION_ALLOW || literal == DECISION_ALLOW)
		return DECISION_ALLOW;
	return patterns == DECISION_MFA ? patterns : literal;
}

static enum decision
decide_grants(const struct policy *policy, const struct session *session,
	      const struct policy_request *request)
{
	enum decision best = DECISION_DENY;
	bool more = true;

	for (size_t i = 0; more && best != DECISION_ALLOW; i++) {
		const struct holder *holder = policy_holder(policy, session, i, &more);
		enum decision decision;

		if (holder == NULL)
			continue;
		decision = decide_holder(policy, holder, session, request);
		if (decision != DECISION_DENY)
			best = decision;
	}
	return best;
}

const struct principal *
policy_source_of(const struct policy *policy, const struct session *session,
		 const struct policy_request *request)
{
	bool more = true;

	for (size_t i = 0; more; i++) {
		const struct holder *holder = policy_holder(policy, session, i, &more);

		if (holder != NULL &&
		    decide_holder(policy, holder, session, request) == DECISION_ALLOW)
			return &holder->principal;
	}
	return NULL;
}

/* A key's own role counts on its own tenant, and never for what an administrator does. */
static bool
login_role_passes(const struct policy *policy, const struct session_login *login,
		  const struct policy_request *request)
{
	const struct role *role = policy_role(policy, text_of(login->role));
	bool own = text_is(request->tenant, login->tenant) ||
		   (request->any_tenant && request->tenant.p == NULL);

	return role != NULL && own && method_set_has(&role->methods, request->row->id) &&
	       request->row->class != CLASS_ADMIN && (request->row->flags & OP_EXPORTS) == 0;
}

/*
 * What who made the key may do himself now. He is not the one who asks, so where he would ask from
 * is not looked at, nor whether he gave a code.
 */
static bool
creator_may(const struct policy *policy, const struct session_login *login,
	    const struct policy_request *request)
{
	static const struct session elsewhere = { .mfa_until_ms = INT64_MAX };
	const struct holder *holder;
	struct principal creator;

	if (!principal_parse(text_of(login->creator), &creator))
		return false;
	holder = policy_holder_of(policy, &creator);
	if (holder == NULL)
		return false;
	for (const struct grant *grant = holder->grants; grant != NULL; grant = grant->next) {
		enum grant_verdict verdict = grant_check(grant, &elsewhere, request);

		if (verdict == GRANT_PASSES || verdict == GRANT_UNIT)
			return true;
	}
	return false;
}

static enum decision
decide_login(const struct policy *policy, const struct session *session,
	     const struct policy_request *request)
{
	enum decision decision = decide_grants(policy, session, request);

	if (login_role_passes(policy, &session->login, request))
		decision = DECISION_ALLOW;
	if (decision != DECISION_DENY && !creator_may(policy, &session->login, request))
		return DECISION_DENY;
	return decision;
}

/* What auth.narrow left. */
static bool
narrowed_out(const struct session *session, const struct policy_request *request)
{
	if (!session->narrowed)
		return false;
	if (!method_set_has(&session->narrow_methods, request->row->id))
		return true;
	if (session->narrow_tenant[0] == '\0' || (request->any_tenant && request->tenant.p == NULL))
		return false;
	return !text_is(request->tenant, session->narrow_tenant);
}

enum decision
policy_decide(const struct policy *policy, const struct session *session,
	      const struct policy_request *request)
{
	const struct identity *who = &session->who;

	if (request->row->class == CLASS_ADMIN && !who->admin_socket)
		return DECISION_DENY;
	if ((request->row->flags & OP_OPEN) != 0)
		return DECISION_ALLOW;
	if (narrowed_out(session, request))
		return DECISION_DENY;
	/* Sealed, the grants cannot be read. */
	if (!request->open)
		return who->uid != UID_NOBODY && (who->uid == 0 || who->uid == request->owner_uid)
			       ? DECISION_ALLOW
			       : DECISION_DENY;
	if (policy == NULL)
		return DECISION_ERROR;
	return session->logged_in ? decide_login(policy, session, request)
				  : decide_grants(policy, session, request);
}
