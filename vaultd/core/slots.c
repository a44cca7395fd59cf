#include "vaultd/core/slots.h"

#include <string.h>

#include "protocol/text.h"
#include "vaultd/base/random.h"
#include "vaultd/crypto/box.h"
#include "vaultd/crypto/kdf.h"

void
slot_draft_free(struct slot_draft *draft)
{
	secret_free(&draft->key);
	for (unsigned i = 0; i < SHARES_MAX; i++)
		secret_free(&draft->words[i]);
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
		kdf_extract(secret->bytes, salt,
			    secret->kind == SLOT_SHARES ? "vaultd shares slot"
							: "vaultd key file slot",
			    made.p);
	secret_move(key, &made);
	return VAULT_OK;
}

static enum vault_err
write_shares(struct arena *arena, const struct share *shares, struct slot_draft *draft)
{
	for (unsigned i = 0; i < draft->shares.count; i++)
		TRY(share_write(arena, &shares[i], &draft->words[i]));
	return VAULT_OK;
}

/* A random secret that nobody sees, split into what is to be shown. */
static enum vault_err
split_secret(struct arena *arena, const struct shares_plan *plan, struct slot_draft *draft,
	     struct secret *whole)
{
	struct share shares[SHARES_MAX] = { 0 };
	enum vault_err err;

	draft->shares = *plan;
	random_bytes(&draft->shares.id, sizeof draft->shares.id);
	draft->shares.id &= SHARE_ID_MAX;
	TRY(secret_random(arena, SLOT_SHARED_BYTES, whole));
	TRY(shares_split(whole, &draft->shares, shares));
	err = write_shares(arena, shares, draft);
	for (unsigned i = 0; i < plan->count; i++)
		share_free(&shares[i]);
	return err;
}

enum vault_err
slot_draft_make(struct arena *arena, const struct slot_secret *secret, const struct slot_cost *cost,
		struct slot_draft *draft)
{
	struct slot_secret with = *secret;
	SECRET_LOCAL(whole);

	*draft = (struct slot_draft){ .kind = secret->kind };
	if (secret->kind == SLOT_PASSPHRASE)
		draft->cost = *cost;
	random_bytes(draft->salt, sizeof draft->salt);
	if (secret->kind == SLOT_SHARES) {
		TRY(split_secret(arena, &secret->shares, draft, &whole));
		with.bytes = (struct vault_bytes){ whole.p, whole.len };
	}
	return slot_key(arena, &with, draft->salt, &draft->cost, &draft->key);
}

size_t
slot_ad(const uint8_t *store_id, struct vault_text name, const uint8_t *public_key,
	uint8_t ad[static SLOT_AD_MAX])
{
	memcpy(ad, store_id, STORE_ID_BYTES);
	memcpy(ad + STORE_ID_BYTES, public_key, BOX_PUBLIC_BYTES);
	memcpy(ad + STORE_ID_BYTES + BOX_PUBLIC_BYTES, name.p, name.len);
	return STORE_ID_BYTES + BOX_PUBLIC_BYTES + name.len;
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

enum vault_err
slot_open_half(const struct slot_record *slot, const uint8_t store_id[static STORE_ID_BYTES],
	       const struct slot_secret *secret, struct arena *arena, struct secret *half)
{
	struct slot_cost cost = { (uint64_t)slot->memory, (uint64_t)slot->passes };
	SECRET_LOCAL(key);
	SECRET_LOCAL(opened);
	uint8_t ad[SLOT_AD_MAX];
	enum vault_err err;
	size_t ad_len;

	if (!slot_whole(slot))
		return VAULT_INTEGRITY;
	if (slot->kind != (int64_t)secret->kind)
		return VAULT_DENIED;
	err = slot_key(arena, secret, slot->salt.p, &cost, &key);
	/* Costs that no slot was ever made with are damage, not the caller's fault. */
	if (err == VAULT_INVALID_PARAMS)
		return VAULT_INTEGRITY;
	TRY(err);
	TRY(secret_new(arena, BOX_SECRET_BYTES, &opened));
	ad_len = slot_ad(store_id, slot->name, slot->public_key.p, ad);
	/* A wrong secret shows here, and looks the same as a damaged slot. */
	if (aead_open(key.p, slot->private_key.p, (struct vault_bytes){ ad, ad_len },
		      (struct vault_bytes){ slot->private_key.p + AEAD_NONCE_BYTES,
					    slot->private_key.len - AEAD_NONCE_BYTES },
		      opened.p) != VAULT_OK)
		return VAULT_DENIED;
	secret_move(half, &opened);
	return VAULT_OK;
}

static enum vault_err
slot_open(const struct slot_record *slot, const uint8_t *store_id, struct arena *arena,
	  const struct slot_secret *secret, struct secret *root)
{
	SECRET_LOCAL(half);
	SECRET_LOCAL(opened);

	TRY(slot_open_half(slot, store_id, secret, arena, &half));
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

		if (name.p != NULL && !text_equal(name, slot->name))
			continue;
		found = true;
		if (slot->kind == (int64_t)secret->kind)
			err = slot_open(slot, store_id, arena, secret, root);
	}
	return found ? err : VAULT_NOT_FOUND;
}

enum vault_err
slots_generation(struct txn *txn, uint32_t *generation)
{
	struct vault_bytes bytes;

	TRY(meta_get(txn, META_GENERATION, &bytes));
	if (bytes.len != sizeof *generation)
		return VAULT_INTEGRITY;
	memcpy(generation, bytes.p, sizeof *generation);
	return VAULT_OK;
}

enum vault_err
slots_open(struct txn *txn, struct arena *arena, const struct slot_secret *secret,
	   struct slot_opened *opened)
{
	struct slot_table table;
	struct scratch scratch;
	enum vault_err err;

	TRY(slots_generation(txn, &opened->generation));
	TRY(scratch_init(&scratch, SLOTS_SCRATCH_BYTES, 0));
	err = slots_read(txn, &scratch, &table);
	if (err == VAULT_OK)
		err = open_any(txn, &table, arena, secret, &opened->root);
	scratch_free(&scratch);
	return err;
}

const struct slot_record *
slot_named(const struct slot_table *table, struct vault_text name)
{
	for (size_t i = 0; i < table->slots.n; i++)
		if (text_equal(table->slots.v[i].name, name))
			return &table->slots.v[i];
	return NULL;
}
