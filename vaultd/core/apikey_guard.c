#include "vaultd/core/apikey_guard.h"

#include "protocol/text.h"
#include "vaultd/core/apikey_limit.h"
#include "vaultd/core/lockout.h"

/* Of one source, whatever keys it tries; as tenant.update's source_limit is by default. */
#define SOURCE_FAILURES 100
#define SOURCE_WINDOW_MS (INT64_C(300) * 1000)
#define SOURCE_BLOCK_MS (INT64_C(300) * 1000)

static const struct lockout_rule source_rule = { SOURCE_FAILURES, SOURCE_WINDOW_MS,
						 SOURCE_BLOCK_MS };
static const struct limit_rate caller_rate = { APIKEY_CALLER_RATE, APIKEY_CALLER_BURST };

static struct lockout_id
pair_of(const struct apikey_guard *guard)
{
	return lockout_id_of(LOCKOUT_API_KEY, 0, text_bytes(guard->id), guard->source);
}

static struct lockout_id
source_of(const struct apikey_guard *guard)
{
	return lockout_id_of(LOCKOUT_SOURCE, guard->tenant, text_bytes(TEXT_LITERAL("apikey")),
			     guard->source);
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
	if (locked(op, &id, retry_ms))
		return verify_reason_limited;
	if (guard->id.p == NULL)
		return verify_reason_none;
	id = pair_of(guard);
	return locked(op, &id, retry_ms) ? verify_reason_locked : verify_reason_none;
}

enum vault_err
apikey_guard_failed(struct op *op, const struct apikey_guard *guard)
{
	struct lockout_id id;
	int64_t retry_ms;

	if (guard->source.p == NULL) {
		/* Whether there was one left shows with the next question. */
		(void)apikey_limit_take(op, apikey_limit_of_caller(op->who->uid), &caller_rate,
					&retry_ms);
		return VAULT_OK;
	}
	id = source_of(guard);
	TRY(lockout_failed(op, &id, &source_rule));
	if (guard->id.p == NULL)
		return VAULT_OK;
	id = pair_of(guard);
	return lockout_failed(op, &id, &LOCKOUT_DEFAULT);
}

void
apikey_guard_succeeded(struct op *op, const struct apikey_guard *guard)
{
	struct lockout_id id;

	if (guard->source.p == NULL || guard->id.p == NULL)
		return;
	id = pair_of(guard);
	lockout_succeeded(op, &id);
}
