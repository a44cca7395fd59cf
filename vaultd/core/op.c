#include "vaultd/core/op.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "protocol/text.h"

#define UID_TEXT_MAX 32 /* bytes of "uid:N" and its end */

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
principal_of(struct op *op, struct vault_text *principal)
{
	char text[UID_TEXT_MAX];

	snprintf(text, sizeof text, "uid:%" PRIu32, op->who->uid);
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
