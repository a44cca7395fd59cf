/*
 * The slot table as it is written: under a MAC that only the root key makes, so that nobody else
 * can add a slot of his own and have later root keys sealed to it.
 */
#include <string.h>

#include "protocol/text.h"
#include "vaultd/core/slots.h"
#include "vaultd/crypto/box.h"
#include "vaultd/crypto/mac.h"

#define SLOT_MAC_BYTES 32

/* What a table is written under: the present root key, or the next one. */
struct table_keys {
	const uint8_t *store_id;
	const struct secret *root, *mac;
	uint32_t generation;
};

/* The parts of a record that are made here. */
struct slot_parts {
	uint8_t public_key[BOX_PUBLIC_BYTES];
	uint8_t private_key[AEAD_NONCE_BYTES + BOX_SECRET_BYTES + AEAD_TAG_BYTES];
	uint8_t root[ROOT_KEY_BYTES + BOX_OVERHEAD];
};

/* A table under change: its slots, with room for one more. */
struct slot_list {
	struct slot_record v[SLOTS_MAX + 1];
	size_t n;
};

static struct table_keys
present_keys(const struct keyring *keyring)
{
	return (struct table_keys){ keyring->store.store_id, &keyring->root, &keyring->slot_mac,
				    keyring->root_generation };
}

static struct table_keys
next_keys(const struct keyring *keyring)
{
	return (struct table_keys){ keyring->store.store_id, &keyring->next.root,
				    &keyring->next.slot_mac, keyring->next.generation };
}

/* What the MAC is made of: the table with the store's id in the MAC's place. */
static enum vault_err
table_bytes(const struct table_keys *keys, const struct slot_table *table, struct buf *out)
{
	struct slot_table bare = { .slots = table->slots };

	bare.mac = (struct vault_bytes){ keys->store_id, STORE_ID_BYTES };
	return record_encode(slot_table_type(), &bare, out);
}

static enum vault_err
table_key(const struct table_keys *keys, struct mac_key *key)
{
	return mac_key_init(key, keys->root->arena, MAC_SHA256,
			    (struct vault_bytes){ keys->mac->p, keys->mac->len });
}

static enum vault_err
table_mac(const struct table_keys *keys, const struct slot_table *table,
	  uint8_t mac[static SLOT_MAC_BYTES])
{
	struct mac_key key = { 0 };
	struct buf buf = { 0 };
	enum vault_err err = table_bytes(keys, table, &buf);

	if (err == VAULT_OK)
		err = table_key(keys, &key);
	if (err == VAULT_OK)
		mac_once(&key, (struct vault_bytes){ buf_data(&buf), buf_len(&buf) }, mac);
	mac_key_free(&key);
	buf_free(&buf);
	return err;
}

static enum vault_err
table_check(const struct table_keys *keys, const struct slot_table *table)
{
	struct mac_key key = { 0 };
	struct buf buf = { 0 };
	enum vault_err err = table_bytes(keys, table, &buf);

	if (err == VAULT_OK)
		err = table_key(keys, &key);
	if (err == VAULT_OK &&
	    !mac_check(&key, (struct vault_bytes){ buf_data(&buf), buf_len(&buf) }, table->mac))
		err = VAULT_INTEGRITY;
	mac_key_free(&key);
	buf_free(&buf);
	return err;
}

static enum vault_err
table_put(struct change *change, const struct table_keys *keys, const struct slot_list *slots)
{
	struct slot_table table = { 0 };
	struct buf buf = { 0 };
	uint8_t mac[SLOT_MAC_BYTES];
	struct vault_bytes bytes;
	enum vault_err err;

	table.slots.v = slots->v;
	table.slots.n = slots->n;
	TRY(table_mac(keys, &table, mac));
	table.mac = (struct vault_bytes){ mac, sizeof mac };
	err = record_encode(slot_table_type(), &table, &buf);
	bytes = (struct vault_bytes){ buf_data(&buf), buf_len(&buf) };
	if (err == VAULT_OK)
		err = meta_put(change->txn, META_SLOTS, bytes);
	if (err == VAULT_OK) {
		change_note_meta(change, META_SLOTS, bytes);
		bytes = (struct vault_bytes){ (const uint8_t *)&keys->generation, 4 };
		err = meta_put(change->txn, META_GENERATION, bytes);
	}
	buf_free(&buf);
	return err;
}

