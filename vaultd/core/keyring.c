#include "vaultd/core/keyring.h"

#include <stdio.h>
#include <string.h>

#include "vaultd/base/bytes.h"
#include "vaultd/base/random.h"
#include "vaultd/crypto/kdf.h"

#define META_FORMAT "format"
#define META_STORE_ID "store_id"
#define META_WRAPS "store_wraps"
#define WRAP_AD_MAX 128

void
keyring_free(struct keyring *keyring)
{
	keyring_drop_next(keyring);
	secret_free(&keyring->ids);
	secret_free(&keyring->sums);
	secret_free(&keyring->root);
	secret_free(&keyring->wrap);
	secret_free(&keyring->audit_wrap);
	secret_free(&keyring->slot_mac);
	row_keys_free(&keyring->store);
	ed25519_free(&keyring->identity);
	keyring->root_generation = 0;
}

static size_t
wrap_ad(const struct wrap_use *use, uint8_t ad[static WRAP_AD_MAX])
{
	uint8_t *p = put_bytes(ad, use->store_id, STORE_ID_BYTES);

	p = put_le32(p, use->tenant);
	p = put_le32(p, use->generation);
	p = put_bytes(p, use->purpose, strlen(use->purpose));
	return (size_t)(p - ad);
}

void
key_wrap(const struct secret *under, const struct wrap_use *use, const uint8_t *key,
	 uint8_t wrapped[static WRAPPED_BYTES])
{
	uint8_t ad[WRAP_AD_MAX];
	size_t ad_len = wrap_ad(use, ad);

	aead_seal(under->p, wrapped, (struct vault_bytes){ ad, ad_len },
		  (struct vault_bytes){ key, ROOT_KEY_BYTES }, wrapped + AEAD_NONCE_BYTES);
}

enum vault_err
key_unwrap(const struct secret *under, const struct wrap_use *use, struct vault_bytes wrapped,
	   struct arena *arena, struct secret *key)
{
	SECRET_LOCAL(plain);
	uint8_t ad[WRAP_AD_MAX];
	size_t ad_len = wrap_ad(use, ad);

	if (wrapped.len != WRAPPED_BYTES)
		return VAULT_INTEGRITY;
	TRY(secret_new(arena, ROOT_KEY_BYTES, &plain));
	TRY(aead_open(under->p, wrapped.p, (struct vault_bytes){ ad, ad_len },
		      (struct vault_bytes){ wrapped.p + AEAD_NONCE_BYTES,
					    wrapped.len - AEAD_NONCE_BYTES },
		      plain.p));
	secret_move(key, &plain);
	return VAULT_OK;
}

static enum vault_err
derive(const struct secret *root, const char *label, struct secret *out)
{
	TRY(secret_new(root->arena, KDF_KEY_BYTES, out));
	kdf_derive(root->p, label, out->p);
	return VAULT_OK;
}

static void
root_keys_free(struct root_keys *keys)
{
	secret_free(&keys->root);
	secret_free(&keys->wrap);
	secret_free(&keys->audit_wrap);
	secret_free(&keys->slot_mac);
	keys->generation = 0;
}

static enum vault_err
root_keys_derive(struct root_keys *keys)
{
	TRY(derive(&keys->root, "vaultd wrap", &keys->wrap));
	TRY(derive(&keys->root, "vaultd audit", &keys->audit_wrap));
	return derive(&keys->root, "vaultd slots", &keys->slot_mac);
}

/* Takes the keys; the others are wiped. */
static void
root_keys_take(struct keyring *keyring, struct root_keys *keys)
{
	secret_free(&keyring->root);
	secret_free(&keyring->wrap);
	secret_free(&keyring->audit_wrap);
	secret_free(&keyring->slot_mac);
	secret_move(&keyring->root, &keys->root);
	secret_move(&keyring->wrap, &keys->wrap);
	secret_move(&keyring->audit_wrap, &keys->audit_wrap);
	secret_move(&keyring->slot_mac, &keys->slot_mac);
	keyring->root_generation = keys->generation;
	keys->generation = 0;
}

enum vault_err
keyring_derive(struct keyring *keyring, struct secret *root, uint32_t generation)
{
	struct root_keys keys = { .generation = generation };
	enum vault_err err;

	secret_move(&keys.root, root);
	err = root_keys_derive(&keys);
	if (err == VAULT_OK)
		root_keys_take(keyring, &keys);
	root_keys_free(&keys);
	return err;
}

/* What the store's keys are wrapped under: the present root key's or the next one's. */
struct wrapping {
	uint32_t generation;
	const struct secret *wrap;
};

