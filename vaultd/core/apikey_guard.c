#include "vaultd/core/apikey_guard.h"

#include "protocol/text.h"
#include "vaultd/core/apikey_limit.h"
#include "vaultd/core/lockout.h"
#include "vaultd/core/tenant.h"

static const struct limit_rate caller_rate = { APIKEY_CALLER_RATE, APIKEY_CALLER_BURST };

/* The key with its source, or with all sources where the tenant has it so. */
static struct lockout_id
key_of(const struct apikey_guard *guard)
{
	bool whole = guard->tenant != NULL && guard->tenant->key_lockout == key_lockout_key;

	return lockout_id_of(LOCKOUT_API_KEY, 0, text_bytes(guard->id),
			     whole ? (struct vault_text){ 0 } : guard->source);
}

static struct lockout_id
source_of(const struct apikey_guard *guard)
{
	return lockout_id_of(LOCKOUT_SOURCE, guard->asked == NULL ? 0 : guard->asked->keys.tenant,
			     text_bytes(TEXT_LITERAL("apikey")), guard->source);
}

/* failures 0: sources are not limited. */
static struct lockout_rule
source_rule(const struct apikey_guard *guard)
{
	return guard->tenant == NULL ? LOCKOUT_SOURCE_DEFAULT : guard->tenant->source_rule;
}

static bool
locked(struct op *op, const struct lockout_id *id, int64_t *retry_ms)
{
	if (lockout_check(op, id) == VAULT_OK)
		return false;
	/* It is told in an answer, not in an error. */
	*retry_ms = op->fail.retry_after_ms;
	op->fail.retry_after_ms = 0;
	return true;
}

enum verify_reason
apikey_guard_check(struct op *op, const struct apikey_guard *guard, int64_t *retry_ms)
{
	struct lockout_id id;

	if (guard->source.p == NULL)
		return apikey_limit_look(op, apikey_limit_of_caller(op->who->uid), &caller_rate,
					 retry_ms)
			       ? verify_reason_none
			       : verify_reason_limited;
	id = source_of(guard);
	if (source_rule(guard).failures > 0 && locked(op, &id, retry_ms))
		return verify_reason_limited;
	if (guard->id.p == NULL)
		return verify_reason_none;
	id = key_of(guard);
	return locked(op, &id, retry_ms) ? verify_reason_locked : verify_reason_none;
}

enum vault_err
apikey_guard_failed(struct op *op, const struct apikey_guard *guard)
{
	struct lockout_rule rule = source_rule(guard);
	struct lockout_id id;
	int64_t retry_ms;

	if (guard->source.p == NULL) {
		/* Whether there was one left shows with the next question. */
		(void)apikey_limit_take(op, apikey_limit_of_caller(op->who->uid), &caller_rate,
					&retry_ms);
		return VAULT_OK;
	}
	id = source_of(guard);
	if (rule.failures > 0)
		TRY(lockout_failed(op, &id, &rule));
	if (guard->id.p == NULL)
		return VAULT_OK;
	id = key_of(guard);
	return lockout_failed(op, &id, &LOCKOUT_DEFAULT);
}

void
apikey_guard_succeeded(struct op *op, const struct apikey_guard *guard)
{
	struct lockout_id id;

	if (guard->source.p == NULL || guard->id.p == NULL)
		return;
	id = key_of(guard);
	lockout_succeeded(op, &id);
}
