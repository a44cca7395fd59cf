#include "vaultd/core/tenant.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/text.h"
#include "vaultd/base/bytes.h"
#include "vaultd/core/page.h"
#include "vaultd/core/tenant_limits.h"
#include "vaultd/core/tenant_rekey.h"

#define TENANT_COST                                                                                \
	512 /* bytes of the arena that an open tenant holds: its keys, a power of two each */
#define NUMBERED_COST 256 /* as if it held so much of the arena, so that there is an end to them */

struct row_key
tenant_numbered(enum row_kind kind, uint32_t number)
{
	struct row_key key = { .tenant = 0, .kind = (uint8_t)kind };

	put_be32(key.tag, number);
	return key;
}

static void
tenant_destroy(struct cache_entry *entry)
{
	struct tenant *tenant = (struct tenant *)(void *)entry;

	row_keys_free(&tenant->keys);
	secret_free(&tenant->pepper);
	free(tenant);
}

enum vault_err
tenant_unwrap(struct op *op, uint32_t number, const struct tenant_wraps *wraps, struct secret *key)
{
	struct tenant_wrapped wrapped = { number, (uint32_t)wraps->root_generation,
					  wraps->tenant_key };

	return keyring_open_tenant(&op->vault->keyring, &wrapped, op->vault->arena, key);
}

/* The generation that seals stands first; another one may follow while rows are sealed again. */
static enum vault_err
unwrap_record_keys(struct op *op, const struct secret *under, const struct tenant_wraps *wraps,
		   struct row_keys *keys)
{
	const struct record_key_wrap *wrap = wraps->record_keys.v;
	struct wrap_use use = { "tenant record key", keys->tenant, 0,
				op->vault->keyring.store.store_id };

	if (wraps->record_keys.n == 0 || wraps->record_keys.n > RECORD_KEYS_MAX)
		return VAULT_INTEGRITY;
	use.generation = keys->generation = (uint16_t)wrap[0].generation;
	TRY(key_unwrap(under, &use, wrap[0].wrapped, op->vault->arena, &keys->record));
	if (wraps->record_keys.n == 1)
		return VAULT_OK;
	use.generation = keys->other_generation = (uint16_t)wrap[1].generation;
	return key_unwrap(under, &use, wrap[1].wrapped, op->vault->arena, &keys->other);
}

static enum vault_err
unwrap_keys(struct op *op, const struct tenant_wraps *wraps, struct tenant *tenant)
{
	struct wrap_use use = { "tenant name key", tenant->keys.tenant, 0,
				op->vault->keyring.store.store_id };
	SECRET_LOCAL(key);

	TRY(tenant_unwrap(op, tenant->keys.tenant, wraps, &key));
	TRY(key_unwrap(&key, &use, wraps->name_key, op->vault->arena, &tenant->keys.name));
	use.purpose = "tenant pepper";
	TRY(key_unwrap(&key, &use, wraps->pepper, op->vault->arena, &tenant->pepper));
	return unwrap_record_keys(op, &key, wraps, &tenant->keys);
}

enum vault_err
tenant_read_wraps(struct op *op, uint32_t number, struct tenant_wraps *wraps)
{
	struct row_key key = tenant_numbered(ROW_TENANT_WRAPS, number);
	struct vault_bytes bytes;
	uint64_t id;

	TRY(row_find(op->txn, &key, &id, &bytes));
	return record_decode(tenant_wraps_type(), bytes, op->scratch, wraps);
}

enum vault_err
tenant_read(struct op *op, struct vault_text name, struct row *row, struct tenant_record *record)
{
	const struct row_keys *store = &op->vault->keyring.store;
	struct row_key key = row_key_of(store, ROW_TENANT, text_bytes(name));

	TRY(sealed_find(op->txn, store, &key, row));
	TRY(record_decode(tenant_record_type(), row_plain(row), op->scratch, record));
	return text_equal(record->name, name) ? VAULT_OK : VAULT_NOT_FOUND;
}

/* Which kinds of revocation there are, so that a token is looked up under no other. */
static enum vault_err
find_revoked(struct op *op, struct tenant *tenant)
{
	for (int kind = ROW_TOKEN_REVOKED; kind <= ROW_PROFILE_REVOKED; kind++) {
		struct row_walk walk;
		struct row_key key;
		enum vault_err err;
		uint64_t id;

		TRY(row_walk_open(op->txn, tenant->keys.tenant, (uint8_t)kind, NULL, &walk));
		err = row_walk_next(&walk, &key, &id, NULL);
		row_walk_close(&walk);
		if (err == VAULT_OK)
			tenant->revoked |= (uint8_t)(1 << (kind - ROW_TOKEN_REVOKED));
		else if (err != VAULT_NOT_FOUND)
			return err;
	}
	return VAULT_OK;
}

