#include "protocol/text.h"
#include "vaultd/core/apikey_text.h"
#include "vaultd/core/apikey_verify.h"
#include "vaultd/core/cidr.h"

static bool
source_allowed(struct vault_bytes sources, struct vault_text source)
{
	uint8_t address[ADDRESS_BYTES];

	if (sources.p == NULL)
		return true;
	return source.p != NULL && address_parse(source, address) && cidrs_hold(sources, address);
}

static bool
scopes_given(const struct vault_texts *scopes, const struct vault_texts *asked)
{
	for (size_t i = 0; i < asked->n; i++)
		if (!apikey_scopes_give(scopes, asked->v[i]))
			return false;
	return true;
}

static enum verify_reason
state_reason(enum apikey_state state)
{
	switch (state) {
	case apikey_state_revoked:
		return verify_reason_revoked;
	case apikey_state_expired:
		return verify_reason_expired;
	case apikey_state_disabled:
		return verify_reason_disabled;
	default:
		return verify_reason_none;
	}
}

enum verify_reason
apikey_judge(const struct op *op, const struct apikey_candidate *c,
	     const struct apikey_tenant *common, const struct tenant *asked,
	     const struct apikey_question *question)
{
	const struct apikey_record *rec = &c->key.rec;
	enum verify_reason reason;

	if (asked != NULL && asked->keys.tenant != c->tenant->keys.tenant)
		return verify_reason_tenant;
	if (c->tenant->state == tenant_state_suspended)
		return verify_reason_suspended;
	reason = state_reason(apikey_state(&c->key, common, &op->now));
	if (reason != verify_reason_none)
		return reason;
	if (question->env.p != NULL && !text_equal(question->env, rec->env))
		return verify_reason_env;
	if (!source_allowed(rec->sources, question->source))
		return verify_reason_source;
	if (!scopes_given(&rec->scopes, &question->scope))
		return verify_reason_scope;
	return verify_reason_none;
}
