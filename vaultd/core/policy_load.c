#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/text.h"
#include "vaultd/core/policy_index.h"

#define POLICY_KEPT_BYTES 65536	       /* the first block of a snapshot's memory */
#define POLICY_MEMORY_MAX (256u << 20) /* all of it: every grant at its longest is below 200 MiB */

/* The roles that ops.def's rows name. */
static const struct {
	enum op_role bit;
	const char *name;
} built_in[] = {
	{ ROLE_SIGNER, "signer" },
	{ ROLE_VERIFIER, "verifier" },
	{ ROLE_READER, "reader" },
	{ ROLE_WRITER, "writer" },
	{ ROLE_CRYPTO, "crypto" },
	{ ROLE_RAW_SIGNER, "raw-signer" },
	{ ROLE_TENANT_ADMIN, "tenant-admin" },
	{ ROLE_OPERATOR, "operator" },
	{ ROLE_SECURITY_ADMIN, "security-admin" },
	{ ROLE_AUDITOR, "auditor" },
	{ ROLE_BACKUP, "backup" },
};
#define BUILT_IN (sizeof built_in / sizeof built_in[0])

struct loader {
	struct txn *txn;
	const struct row_keys *store;
	struct policy *policy;
	size_t roles_room, grants_room;
};

static void
add_built_in_roles(struct policy *policy)
{
	struct role *owner = &policy->roles[0];

	*owner = (struct role){ .name = TEXT_LITERAL(ROLE_OWNER_NAME), .built_in = true };
	for (int id = 0; id < OP_COUNT; id++)
		method_set_add(&owner->methods, (enum op_id)id);
	for (size_t i = 0; i < BUILT_IN; i++) {
		struct role *role = &policy->roles[i + 1];

		*role = (struct role){ .name = text_of(built_in[i].name), .built_in = true };
		for (int id = 0; id < OP_COUNT; id++)
			if ((op_rows[id].roles & built_in[i].bit) != 0)
				method_set_add(&role->methods, (enum op_id)id);
	}
	policy->role_count = BUILT_IN + 1;
}

/* The row's plain text, copied to where the snapshot's views may point. */
static enum vault_err
keep_row(struct policy *policy, const struct row *row, struct vault_bytes *copy)
{
	copy->p = scratch_copy(&policy->memory, row->plain.p, row->plain.len);
	copy->len = row->plain.len;
	return copy->p == NULL ? VAULT_BUSY : VAULT_OK;
}

static enum vault_err
add_role(struct loader *loader, const struct row *row)
{
	struct policy *policy = loader->policy;
	struct role *role = &policy->roles[policy->role_count];
	struct role_record record;
	struct vault_bytes bytes;

	if (policy->role_count == loader->roles_room)
		return VAULT_BUSY;
	TRY(keep_row(policy, row, &bytes));
	TRY(record_decode(role_record_type(), bytes, &policy->memory, &record));
	*role = (struct role){ .name = record.name,
			       .patterns = record.methods,
			       .created_at = record.created_at,
			       .updated_at = record.updated_at };
	for (size_t i = 0; i < record.methods.n; i++)
		(void)method_set_add_pattern(&role->methods, record.methods.v[i]);
	policy->role_count++;
	return VAULT_OK;
}

static enum vault_err
add_grant(struct loader *loader, const struct row *row)
{
	struct policy *policy = loader->policy;
	struct grant *grant = &policy->grants[policy->grant_count];
	struct vault_bytes bytes;

	if (policy->grant_count == loader->grants_room)
		return VAULT_BUSY;
	*grant = (struct grant){ 0 };
	TRY(keep_row(policy, row, &bytes));
	TRY(record_decode(grant_record_type(), bytes, &policy->memory, &grant->record));
	if (!principal_parse(grant->record.principal, &grant->principal))
		return VAULT_INTEGRITY;
	grant->role = policy_role(policy, grant->record.role);
	if (grant->role == NULL)
		return VAULT_INTEGRITY;
	policy->grant_count++;
	return VAULT_OK;
}

static enum vault_err
walk_rows(struct loader *loader, enum row_kind kind,
	  enum vault_err (*add)(struct loader *, const struct row *))
{
	struct vault_bytes sealed;
	struct row_walk walk;
	struct row_key key;
	enum vault_err err;
	uint64_t id;

	TRY(row_walk_open(loader->txn, 0, (uint8_t)kind, NULL, &walk));
	while ((err = row_walk_next(&walk, &key, &id, &sealed)) == VAULT_OK) {
		ROW_LOCAL(row);

		err = sealed_open(loader->store, &key, sealed, &row);
		if (err == VAULT_OK)
			err = add(loader, &row);
		if (err != VAULT_OK)
			break;
	}
	row_walk_close(&walk);
	return err == VAULT_NOT_FOUND ? VAULT_OK : err;
}

static enum vault_err
count_rows(struct txn *txn, enum row_kind kind, size_t *n)
{
	struct row_walk walk;
	struct row_key key;
	enum vault_err err;
	uint64_t id;

	*n = 0;
	TRY(row_walk_open(txn, 0, (uint8_t)kind, NULL, &walk));
	while ((err = row_walk_next(&walk, &key, &id, NULL)) == VAULT_OK)
		++*n;
	row_walk_close(&walk);
	return err == VAULT_NOT_FOUND ? VAULT_OK : err;
}