static enum vault_err
tenant_load(struct op *op, struct vault_text name, struct tenant *tenant)
{
	struct tenant_record record;
	struct tenant_wraps wraps;
	enum vault_err err;
	ROW_LOCAL(row);

	TRY(tenant_read(op, name, &row, &record));
	tenant->slot = tenants_slot(&op->vault->tenants, (uint32_t)record.number);
	if (tenant->slot == NULL)
		return VAULT_BUSY;
	tenant->loaded_at = atomic_load_explicit(&tenant->slot->generation, memory_order_acquire);
	tenant->state = (enum tenant_state)record.state;
	tenant_limits_resolve(&op->vault->settings, &record, tenant);
	tenant->name_len = (uint8_t)name.len;
	memcpy(tenant->name, name.p, name.len);
	tenant->keys.tenant = (uint32_t)record.number;
	memcpy(tenant->keys.store_id, op->vault->keyring.store.store_id, STORE_ID_BYTES);
	err = tenant_read_wraps(op, (uint32_t)record.number, &wraps);
	/* A tenant without its keys was damaged, not erased: erasing removes both. */
	if (err == VAULT_OK)
		err = unwrap_keys(op, &wraps, tenant);
	if (err == VAULT_OK)
		err = find_revoked(op, tenant);
	return err == VAULT_NOT_FOUND ? VAULT_INTEGRITY : err;
}

static enum vault_err
load_into_cache(struct op *op, const struct cache_key *key, struct tenant **out)
{
	struct tenant *tenant;
	enum vault_err err;
	bool stale;

	do {
		TRY(op_refresh(op));
		tenant = calloc(1, sizeof *tenant);
		if (tenant == NULL)
			return VAULT_BUSY;
		err = tenant_load(op, key->name, tenant);
		stale = op_stale(op);
		if (err != VAULT_OK || stale)
			tenant_destroy(&tenant->entry);
		/* An old snapshot's keys may be wrapped under a root key that was replaced since. */
	} while (((err == VAULT_OK || err == VAULT_INTEGRITY) && stale) ||
		 (err == VAULT_BUSY && cache_evict(op->cache)));
	TRY(err);
	tenant->entry.destroy = tenant_destroy;
	tenant->entry.cost = TENANT_COST;
	cache_put(op->cache, key, &tenant->entry);
	*out = tenant;
	return VAULT_OK;
}

/*
 * A tenant is found by name before its number is known, so its entry is checked here, against its
 * own slot.
 */
enum vault_err
tenant_get(struct op *op, struct vault_text name, const struct tenant **out)
{
	struct cache_key key = { .kind = CACHE_TENANT, .name = name };
	struct tenant *tenant = (struct tenant *)(void *)cache_get(op->cache, &key);

	if (tenant != NULL && atomic_load_explicit(&tenant->slot->generation,
						   memory_order_acquire) != tenant->loaded_at) {
		cache_remove(op->cache, &tenant->entry);
		tenant = NULL;
	}
	if (tenant == NULL)
		TRY(load_into_cache(op, &key, &tenant));
	*out = tenant;
	return VAULT_OK;
}

void
tenant_changed(struct op *op)
{
	struct cache_key key = { .kind = CACHE_TENANT, .name = tenant_name_of(op->tenant) };
	struct cache_entry *entry = cache_get(op->cache, &key);

	if (entry != NULL)
		cache_remove(op->cache, entry);
	op->effects.touched = op->tenant->slot;
}

void
tenant_tell(struct op *op, enum event_kind kind, struct vault_text name)
{
	op->effects.told = kind;
	memcpy(op->effects.told_tenant, name.p, name.len);
	op->effects.told_tenant[name.len] = '\0';
}

enum vault_err
tenant_create(struct op *op, const struct tenant_create_req *req)
{
	const struct row_keys *store = &op->vault->keyring.store;
	struct tenant_record record = { .name = req->tenant,
					.created_at = op->now.wall,
					.state = tenant_state_active };
	ROW_LOCAL(row);
	uint64_t id;

	TRY(tenant_check_plan(op, req->plan));
	row.key = row_key_of(store, ROW_TENANT, text_bytes(req->tenant));
	if (row_linked(op->txn, &row.key, &id) == VAULT_OK)
		return op_fail(op, VAULT_EXISTS, "tenant", NULL);
	if (op->vault->next_tenant >= TENANTS_MAX)
		return op_fail(op, VAULT_STORAGE_FULL, NULL, "no more tenants can be made");
	/*
	 * A number that a failed change took is not given out again: nothing may ever stand under
	 * it twice.
	 */
	record.number = op->vault->next_tenant++;
	record.display_name = req->display_name;
	record.labels = req->labels;
	record.plan = req->plan;
	tenant_limits_put(&record, req->limits);
	TRY(tenant_new_wraps(op, (uint32_t)record.number, &row.key));
	TRY(sealed_put(op->change, store, &row, tenant_record_type(), &record));
	op->effects.tenant_created = true;
	op->note.tenant = (uint32_t)record.number;
	return VAULT_OK;
}

static enum vault_err
keep_texts(struct op *op, const struct vault_texts *from, struct vault_texts *to)
{
	struct vault_text *v;

	if (from->v == NULL)
		return VAULT_OK;
	v = scratch_alloc(op->scratch, (from->n == 0 ? 1 : from->n) * sizeof *v);
	if (v == NULL)
		return VAULT_BUSY;
	for (size_t i = 0; i < from->n; i++)
		TRY(op_keep_text(op, from->v[i], &v[i]));
	*to = (struct vault_texts){ v, from->n };
	return VAULT_OK;
}

