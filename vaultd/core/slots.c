#include "vaultd/core/slots.h"

#include <string.h>

#include "vaultd/base/random.h"
#include "vaultd/crypto/box.h"
#include "vaultd/crypto/kdf.h"
#include "vaultd/crypto/mac.h"

#define META_SLOTS "slots"
#define META_GENERATION "root_generation"
#define SLOT_SCRATCH_BYTES 16384 /* a table of SLOTS_MAX slots decoded */
#define SLOT_AD_MAX 256
#define SLOT_MAC_BYTES 32

void
slot_draft_free(struct slot_draft *draft)
{
	secret_free(&draft->key);
}

static enum vault_err
slot_key(struct arena *arena, const struct slot_secret *secret, const uint8_t salt[static 16],
	 const struct slot_cost *cost, struct secret *key)
{
	SECRET_LOCAL(made);

	TRY(secret_new(arena, KDF_KEY_BYTES, &made));
	if (secret->kind == SLOT_PASSPHRASE)
		TRY(kdf_passphrase(secret->bytes, salt, cost->memory, cost->passes, made.p));
	else
		kdf_extract(secret->bytes, salt, "vaultd key file slot", made.p);
	secret_move(key, &made);
	return VAULT_OK;
}

enum vault_err
slot_draft_make(struct arena *arena, const struct slot_secret *secret, const struct slot_cost *cost,
		struct slot_draft *draft)
{
	*draft = (struct slot_draft){ .kind = secret->kind };
	if (secret->kind == SLOT_PASSPHRASE)
		draft->cost = *cost;
	random_bytes(draft->salt, sizeof draft->salt);
	return slot_key(arena, secret, draft->salt, &draft->cost, &draft->key);
}

/* The private half is bound to its store, its slot's name and its public half. */
static size_t
slot_ad(const uint8_t *store_id, struct vault_text name, const uint8_t *public_key,
	uint8_t ad[static SLOT_AD_MAX])
{
	memcpy(ad, store_id, STORE_ID_BYTES);
	memcpy(ad + STORE_ID_BYTES, public_key, BOX_PUBLIC_BYTES);
	memcpy(ad + STORE_ID_BYTES + BOX_PUBLIC_BYTES, name.p, name.len);
	return STORE_ID_BYTES + BOX_PUBLIC_BYTES + name.len;
}

/* What the MAC is made of: the table with the store's id in the MAC's place. */
static enum vault_err
table_bytes(const struct keyring *keyring, const struct slot_table *table, struct buf *out)
{
	struct slot_table bare = { .slots = table->slots };

	bare.mac = (struct vault_bytes){ keyring->store.store_id, STORE_ID_BYTES };
	return record_encode(slot_table_type(), &bare, out);
}

static enum vault_err
table_key(const struct keyring *keyring, struct mac_key *key)
{
	return mac_key_init(key, keyring->root.arena, MAC_SHA256,
			    (struct vault_bytes){ keyring->slot_mac.p, keyring->slot_mac.len });
}

static enum vault_err
table_mac(const struct keyring *keyring, const struct slot_table *table,
	  uint8_t mac[static SLOT_MAC_BYTES])
{
	struct mac_key key = { 0 };
	struct buf buf = { 0 };
	enum vault_err err = table_bytes(keyring, table, &buf);

	if (err == VAULT_OK)
		err = table_key(keyring, &key);
	if (err == VAULT_OK)
		mac_once(&key, (struct vault_bytes){ buf_data(&buf), buf_len(&buf) }, mac);
	mac_key_free(&key);
	buf_free(&buf);
	return err;
}

static enum vault_err
table_check(const struct keyring *keyring, const struct slot_table *table)
{
	struct mac_key key = { 0 };
	struct buf buf = { 0 };
	enum vault_err err = table_bytes(keyring, table, &buf);

	if (err == VAULT_OK)
		err = table_key(keyring, &key);
	if (err == VAULT_OK &&
	    !mac_check(&key, (struct vault_bytes){ buf_data(&buf), buf_len(&buf) }, table->mac))
		err = VAULT_INTEGRITY;
	mac_key_free(&key);
	buf_free(&buf);
	return err;
}

static enum vault_err
table_put(struct txn *txn, const struct keyring *keyring, const struct object_list *slots)
{
	struct slot_table table = { 0 };
	struct buf buf = { 0 };
	uint8_t mac[SLOT_MAC_BYTES];
	enum vault_err err;

	table.slots.v = slots->v;
	table.slots.n = slots->n;
	TRY(table_mac(keyring, &table, mac));
	table.mac = (struct vault_bytes){ mac, sizeof mac };
	err = record_encode(slot_table_type(), &table, &buf);
	if (err == VAULT_OK)
		err = meta_put(txn, META_SLOTS,
			       (struct vault_bytes){ buf_data(&buf), buf_len(&buf) });
	if (err == VAULT_OK)
		err = meta_put(
			txn, META_GENERATION,
			(struct vault_bytes){ (const uint8_t *)&keyring->root_generation, 4 });
	buf_free(&buf);
	return err;
}