static enum vault_err
make_room(struct loader *loader)
{
	struct policy *policy = loader->policy;
	size_t roles, size = 16;

	TRY(count_rows(loader->txn, ROW_ROLE, &roles));
	TRY(count_rows(loader->txn, ROW_GRANT, &loader->grants_room));
	loader->roles_room = roles + BUILT_IN + 1;
	while (size < 2 * loader->grants_room)
		size *= 2;
	policy->mask = size - 1;
	policy->roles = scratch_alloc(&policy->memory, loader->roles_room * sizeof(struct role));
	policy->grants =
		scratch_alloc(&policy->memory, (loader->grants_room + 1) * sizeof(struct grant));
	policy->holders = scratch_alloc(&policy->memory, size * sizeof policy->holders[0]);
	policy->links = scratch_alloc(&policy->memory, size * sizeof policy->links[0]);
	if (policy->roles == NULL || policy->grants == NULL || policy->holders == NULL ||
	    policy->links == NULL)
		return VAULT_BUSY;
	return VAULT_OK;
}

static struct holder *
holder_for(struct policy *policy, const struct principal *principal)
{
	struct holder **bucket = &policy->holders[principal_hash(principal) & policy->mask];
	struct holder *holder = *bucket;

	while (holder != NULL && !principal_equal(&holder->principal, principal))
		holder = holder->next;
	if (holder != NULL)
		return holder;
	holder = scratch_alloc(&policy->memory, sizeof *holder);
	if (holder == NULL)
		return NULL;
	holder->principal = *principal;
	holder->next = *bucket;
	*bucket = holder;
	return holder;
}

static enum vault_err
link_grant(struct policy *policy, const struct holder *holder, const struct grant *grant,
	   struct vault_text tenant)
{
	struct grant_link **bucket = &policy->links[link_hash(holder, tenant) & policy->mask];
	struct grant_link *link = scratch_alloc(&policy->memory, sizeof *link);

	if (link == NULL)
		return VAULT_BUSY;
	*link = (struct grant_link){ *bucket, holder, tenant, grant };
	*bucket = link;
	return VAULT_OK;
}

static enum vault_err
index_grant(struct policy *policy, struct grant *grant)
{
	struct holder *holder = holder_for(policy, &grant->principal);
	const struct vault_texts *tenants = &grant->record.tenants;
	bool patterns = false;

	if (holder == NULL)
		return VAULT_BUSY;
	grant->next = holder->grants;
	holder->grants = grant;
	method_set_join(&holder->any, &grant->role->methods);
	policy->group_holders |= grant->principal.kind == PRINCIPAL_GID;
	for (size_t i = 0; i < tenants->n; i++) {
		struct vault_text tenant = tenants->v[i];

		if (tenant.len > 0 && tenant.p[tenant.len - 1] == '*')
			patterns = true;
		else
			TRY(link_grant(policy, holder, grant, tenant));
	}
	return patterns ? link_grant(policy, holder, grant, LINK_PATTERNS) : VAULT_OK;
}

static enum vault_err
load(struct loader *loader)
{
	struct policy *policy = loader->policy;

	TRY(make_room(loader));
	add_built_in_roles(policy);
	TRY(walk_rows(loader, ROW_ROLE, add_role));
	TRY(walk_rows(loader, ROW_GRANT, add_grant));
	for (size_t i = 0; i < policy->grant_count; i++)
		TRY(index_grant(policy, &policy->grants[i]));
	return VAULT_OK;
}

enum vault_err
policy_load(struct txn *txn, const struct row_keys *store, struct policy **out)
{
	struct policy *policy = calloc(1, sizeof *policy);
	struct loader loader = { .txn = txn, .store = store, .policy = policy };
	enum vault_err err;

	if (policy == NULL)
		return VAULT_BUSY;
	atomic_init(&policy->references, 1);
	err = scratch_init(&policy->memory, POLICY_KEPT_BYTES, POLICY_MEMORY_MAX);
	if (err == VAULT_OK)
		err = load(&loader);
	if (err == VAULT_OK)
		*out = policy;
	else
		policy_release(policy);
	return err;
}

const struct role *
policy_role(const struct policy *policy, struct vault_text name)
{
	for (size_t i = 0; i < policy->role_count; i++)
		if (text_equal(policy->roles[i].name, name))
			return &policy->roles[i];
	return NULL;
}

bool
policy_has_owner(const struct policy *policy, uint32_t uid)
{
	struct principal user = { .kind = PRINCIPAL_UID, .number = uid };
	const struct holder *holder = policy_holder_of(policy, &user);
	const struct grant *grant = holder == NULL ? NULL : holder->grants;

	for (; grant != NULL; grant = grant->next)
		if (text_is(grant->record.role, ROLE_OWNER_NAME) && grant_is_lasting(grant) &&
		    texts_hold(&grant->record.may_grant, TEXT_LITERAL("*")))
			return true;
	return false;
}

enum vault_err
grants_create_owner(struct change *change, const struct row_keys *store, uint32_t uid, int64_t now)
{
	static const struct vault_text all[] = { { "*", 1 } };
	struct grant_record record = { .role = TEXT_LITERAL(ROLE_OWNER_NAME), .created_at = now };
	char principal[32];
	ROW_LOCAL(row);

	snprintf(principal, sizeof principal, "uid:%" PRIu32, uid);
	record.id = record.principal = text_of(principal);
	record.tenants = record.names = record.may_grant = (struct vault_texts){ all, 1 };
	row.key = row_key_of(store, ROW_GRANT, text_bytes(record.id));
	return sealed_put(change, store, &row, grant_record_type(), &record);
}