/* The record of a new slot; parts, name and draft are borrowed. */
static enum vault_err
slot_make(const struct table_keys *keys, const struct slot_put *put, struct slot_parts *parts,
	  struct slot_record *slot)
{
	const struct slot_draft *draft = put->draft;
	uint8_t ad[SLOT_AD_MAX];
	SECRET_LOCAL(half);
	size_t ad_len;

	TRY(box_keypair(keys->root->arena, parts->public_key, &half));
	ad_len = slot_ad(keys->store_id, put->name, parts->public_key, ad);
	aead_seal(draft->key.p, parts->private_key, (struct vault_bytes){ ad, ad_len },
		  (struct vault_bytes){ half.p, half.len }, parts->private_key + AEAD_NONCE_BYTES);
	TRY(box_seal(parts->public_key, (struct vault_bytes){ keys->root->p, keys->root->len },
		     parts->root));
	*slot = (struct slot_record){ .name = put->name,
				      .kind = draft->kind,
				      .created_at = put->now,
				      .memory = (int64_t)draft->cost.memory,
				      .passes = (int64_t)draft->cost.passes };
	slot->salt = (struct vault_bytes){ draft->salt, sizeof draft->salt };
	slot->public_key = (struct vault_bytes){ parts->public_key, sizeof parts->public_key };
	slot->private_key = (struct vault_bytes){ parts->private_key, sizeof parts->private_key };
	slot->root = (struct vault_bytes){ parts->root, sizeof parts->root };
	if (draft->kind == SLOT_SHARES) {
		slot->threshold = (struct vault_opt_int){ draft->shares.threshold, true };
		slot->shares = (struct vault_opt_int){ draft->shares.count, true };
		slot->share_set = (struct vault_opt_int){ draft->shares.id, true };
	}
	return VAULT_OK;
}

enum vault_err
slots_create(struct txn *txn, const struct keyring *keyring, const char *name,
	     const struct slot_draft *draft, int64_t now)
{
	struct slot_put put = { .name = text_of(name), .draft = draft, .now = now };
	struct table_keys keys = present_keys(keyring);
	struct slot_list list = { .n = 1 };
	struct slot_parts parts;
	struct change change; /* sys.init's own hash covers what follows from it */

	change_start(&change, txn);
	TRY(slot_make(&keys, &put, &parts, &list.v[0]));
	return table_put(&change, &keys, &list);
}

/* The table as it is; its views end with the first write. */
static enum vault_err
list_read(struct txn *txn, struct scratch *scratch, struct slot_list *list)
{
	struct slot_table table;
	struct vault_bytes bytes;

	TRY(meta_get(txn, META_SLOTS, &bytes));
	bytes.p = scratch_copy(scratch, bytes.p, bytes.len);
	if (bytes.p == NULL)
		return VAULT_BUSY;
	TRY(record_decode(slot_table_type(), bytes, scratch, &table));
	if (table.slots.n > SLOTS_MAX)
		return VAULT_INTEGRITY;
	list->n = table.slots.n;
	if (list->n > 0)
		memcpy(list->v, table.slots.v, list->n * sizeof list->v[0]);
	return VAULT_OK;
}

/* Its place; the list's end where there is none. */
static size_t
list_find(const struct slot_list *list, struct vault_text name)
{
	size_t i = 0;

	while (i < list->n && !text_equal(list->v[i].name, name))
		i++;
	return i;
}

/* By chance, once in 32,768: then shares could not be told apart. */
static bool
set_taken(const struct slot_list *list, size_t at, const struct slot_draft *draft)
{
	for (size_t i = 0; draft->kind == SLOT_SHARES && i < list->n; i++)
		if (i != at && list->v[i].share_set.set &&
		    list->v[i].share_set.v == draft->shares.id)
			return true;
	return false;
}

