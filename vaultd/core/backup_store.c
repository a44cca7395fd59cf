#include "vaultd/core/backup_store.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/text.h"
#include "vaultd/backup/backup_opener.h"
#include "vaultd/base/bytes.h"
#include "vaultd/core/backup_source.h"
#include "vaultd/core/op.h"

_Static_assert(BACKUP_OPENERS_MAX >= SLOTS_MAX, "every slot opens a backup");
_Static_assert((int)BACKUP_BY_PASSPHRASE == (int)SLOT_PASSPHRASE &&
		       (int)BACKUP_BY_KEYFILE == (int)SLOT_KEYFILE &&
		       (int)BACKUP_BY_SHARES == (int)SLOT_SHARES,
	       "a slot's kind is an opener's");

static enum vault_err
opener_of_slot(const struct slot_record *slot, const struct secret *file_key,
	       struct backup_opener *opener)
{
	if (slot->name.len > sizeof opener->name || slot->salt.len != sizeof opener->salt ||
	    slot->public_key.len != sizeof opener->public_key ||
	    slot->private_key.len != sizeof opener->private_key)
		return VAULT_INTEGRITY;
	*opener = (struct backup_opener){ .by = (uint8_t)slot->kind,
					  .name_len = (uint8_t)slot->name.len,
					  .memory = (uint64_t)slot->memory,
					  .passes = (uint64_t)slot->passes };
	memcpy(opener->name, slot->name.p, slot->name.len);
	memcpy(opener->salt, slot->salt.p, sizeof opener->salt);
	memcpy(opener->public_key, slot->public_key.p, sizeof opener->public_key);
	memcpy(opener->private_key, slot->private_key.p, sizeof opener->private_key);
	return backup_opener_seal(opener, file_key);
}

static enum vault_err
to_slots(struct op *op, struct txn *txn, const struct secret *file_key,
	 struct backup_header *header)
{
	struct slot_table table;

	TRY(slots_read(txn, op->scratch, &table));
	header->to = BACKUP_TO_SLOTS;
	for (size_t i = 0; i < table.slots.n; i++)
		TRY(opener_of_slot(&table.slots.v[i], file_key,
				   &header->openers[header->opener_count++]));
	return VAULT_OK;
}

static enum vault_err
to_recipient(struct op *op, struct vault_text name, const struct secret *file_key,
	     struct backup_header *header)
{
	const struct vault_settings *settings = &op->vault->settings;
	struct backup_opener *opener = &header->openers[header->opener_count++];

	header->to = BACKUP_TO_RECIPIENT;
	for (size_t i = 0; i < settings->recipient_count; i++) {
		if (!text_is(name, settings->recipients[i].name))
			continue;
		opener->by = BACKUP_BY_IDENTITY;
		opener->name_len = (uint8_t)name.len;
		memcpy(opener->name, name.p, name.len);
		memcpy(opener->public_key, settings->recipients[i].public_key,
		       sizeof opener->public_key);
		return backup_opener_seal(opener, file_key);
	}
	return op_fail(op, VAULT_DENIED, "recipient", "the configuration names no such recipient");
}

static enum vault_err
openers(struct op *op, struct txn *txn, const struct backup_wish *wish,
	const struct secret *file_key, struct backup_header *header)
{
	const struct slot_cost *cost = &op->vault->settings.slot_cost;
	struct backup_words words = { wish->passphrase, cost->memory, cost->passes };

	if (wish->passphrase.p != NULL) {
		header->to = BACKUP_TO_PASSPHRASE;
		header->opener_count = 1;
		return backup_opener_passphrase(&header->openers[0], header->store_id, &words,
						file_key);
	}
	if (wish->recipient.p != NULL)
		return to_recipient(op, wish->recipient, file_key, header);
	return to_slots(op, txn, file_key, header);
}

/* Root, which everything inside hangs from; sealed at once, so that it stands nowhere in the open. */
static enum vault_err
put_root(const struct secret *root, uint32_t root_generation, struct backup_writer *writer)
{
	uint8_t generation[4];

	put_le(generation, root_generation, sizeof generation);
	TRY(backup_writer_item(writer, BACKUP_ITEM_ROOT,
			       (struct vault_bytes){ generation, sizeof generation },
			       (struct vault_bytes){ root->p, root->len }));
	return backup_writer_cut(writer);
}

static enum vault_err
start_stream(struct op *op, struct backup *backup, const struct backup_wish *wish,
	     struct store_snapshot *snapshot, enum backup_kind kind)
{
	const struct keyring *keyring = &op->vault->keyring;
	struct backup_header header = { .kind = kind,
					.flags = wish->split ? BACKUP_SPLIT : 0,
					.root_generation = snapshot->generation };
	struct backup_source *source;
	SECRET_LOCAL(file_key);

	memcpy(header.store_id, keyring->store.store_id, sizeof header.store_id);
	memcpy(header.identity, keyring->identity.public_key, sizeof header.identity);
	TRY(secret_random(op->vault->arena, BACKUP_FILE_KEY_BYTES, &file_key));
	TRY(openers(op, snapshot->txn, wish, &file_key, &header));
	TRY(backup_source_new(snapshot, kind, &source));
	TRY(backup_stream_start(backup, &header, &file_key, source));
	backup->done.to = header.to;
	return VAULT_OK;
}

static enum vault_err
start(struct op *op, struct backup *backup, const struct backup_wish *wish)
{
	struct store_snapshot *snapshot;
	enum vault_err err;
	SECRET_LOCAL(root);

	TRY(store_snapshot_new(op, wish->split, &snapshot));
	backup->counts = true;
	backup->done.split = wish->split;
	backup->done.next_tenant = snapshot->manifest.next_tenant;
	backup->done.revision = snapshot->manifest.revision;
	if (wish->recipient.p != NULL)
		memcpy(backup->done.recipient, wish->recipient.p, wish->recipient.len);
	err = start_stream(op, backup, wish, snapshot, BACKUP_STORE);
	if (err == VAULT_OK)
		err = keyring_copy_root(&op->vault->keyring, snapshot->generation, &root);
	if (err == VAULT_OK)
		err = put_root(&root, snapshot->generation, &backup->streams[0].writer);
	if (err == VAULT_OK && wish->split)
		err = start_stream(op, backup, wish, snapshot, BACKUP_KEYS);
	store_snapshot_release(snapshot);
	return err;
}

enum vault_err
backup_store_begin(struct op *op, const struct backup_wish *wish, struct backup **out)
{
	struct backup *backup;
	enum vault_err err;

	TRY(backups_add(op, &backup));
	err = start(op, backup, wish);
	if (err == VAULT_OK)
		*out = backup;
	else
		backups_remove(&op->vault->backups, backup);
	return err;
}