static enum vault_err
put_wraps(struct txn *txn, const struct keyring *keyring, struct wrapping under)
{
	uint8_t record[WRAPPED_BYTES], name[WRAPPED_BYTES], identity[WRAPPED_BYTES];
	struct store_wraps wraps = { .root_generation = under.generation };
	struct wrap_use use = { "store record key", 0, under.generation, keyring->store.store_id };
	struct buf buf = { 0 };
	enum vault_err err;

	key_wrap(under.wrap, &use, keyring->store.record.p, record);
	use.purpose = "store name key";
	key_wrap(under.wrap, &use, keyring->store.name.p, name);
	use.purpose = "store identity";
	/* The seed is the first half of what ed25519.h keeps. */
	key_wrap(under.wrap, &use, keyring->identity.secret.p, identity);
	wraps.record_key = (struct vault_bytes){ record, sizeof record };
	wraps.name_key = (struct vault_bytes){ name, sizeof name };
	wraps.identity = (struct vault_bytes){ identity, sizeof identity };
	err = record_encode(store_wraps_type(), &wraps, &buf);
	if (err == VAULT_OK)
		err = meta_put(txn, META_WRAPS,
			       (struct vault_bytes){ buf_data(&buf), buf_len(&buf) });
	buf_free(&buf);
	return err;
}

/* What comes of the name key, which stays what it is under a new root. */
static enum vault_err
derive_names(struct keyring *keyring)
{
	TRY(derive(&keyring->store.name, "vaultd api key ids", &keyring->ids));
	return derive(&keyring->store.name, "vaultd store sums", &keyring->sums);
}

enum vault_err
keyring_create(struct keyring *keyring, struct txn *txn, const uint8_t id[static STORE_ID_BYTES])
{
	struct arena *arena = keyring->root.arena;
	SECRET_LOCAL(seed);

	memcpy(keyring->store.store_id, id, STORE_ID_BYTES);
	keyring->store.tenant = 0;
	keyring->store.generation = 1;
	TRY(secret_random(arena, AEAD_KEY_BYTES, &keyring->store.record));
	TRY(secret_random(arena, NAME_KEY_BYTES, &keyring->store.name));
	TRY(secret_random(arena, ED25519_SEED_BYTES, &seed));
	TRY(ed25519_from_seed(&keyring->identity, arena, seed.p));
	TRY(derive_names(keyring));
	TRY(keyring_put_format(txn));
	TRY(meta_put(txn, META_STORE_ID, (struct vault_bytes){ id, STORE_ID_BYTES }));
	return put_wraps(txn, keyring,
			 (struct wrapping){ keyring->root_generation, &keyring->wrap });
}

static enum vault_err
load_one(const struct keyring *keyring, const char *purpose, struct vault_bytes wrapped,
	 struct secret *key)
{
	struct wrap_use use = { purpose, 0, keyring->root_generation, keyring->store.store_id };

	return key_unwrap(&keyring->wrap, &use, wrapped, keyring->root.arena, key);
}

enum vault_err
keyring_load(struct keyring *keyring, struct txn *txn)
{
	struct store_wraps wraps;
	struct vault_bytes bytes;
	SECRET_LOCAL(seed);

	TRY(keyring_store_id(txn, keyring->store.store_id));
	TRY(meta_get(txn, META_WRAPS, &bytes));
	TRY(record_decode(store_wraps_type(), bytes, NULL, &wraps));
	if (wraps.root_generation != keyring->root_generation)
		return VAULT_INTEGRITY;
	keyring->store.generation = 1;
	TRY(load_one(keyring, "store record key", wraps.record_key, &keyring->store.record));
	TRY(load_one(keyring, "store name key", wraps.name_key, &keyring->store.name));
	TRY(load_one(keyring, "store identity", wraps.identity, &seed));
	TRY(derive_names(keyring));
	return ed25519_from_seed(&keyring->identity, keyring->root.arena, seed.p);
}

enum vault_err
keyring_next(struct keyring *keyring)
{
	struct root_keys next = { .generation = keyring->root_generation + 1 };
	enum vault_err err = secret_random(keyring->root.arena, ROOT_KEY_BYTES, &next.root);

	if (err == VAULT_OK)
		err = root_keys_derive(&next);
	if (err != VAULT_OK) {
		root_keys_free(&next);
		return err;
	}
	pthread_mutex_lock(&keyring->rekeying);
	root_keys_free(&keyring->next);
	keyring->next = next;
	pthread_mutex_unlock(&keyring->rekeying);
	return VAULT_OK;
}

