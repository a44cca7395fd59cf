#include "vaultd/core/op.h"

#include <string.h>

#include "protocol/text.h"
#include "vaultd/core/tenant.h"

enum vault_err
op_require(struct op *op, enum op_id id, struct vault_text tenant, struct vault_text name)
{
	struct policy_request request = { .row = &op_rows[id],
					  .tenant = tenant,
					  .target = name,
					  .any_target = name.p == NULL,
					  .now = op->now,
					  .open = true };

	switch (policy_decide(op->policy, op->session, &request)) {
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

enum vault_err
op_keep_bytes(struct op *op, struct vault_bytes from, struct vault_bytes *to)
{
	uint8_t *p;

	if (from.p == NULL) {
		*to = from;
		return VAULT_OK;
	}
	p = scratch_room(op->scratch, from.len == 0 ? 1 : from.len);
	if (p == NULL)
		return VAULT_BUSY;
	memcpy(p, from.p, from.len);
	*to = (struct vault_bytes){ p, from.len };
	return VAULT_OK;
}

enum vault_err
op_keep_text(struct op *op, struct vault_text from, struct vault_text *to)
{
	struct vault_bytes bytes = { (const uint8_t *)from.p, from.len };

	TRY(op_keep_bytes(op, bytes, &bytes));
	*to = (struct vault_text){ (const char *)bytes.p, bytes.len };
	return VAULT_OK;
}

enum vault_err
op_creator(struct op *op, struct vault_text *principal)
{
	struct policy_request request = { .row = op->row,
					  .tenant = op->tenant == NULL ? (struct vault_text){ 0 }
								       : tenant_name_of(op->tenant),
					  .any_target = true,
					  .now = op->now,
					  .open = true };
	const struct principal *source;

	if (op->session->logged_in)
		return op_keep_text(op, text_of(op->session->login.creator), principal);
	source = policy_source_of(op->policy, op->session, &request);
	return source == NULL ? VAULT_DENIED : op_keep_text(op, source->text, principal);
}

enum vault_err
principal_of(struct op *op, struct vault_text *principal)
{
	char text[PRINCIPAL_MAX + 1];

	session_principal(op->session, text);
	return op_keep_text(op, text_of(text), principal);
}

enum vault_err
op_refresh(struct op *op)
{
	uint64_t commits = atomic_load_explicit(&op->vault->commits, memory_order_acquire);

	if (op->change != NULL || commits == op->snapshot)
		return VAULT_OK;
	TRY(txn_renew(op->txn));
	op->snapshot = commits;
	return VAULT_OK;
}
