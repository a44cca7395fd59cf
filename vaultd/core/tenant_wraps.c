/* A tenant's keys, wrapped: made, written, found by its number. */
#include <string.h>

#include "vaultd/core/tenant.h"

static enum vault_err
encode_wraps(struct op *op, const struct tenant *tenant, const struct row_key *name,
	     struct buf *out)
{
	const struct keyring *keyring = &op->vault->keyring;
	const uint8_t *store = keyring->store.store_id;
	uint32_t number = tenant->keys.tenant;
	uint8_t wrapped[4][WRAPPED_BYTES];
	struct record_key_wrap record_wrap = { .generation = tenant->keys.generation };
	struct tenant_wraps wraps = { .root_generation = keyring->root_generation };
	struct wrap_use use = { "tenant key", number, keyring->root_generation, store };
	SECRET_LOCAL(tenant_key);

	TRY(secret_random(op->vault->arena, AEAD_KEY_BYTES, &tenant_key));
	key_wrap(&keyring->wrap, &use, tenant_key.p, wrapped[0]);
	use = (struct wrap_use){ "tenant name key", number, 0, store };
	key_wrap(&tenant_key, &use, tenant->keys.name.p, wrapped[1]);
	use.purpose = "tenant pepper";
	key_wrap(&tenant_key, &use, tenant->pepper.p, wrapped[2]);
	use.purpose = "tenant record key";
	use.generation = tenant->keys.generation;
	key_wrap(&tenant_key, &use, tenant->keys.record.p, wrapped[3]);
	wraps.name_tag = (struct vault_bytes){ name->tag, ROW_TAG_BYTES };
	wraps.tenant_key = (struct vault_bytes){ wrapped[0], WRAPPED_BYTES };
	wraps.name_key = (struct vault_bytes){ wrapped[1], WRAPPED_BYTES };
	wraps.pepper = (struct vault_bytes){ wrapped[2], WRAPPED_BYTES };
	record_wrap.wrapped = (struct vault_bytes){ wrapped[3], WRAPPED_BYTES };
	wraps.record_keys.v = &record_wrap;
	wraps.record_keys.n = 1;
	return record_encode(tenant_wraps_type(), &wraps, out);
}

static enum vault_err
insert_wraps(struct op *op, const struct tenant *tenant, const struct row_key *name)
{
	struct row_key key = tenant_numbered(ROW_TENANT_WRAPS, tenant->keys.tenant);
	struct buf buf = { 0 };
	enum vault_err err = encode_wraps(op, tenant, name, &buf);
	uint64_t id;

	if (err == VAULT_OK)
		err = row_insert(op->change->txn, &key,
				 (struct vault_bytes){ buf_data(&buf), buf_len(&buf) }, &id);
	buf_free(&buf);
	return err;
}

static enum vault_err
make_keys(struct op *op, struct tenant *tenant)
{
	struct arena *arena = op->vault->arena;

	TRY(secret_random(arena, AEAD_KEY_BYTES, &tenant->keys.record));
	TRY(secret_random(arena, NAME_KEY_BYTES, &tenant->keys.name));
	return secret_random(arena, AEAD_KEY_BYTES, &tenant->pepper);
}

enum vault_err
tenant_new_wraps(struct op *op, uint32_t number, const struct row_key *name)
{
	struct tenant tenant = { .keys = { .tenant = number, .generation = 1 } };
	enum vault_err err = make_keys(op, &tenant);

	if (err == VAULT_OK)
		err = insert_wraps(op, &tenant, name);
	row_keys_free(&tenant.keys);
	secret_free(&tenant.pepper);
	return err;
}

enum vault_err
tenant_put_wraps(struct op *op, const struct tenant *tenant)
{
	const struct row_key nameless = { 0 };

	return insert_wraps(op, tenant, &nameless);
}

enum vault_err
tenant_write_wraps(struct op *op, uint32_t number, const struct tenant_wraps *wraps)
{
	struct row_key key = tenant_numbered(ROW_TENANT_WRAPS, number);
	struct buf buf = { 0 };
	enum vault_err err;
	uint64_t id;

	TRY(row_linked(op->change->txn, &key, &id));
	err = record_encode(tenant_wraps_type(), wraps, &buf);
	if (err == VAULT_OK)
		err = row_update(op->change->txn, id,
				 (struct vault_bytes){ buf_data(&buf), buf_len(&buf) });
	buf_free(&buf);
	return err;
}

enum vault_err
tenant_name_wraps(struct op *op, uint32_t number, const struct row_key *name)
{
	struct tenant_wraps wraps;

	TRY(tenant_read_wraps(op, number, &wraps));
	wraps.name_tag = (struct vault_bytes){ name->tag, ROW_TAG_BYTES };
	return tenant_write_wraps(op, number, &wraps);
}