static enum vault_err
describe(struct op *op, const struct tenant_record *record, struct tenant_get_res *res)
{
	struct vault_bytes labels = { record->labels.p, record->labels.len };

	*res = (struct tenant_get_res){ .state = (int)record->state,
					.created_at = record->created_at,
					.retention = record->retention };
	res->key_lockout = (struct vault_opt_enum){
		record->key_lockout.set ? (int)record->key_lockout.v : key_lockout_pair, true
	};
	TRY(op_keep_text(op, record->plan, &res->plan));
	TRY(keep_texts(op, &record->allowed_origins, &res->allowed_origins));
	TRY(tenant_limits_show(op, record, &res->limits));
	TRY(tenant_source_show(op, record, &res->source_limit));
	TRY(tenant_rekey_progress(op, (uint32_t)record->number, &res->rekey));
	TRY(op_keep_text(op, record->name, &res->tenant));
	TRY(op_keep_text(op, record->display_name, &res->display_name));
	TRY(op_keep_bytes(op, labels, &labels));
	res->labels = (struct vault_map){ labels.p, labels.len };
	return VAULT_OK;
}

enum vault_err
tenant_describe(struct op *op, struct vault_text name, struct tenant_get_res *res)
{
	struct tenant_record record;
	ROW_LOCAL(row);

	TRY(tenant_read(op, name, &row, &record));
	return describe(op, &record, res);
}

static enum vault_err
describe_row(struct op *op, const struct row *row, void *item)
{
	struct tenant_record record;

	TRY(record_decode(tenant_record_type(), row_plain(row), op->scratch, &record));
	return describe(op, &record, item);
}

enum vault_err
tenant_page(struct op *op, const struct tenant_list_req *req, struct tenant_list_res *res)
{
	struct page page = { .op = op,
			     .keys = &op->vault->keyring.store,
			     .kind = ROW_TENANT,
			     .item = tenant_get_res_type(),
			     .make = describe_row,
			     .limit = req->limit.v,
			     .cursor = req->cursor };
	struct object_list items = { 0 };

	TRY(page_walk(&page, &items, &res->cursor));
	res->items.v = items.v;
	res->items.n = items.n;
	return VAULT_OK;
}

enum vault_err
tenant_name_by_number(struct op *op, uint32_t number, struct vault_text *name)
{
	const struct row_keys *store = &op->vault->keyring.store;
	struct row_key key = { .tenant = 0, .kind = ROW_TENANT };
	struct tenant_record record;
	struct tenant_wraps wraps;
	ROW_LOCAL(row);

	TRY(tenant_read_wraps(op, number, &wraps));
	if (wraps.name_tag.len != ROW_TAG_BYTES)
		return VAULT_INTEGRITY;
	memcpy(key.tag, wraps.name_tag.p, ROW_TAG_BYTES);
	TRY(sealed_find(op->txn, store, &key, &row));
	TRY(record_decode(tenant_record_type(), row_plain(&row), op->scratch, &record));
	return op_keep_text(op, record.name, name);
}

/* A number's name, in the thread's cache; as long as there is the tenant it holds: names stay. */
struct numbered {
	struct cache_entry entry;
	char name[TENANT_NAME_MAX];
	uint8_t name_len;
};

static void
numbered_destroy(struct cache_entry *entry)
{
	free(entry);
}

static enum vault_err
remember_name(struct op *op, const struct cache_key *key, struct vault_text name)
{
	struct numbered *numbered = calloc(1, sizeof *numbered);

	if (numbered == NULL || name.len > sizeof numbered->name) {
		free(numbered);
		return VAULT_BUSY;
	}
	memcpy(numbered->name, name.p, name.len);
	numbered->name_len = (uint8_t)name.len;
	numbered->entry.destroy = numbered_destroy;
	numbered->entry.cost = NUMBERED_COST;
	cache_put(op->cache, key, &numbered->entry);
	return VAULT_OK;
}

enum vault_err
tenant_by_number(struct op *op, uint32_t number, const struct tenant **out)
{
	struct cache_key key = { .kind = CACHE_TENANT_NAME,
				 .tenant = number,
				 .name = TEXT_LITERAL("name") };
	const struct numbered *numbered =
		(const struct numbered *)(const void *)cache_get(op->cache, &key);
	const struct tenant *tenant;
	struct vault_text name;

	if (op->tenant != NULL && op->tenant->keys.tenant == number) {
		*out = op->tenant;
		return VAULT_OK;
	}
	if (numbered != NULL) {
		name = (struct vault_text){ numbered->name, numbered->name_len };
	} else {
		TRY(tenant_name_by_number(op, number, &name));
		TRY(remember_name(op, &key, name));
	}
	TRY(tenant_get(op, name, &tenant));
	/* The name may have become another tenant's, after this one was erased. */
	if (tenant->keys.tenant != number)
		return VAULT_NOT_FOUND;
	*out = tenant;
	return VAULT_OK;
}
