#include <stdlib.h>
#include <string.h>

#include "protocol/text.h"
#include "vaultd/ops/ops.h"

#define KIND_WORD(id, name) " " #name

/* Kinds as bits; all of them where none are named. */
static enum vault_err
kinds_of(struct op *op, const struct vault_texts *names, uint32_t *kinds)
{
	uint32_t bits = 0;

	if (names->v == NULL) {
		*kinds = UINT32_MAX;
		return VAULT_OK;
	}
	for (size_t i = 0; i < names->n; i++) {
		int kind = event_kind_none + 1;

		while (kind < event_kind_count &&
		       !text_is(names->v[i], event_kind_enum.names[kind]))
			kind++;
		if (kind == event_kind_count)
			return op_fail(op, VAULT_INVALID_PARAMS, "kinds",
				       "the kinds are" EVENT_KINDS(KIND_WORD));
		bits |= UINT32_C(1) << kind;
	}
	*kinds = bits;
	return VAULT_OK;
}

enum vault_err
op_sys_watch(struct op *op, const struct sys_watch_req *req, struct sys_watch_res *res)
{
	struct subscription *subscription;
	uint32_t kinds = 0;

	(void)res;
	TRY(kinds_of(op, &req->kinds, &kinds));
	subscription = calloc(1, sizeof *subscription);
	if (subscription == NULL)
		return VAULT_BUSY;
	*subscription = (struct subscription){
		.matches = subscription_watch,
		.op = OP_sys_watch,
		.kinds = kinds,
	};
	if (req->tenant.p != NULL)
		memcpy(subscription->tenant, req->tenant.p, req->tenant.len);
	op->subscription = subscription;
	return VAULT_OK;
}

enum vault_err
op_secret_watch(struct op *op, const struct secret_watch_req *req, struct secret_watch_res *res)
{
	struct subscription *subscription = calloc(1, sizeof *subscription);
	size_t len = req->prefix.len;
	enum vault_err err;

	(void)res;
	if (subscription == NULL)
		return VAULT_BUSY;
	subscription->matches = subscription_secret;
	subscription->op = OP_secret_watch;
	memcpy(subscription->tenant, req->tenant.p, req->tenant.len);
	if (len > 0)
		memcpy(subscription->names, req->prefix.p, len);
	subscription->names[len] = '*';
	err = op_require(op, OP_secret_watch, req->tenant, text_of(subscription->names));
	if (err == VAULT_OK)
		op->subscription = subscription;
	else
		free(subscription);
	return err;
}

enum vault_err
op_sys_metrics(struct op *op, const struct sys_metrics_req *req, struct sys_metrics_res *res)
{
	int64_t uptime_ms = op->now.boot_ms - op->vault->settings.started_boot_ms;

	(void)req;
	buf_truncate(op->work, 0);
	TRY(metrics_write(op->vault, uptime_ms, op->work));
	return op_keep_text(
		op, (struct vault_text){ (const char *)buf_data(op->work), buf_len(op->work) },
		&res->text);
}