enum vault_err
slots_create(struct txn *txn, const struct keyring *keyring, const char *name,
	     const struct slot_draft *draft, int64_t now)
{
	uint8_t public_key[BOX_PUBLIC_BYTES], root[ROOT_KEY_BYTES + BOX_OVERHEAD];
	uint8_t private_key[AEAD_NONCE_BYTES + BOX_SECRET_BYTES + AEAD_TAG_BYTES], ad[SLOT_AD_MAX];
	struct slot_record slot = { .name = { name, strlen(name) },
				    .kind = draft->kind,
				    .created_at = now };
	SECRET_LOCAL(half);
	size_t ad_len;

	TRY(box_keypair(keyring->root.arena, public_key, &half));
	ad_len = slot_ad(keyring->store.store_id, slot.name, public_key, ad);
	aead_seal(draft->key.p, private_key, (struct vault_bytes){ ad, ad_len },
		  (struct vault_bytes){ half.p, half.len }, private_key + AEAD_NONCE_BYTES);
	TRY(box_seal(public_key, (struct vault_bytes){ keyring->root.p, keyring->root.len }, root));
	slot.salt = (struct vault_bytes){ draft->salt, sizeof draft->salt };
	slot.memory = (int64_t)draft->cost.memory;
	slot.passes = (int64_t)draft->cost.passes;
	slot.public_key = (struct vault_bytes){ public_key, sizeof public_key };
	slot.private_key = (struct vault_bytes){ private_key, sizeof private_key };
	slot.root = (struct vault_bytes){ root, sizeof root };
	return table_put(txn, keyring, &(struct object_list){ &slot, 1 });
}

enum vault_err
slots_read(struct txn *txn, struct scratch *scratch, struct slot_table *table)
{
	struct vault_bytes bytes;

	TRY(meta_get(txn, META_SLOTS, &bytes));
	TRY(record_decode(slot_table_type(), bytes, scratch, table));
	return table->slots.n <= SLOTS_MAX ? VAULT_OK : VAULT_INTEGRITY;
}

static bool
slot_whole(const struct slot_record *slot)
{
	return slot->name.len > 0 && slot->name.len <= NAME_MAX_LEN &&
	       slot->salt.len == KDF_SALT_BYTES && slot->public_key.len == BOX_PUBLIC_BYTES &&
	       slot->root.len == ROOT_KEY_BYTES + BOX_OVERHEAD &&
	       slot->private_key.len == AEAD_NONCE_BYTES + BOX_SECRET_BYTES + AEAD_TAG_BYTES;
}

static enum vault_err
slot_open(const struct slot_record *slot, const uint8_t *store_id, struct arena *arena,
	  const struct slot_secret *secret, struct secret *root)
{
	struct slot_cost cost = { (uint64_t)slot->memory, (uint64_t)slot->passes };
	SECRET_LOCAL(key);
	SECRET_LOCAL(half);
	SECRET_LOCAL(opened);
	uint8_t ad[SLOT_AD_MAX];
	enum vault_err err;
	size_t ad_len;

	if (!slot_whole(slot))
		return VAULT_INTEGRITY;
	err = slot_key(arena, secret, slot->salt.p, &cost, &key);
	/* Costs that no slot was ever made with are damage, not the caller's fault. */
	if (err == VAULT_INVALID_PARAMS)
		return VAULT_INTEGRITY;
	TRY(err);
	TRY(secret_new(arena, BOX_SECRET_BYTES, &half));
	ad_len = slot_ad(store_id, slot->name, slot->public_key.p, ad);
	/* A wrong secret shows here, and looks the same as a damaged slot. */
	if (aead_open(key.p, slot->private_key.p, (struct vault_bytes){ ad, ad_len },
		      (struct vault_bytes){ slot->private_key.p + AEAD_NONCE_BYTES,
					    slot->private_key.len - AEAD_NONCE_BYTES },
		      half.p) != VAULT_OK)
		return VAULT_DENIED;
	TRY(secret_new(arena, ROOT_KEY_BYTES, &opened));
	TRY(box_open(slot->public_key.p, &half, slot->root, opened.p));
	secret_move(root, &opened);
	return VAULT_OK;
}

static enum vault_err
open_any(struct txn *txn, const struct slot_table *table, struct arena *arena,
	 const struct slot_secret *secret, struct secret *root)
{
	struct vault_text name = secret->slot;
	uint8_t store_id[STORE_ID_BYTES];
	bool found = name.p == NULL;
	enum vault_err err = VAULT_DENIED;

	TRY(keyring_store_id(txn, store_id));
	for (size_t i = 0; i < table->slots.n && err == VAULT_DENIED; i++) {
		const struct slot_record *slot = &table->slots.v[i];
		bool named = name.p != NULL && name.len == slot->name.len &&
			     memcmp(name.p, slot->name.p, name.len) == 0;

		if (name.p != NULL && !named)
			continue;
		found = true;
		if (slot->kind == (int64_t)secret->kind)
			err = slot_open(slot, store_id, arena, secret, root);
	}
	return found ? err : VAULT_NOT_FOUND;
}

enum vault_err
slots_open(struct txn *txn, struct arena *arena, const struct slot_secret *secret,
	   struct slot_opened *opened)
{
	struct slot_table table;
	struct vault_bytes bytes;
	struct scratch scratch;
	enum vault_err err;

	TRY(meta_get(txn, META_GENERATION, &bytes));
	if (bytes.len != 4)
		return VAULT_INTEGRITY;
	memcpy(&opened->generation, bytes.p, 4);
	TRY(scratch_init(&scratch, SLOT_SCRATCH_BYTES, 0));
	err = slots_read(txn, &scratch, &table);
	if (err == VAULT_OK)
		err = open_any(txn, &table, arena, secret, &opened->root);
	scratch_free(&scratch);
	return err;
}

enum vault_err
slots_check(struct txn *txn, const struct keyring *keyring)
{
	struct slot_table table;
	struct scratch scratch;
	enum vault_err err;

	TRY(scratch_init(&scratch, SLOT_SCRATCH_BYTES, 0));
	err = slots_read(txn, &scratch, &table);
	if (err == VAULT_OK)
		err = table_check(keyring, &table);
	scratch_free(&scratch);
	return err;
}