static enum vault_err
put_slot(struct change *change, const struct keyring *keyring, const struct slot_put *put,
	 struct scratch *scratch)
{
	struct table_keys keys = present_keys(keyring);
	struct slot_parts parts;
	struct slot_list list;
	size_t at;

	TRY(list_read(change->txn, scratch, &list));
	at = list_find(&list, put->name);
	if (put->replace ? at == list.n : at < list.n)
		return put->replace ? VAULT_NOT_FOUND : VAULT_EXISTS;
	if (at == SLOTS_MAX)
		return VAULT_CONFLICT;
	if (set_taken(&list, at, put->draft))
		return VAULT_BUSY;
	TRY(slot_make(&keys, put, &parts, &list.v[at]));
	if (at == list.n)
		list.n++;
	return table_put(change, &keys, &list);
}

enum vault_err
slots_put(struct change *change, const struct keyring *keyring, const struct slot_put *put)
{
	struct scratch scratch;
	enum vault_err err;

	/* Who wrote a slot of his own into the file shall not have it authenticated here. */
	TRY(slots_check(change->txn, keyring));
	TRY(scratch_init(&scratch, 2 * SLOTS_SCRATCH_BYTES, 0));
	err = put_slot(change, keyring, put, &scratch);
	scratch_free(&scratch);
	return err;
}

static enum vault_err
remove_slot(struct change *change, const struct keyring *keyring, struct vault_text name,
	    struct scratch *scratch)
{
	struct table_keys keys = present_keys(keyring);
	struct slot_list list;
	size_t at;

	TRY(list_read(change->txn, scratch, &list));
	at = list_find(&list, name);
	if (at == list.n)
		return VAULT_NOT_FOUND;
	if (list.n == 1)
		return VAULT_CONFLICT;
	list.n--;
	for (; at < list.n; at++)
		list.v[at] = list.v[at + 1];
	return table_put(change, &keys, &list);
}

enum vault_err
slots_remove(struct change *change, const struct keyring *keyring, struct vault_text name)
{
	struct scratch scratch;
	enum vault_err err;

	TRY(slots_check(change->txn, keyring));
	TRY(scratch_init(&scratch, 2 * SLOTS_SCRATCH_BYTES, 0));
	err = remove_slot(change, keyring, name, &scratch);
	scratch_free(&scratch);
	return err;
}

static enum vault_err
reseal(struct change *change, const struct keyring *keyring, struct scratch *scratch)
{
	uint8_t sealed[SLOTS_MAX][ROOT_KEY_BYTES + BOX_OVERHEAD];
	struct table_keys keys = next_keys(keyring);
	struct vault_bytes root = { keys.root->p, keys.root->len };
	struct slot_list list;

	TRY(list_read(change->txn, scratch, &list));
	for (size_t i = 0; i < list.n; i++) {
		struct slot_record *slot = &list.v[i];

		if (slot->public_key.len != BOX_PUBLIC_BYTES)
			return VAULT_INTEGRITY;
		TRY(box_seal(slot->public_key.p, root, sealed[i]));
		slot->root = (struct vault_bytes){ sealed[i], sizeof sealed[i] };
	}
	return table_put(change, &keys, &list);
}

enum vault_err
slots_reseal(struct change *change, const struct keyring *keyring)
{
	struct scratch scratch;
	enum vault_err err;

	/* To no public key that somebody else wrote there. */
	TRY(slots_check(change->txn, keyring));
	TRY(scratch_init(&scratch, 2 * SLOTS_SCRATCH_BYTES, 0));
	err = reseal(change, keyring, &scratch);
	scratch_free(&scratch);
	return err;
}

enum vault_err
slots_check(struct txn *txn, const struct keyring *keyring)
{
	struct table_keys keys = present_keys(keyring);
	struct slot_table table;
	struct scratch scratch;
	enum vault_err err;

	TRY(scratch_init(&scratch, SLOTS_SCRATCH_BYTES, 0));
	err = slots_read(txn, &scratch, &table);
	if (err == VAULT_OK)
		err = table_check(&keys, &table);
	scratch_free(&scratch);
	return err;
}
