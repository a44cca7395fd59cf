/* What changes a tenant after it was made. */
#include <string.h>

#include "protocol/text.h"
#include "vaultd/core/tenant_limits.h"

#define HOST_MAX 253 /* RFC 1035 section 2.3.4, as text */
#define LABEL_MAX 63
#define PORT_MAX 65535

/* A field that may be cleared: its bytes in the record become zeros, which is absent. */
struct clearable {
	const char *name;
	size_t from, to;
};
#define MEMBER_END(member)                                                                         \
	(offsetof(struct tenant_record, member) + sizeof(((struct tenant_record *)0)->member))
#define CLEARABLE(member)                                                                          \
	{                                                                                          \
#member, offsetof(struct tenant_record, member), MEMBER_END(member)                \
	}
#define CLEARABLE_RANGE(name, first, last)                                                         \
	{                                                                                          \
		name, offsetof(struct tenant_record, first), MEMBER_END(last)                      \
	}

static const struct clearable operators[] = {
	CLEARABLE(display_name),
	CLEARABLE(labels),
	CLEARABLE(plan),
	CLEARABLE_RANGE("limits", hot_rate, admin_burst),
	CLEARABLE_RANGE("source_limit", source_failures, source_enabled),
	CLEARABLE(key_lockout),
	CLEARABLE(retention),
	{ NULL, 0, 0 },
};
static const struct clearable administrators[] = {
	CLEARABLE(display_name),
	CLEARABLE(allowed_origins),
	{ NULL, 0, 0 },
};

static enum vault_err
clear_fields(struct op *op, const struct vault_texts *names, const struct clearable *table,
	     struct tenant_record *record)
{
	for (size_t i = 0; i < names->n; i++) {
		const struct clearable *field = table;

		while (field->name != NULL && !text_is(names->v[i], field->name))
			field++;
		if (field->name == NULL)
			return op_fail(op, VAULT_INVALID_PARAMS, "clear",
				       "names a field that cannot be cleared here");
		memset((uint8_t *)record + field->from, 0, field->to - field->from);
	}
	return VAULT_OK;
}

enum vault_err
tenant_check_plan(struct op *op, struct vault_text plan)
{
	if (plan.p == NULL || tenant_plan(&op->vault->settings, plan) != NULL)
		return VAULT_OK;
	return op_fail(op, VAULT_INVALID_PARAMS, "plan", "no plan of that name is configured");
}

/* The length of a host name of lower-case letters, digits and hyphens; 0 where there is none. */
static size_t
host_length(struct vault_text t)
{
	size_t label = 0, i;

	for (i = 0; i < t.len && t.p[i] != ':'; i++) {
		char c = t.p[i], next = i + 1 < t.len ? t.p[i + 1] : ':';
		bool edge = label == 0 || next == '.' || next == ':';

		if (c == '.' && label > 0 && next != ':' && next != '.')
			label = 0;
		else if (((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
			  (c == '-' && !edge)) &&
			 label < LABEL_MAX)
			label++;
		else
			return 0;
	}
	return i <= HOST_MAX ? i : 0;
}

static bool
is_port(struct vault_text t)
{
	unsigned port = 0;

	if (t.len == 0 || t.len > 5 || t.p[0] == '0')
		return false;
	for (size_t i = 0; i < t.len; i++) {
		if (t.p[i] < '0' || t.p[i] > '9')
			return false;
		port = port * 10 + (unsigned)(t.p[i] - '0');
	}
	return port <= PORT_MAX;
}

static bool
take_prefix(struct vault_text *t, struct vault_text prefix)
{
	if (t->len < prefix.len || memcmp(t->p, prefix.p, prefix.len) != 0)
		return false;
	t->p += prefix.len;
	t->len -= prefix.len;
	return true;
}

/* https://HOST[:PORT], or http://localhost[:PORT]: the serialised form of RFC 6454 section 6.2. */
static bool
is_origin(struct vault_text t)
{
	bool plain = take_prefix(&t, TEXT_LITERAL("http://"));
	size_t host;

	if (!plain && !take_prefix(&t, TEXT_LITERAL("https://")))
		return false;
	host = host_length(t);
	if (host == 0 || (plain && !text_is((struct vault_text){ t.p, host }, "localhost")))
		return false;
	t = (struct vault_text){ t.p + host, t.len - host };
	return t.len == 0 || is_port((struct vault_text){ t.p + 1, t.len - 1 });
}

static enum vault_err
check_origins(struct op *op, const struct vault_texts *origins)
{
	for (size_t i = 0; i < origins->n; i++)
		if (!is_origin(origins->v[i]))
			return op_fail(op, VAULT_INVALID_PARAMS, "allowed_origins",
				       "must be https://HOST[:PORT] or http://localhost[:PORT]");
	return VAULT_OK;
}

static enum vault_err
store_record(struct op *op, struct row *row, const struct tenant_record *record)
{
	TRY(sealed_put(op->change, &op->vault->keyring.store, row, tenant_record_type(), record));
	op->effects.touched = op->tenant->slot;
	return VAULT_OK;
}

static void
take_update(const struct tenant_update_req *req, struct tenant_record *record)
{
	if (req->display_name.p != NULL)
		record->display_name = req->display_name;
	if (req->labels.p != NULL)
		record->labels = req->labels;
	if (req->plan.p != NULL)
		record->plan = req->plan;
	if (req->limits != NULL)
		tenant_limits_put(record, req->limits);
	if (req->source_limit != NULL)
		tenant_source_put(record, req->source_limit);
	if (req->key_lockout.set)
		record->key_lockout = (struct vault_opt_int){ req->key_lockout.v, true };
	if (req->retention.set)
		record->retention = req->retention;
}

enum vault_err
tenant_update(struct op *op, const struct tenant_update_req *req)
{
	struct tenant_record record;
	ROW_LOCAL(row);

	TRY(tenant_check_plan(op, req->plan));
	TRY(tenant_read(op, req->tenant, &row, &record));
	TRY(clear_fields(op, &req->clear, operators, &record));
	take_update(req, &record);
	return store_record(op, &row, &record);
}

enum vault_err
tenant_settings(struct op *op, const struct tenant_settings_req *req)
{
	struct tenant_record record;
	ROW_LOCAL(row);

	TRY(check_origins(op, &req->allowed_origins));
	TRY(tenant_read(op, req->tenant, &row, &record));
	TRY(clear_fields(op, &req->clear, administrators, &record));
	if (req->display_name.p != NULL)
		record.display_name = req->display_name;
	if (req->allowed_origins.v != NULL)
		record.allowed_origins = req->allowed_origins;
	return store_record(op, &row, &record);
}

enum vault_err
tenant_set_state(struct op *op, enum tenant_state state)
{
	struct tenant_record record;
	ROW_LOCAL(row);

	TRY(tenant_read(op, tenant_name_of(op->tenant), &row, &record));
	if (record.state == (int64_t)state)
		return VAULT_OK;
	record.state = state;
	return store_record(op, &row, &record);
}