enum vault_err
keyring_rewrap(struct keyring *keyring, struct txn *txn)
{
	return put_wraps(txn, keyring,
			 (struct wrapping){ keyring->next.generation, &keyring->next.wrap });
}

void
keyring_switch(struct keyring *keyring)
{
	pthread_mutex_lock(&keyring->rekeying);
	if (keyring->next.root.p != NULL)
		root_keys_take(keyring, &keyring->next);
	pthread_mutex_unlock(&keyring->rekeying);
}

void
keyring_drop_next(struct keyring *keyring)
{
	pthread_mutex_lock(&keyring->rekeying);
	root_keys_free(&keyring->next);
	pthread_mutex_unlock(&keyring->rekeying);
}

enum vault_err
keyring_copy_root(struct keyring *keyring, uint32_t generation, struct secret *root)
{
	enum vault_err err = VAULT_BUSY;
	const struct secret *from = NULL;

	pthread_mutex_lock(&keyring->rekeying);
	/* A commit is seen a moment before the keys are switched. */
	if (keyring->root_generation == generation)
		from = &keyring->root;
	else if (keyring->next.generation == generation)
		from = &keyring->next.root;
	if (from != NULL && from->p != NULL)
		err = secret_copy(from->arena, from->p, from->len, root);
	pthread_mutex_unlock(&keyring->rekeying);
	return err;
}

bool
keyring_has_root(struct keyring *keyring, uint32_t generation)
{
	bool has;

	pthread_mutex_lock(&keyring->rekeying);
	has = keyring->root_generation == generation ||
	      (keyring->next.root.p != NULL && keyring->next.generation == generation);
	pthread_mutex_unlock(&keyring->rekeying);
	return has;
}

static struct wrap_use
tenant_use(const struct keyring *keyring, uint32_t number, uint32_t generation)
{
	return (struct wrap_use){ "tenant key", number, generation, keyring->store.store_id };
}

enum vault_err
keyring_open_tenant(struct keyring *keyring, const struct tenant_wrapped *from, struct arena *arena,
		    struct secret *key)
{
	struct wrap_use use = tenant_use(keyring, from->number, from->generation);
	enum vault_err err = VAULT_INTEGRITY;

	/* Committed, and seen here, before the committer switches: the next one's counts too. */
	pthread_mutex_lock(&keyring->rekeying);
	if (from->generation == keyring->root_generation)
		err = key_unwrap(&keyring->wrap, &use, from->wrapped, arena, key);
	else if (keyring->next.root.p != NULL && from->generation == keyring->next.generation)
		err = key_unwrap(&keyring->next.wrap, &use, from->wrapped, arena, key);
	pthread_mutex_unlock(&keyring->rekeying);
	return err;
}

enum vault_err
keyring_rewrap_tenant(const struct keyring *keyring, const struct tenant_wrapped *from,
		      uint8_t wrapped[static WRAPPED_BYTES])
{
	struct wrap_use use = tenant_use(keyring, from->number, from->generation);
	SECRET_LOCAL(key);

	if (from->generation != keyring->root_generation)
		return VAULT_INTEGRITY;
	TRY(key_unwrap(&keyring->wrap, &use, from->wrapped, keyring->root.arena, &key));
	use.generation = keyring->next.generation;
	key_wrap(&keyring->next.wrap, &use, key.p, wrapped);
	return VAULT_OK;
}

enum vault_err
keyring_format(struct txn *txn, uint8_t *format)
{
	struct vault_bytes bytes;

	TRY(meta_get(txn, META_FORMAT, &bytes));
	if (bytes.len != 1 || bytes.p[0] == 0)
		return VAULT_INTEGRITY;
	*format = bytes.p[0];
	return *format <= STORE_FORMAT ? VAULT_OK : VAULT_UNSUPPORTED;
}

enum vault_err
keyring_put_format(struct txn *txn)
{
	static const uint8_t format = STORE_FORMAT;

	return meta_put(txn, META_FORMAT, (struct vault_bytes){ &format, sizeof format });
}

enum vault_err
keyring_store_id(struct txn *txn, uint8_t id[static STORE_ID_BYTES])
{
	struct vault_bytes bytes;

	TRY(meta_get(txn, META_STORE_ID, &bytes));
	if (bytes.len != STORE_ID_BYTES)
		return VAULT_INTEGRITY;
	memcpy(id, bytes.p, STORE_ID_BYTES);
	return VAULT_OK;
}

void
store_id_text(const uint8_t id[static STORE_ID_BYTES], char text[static STORE_ID_TEXT])
{
	for (size_t i = 0; i < STORE_ID_BYTES; i++)
		snprintf(text + 2 * i, 3, "%02x", id[i]);
}
