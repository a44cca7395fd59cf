#include "vaultd/core/vault.h"

#include <string.h>

#include "vaultd/base/random.h"
#include "vaultd/core/apikey_limit.h"
#include "vaultd/core/apikey_used.h"
#include "vaultd/core/backup_ledger.h"
#include "vaultd/core/imports.h"
#include "vaultd/core/drill.h"
#include "vaultd/core/lockout.h"
#include "vaultd/core/migrate.h"
#include "vaultd/core/rollback.h"

#define REVISIONS_SKIPPED (UINT64_C(1) << 32) /* by a restore: groups of changes that were lost */

void
vault_opening_free(struct vault_opening *opening)
{
	slot_draft_free(&opening->draft);
	secret_free(&opening->slot.root);
}

enum vault_err
vault_probe(struct vault *vault)
{
	struct txn *txn;
	uint8_t format;
	enum vault_err err;

	TRY(txn_read(vault->store, &txn));
	err = keyring_format(txn, &format);
	txn_abort(txn);
	if (err != VAULT_OK && err != VAULT_NOT_FOUND)
		return err;
	atomic_store(&vault->state, err == VAULT_OK ? STATE_SEALED : STATE_UNINITIALIZED);
	return VAULT_OK;
}

/* What counts as a try is told on disk before it is answered. */
static enum vault_err
count_failure(struct vault *vault, const struct vault_attempt *attempt, enum vault_err err)
{
	if (err == VAULT_DENIED)
		TRY(unseal_guard_failed(&vault->guard, attempt->now));
	return err;
}

enum vault_err
vault_try_slots(struct vault *vault, struct txn *txn, struct vault_attempt *attempt,
		struct slot_opened *opened)
{
	enum vault_err err;

	TRY(unseal_guard_check(&vault->guard, attempt->now, &attempt->retry_ms));
	err = slots_open(txn, vault->arena, attempt->secret, opened);
	if (err != VAULT_OK)
		return count_failure(vault, attempt, err);
	return unseal_guard_succeeded(&vault->guard);
}

static enum vault_err
open_shares(struct vault *vault, struct txn *txn, const struct share_taken *taken,
	    struct slot_opened *opened)
{
	struct slot_secret secret = { .kind = SLOT_SHARES,
				      .bytes = { taken->secret.p, taken->secret.len },
				      .slot = { taken->slot, taken->slot_len } };

	return slots_open(txn, vault->arena, &secret, opened);
}

enum vault_err
vault_try_share(struct vault *vault, struct txn *txn, struct vault_attempt *attempt,
		struct vault_opening *opening)
{
	struct vault_bytes words = attempt->secret->bytes;
	struct share_given given = { .words = { (const char *)words.p, words.len },
				     .slot = attempt->secret->slot,
				     .now = attempt->now };
	struct share_taken taken;
	enum vault_err err;

	TRY(unseal_guard_check(&vault->guard, attempt->now, &attempt->retry_ms));
	err = unseal_shares_add(&vault->shares, txn, vault->arena, &given, &taken);
	if (err != VAULT_OK)
		return count_failure(vault, attempt, err);
	opening->needed = taken.needed;
	if (taken.needed > 0)
		return VAULT_OK;
	err = open_shares(vault, txn, &taken, &opening->slot);
	secret_free(&taken.secret);
	if (err != VAULT_OK)
		return count_failure(vault, attempt, err);
	return unseal_guard_succeeded(&vault->guard);
}

/* Every slot can read old segments, also after the root key was replaced. */
static enum vault_err
audit_slots(struct txn *txn, struct scratch *scratch, struct audit_keys *keys)
{
	struct slot_table table;

	TRY(slots_read(txn, scratch, &table));
	for (size_t i = 0; i < table.slots.n; i++) {
		const struct slot_record *slot = &table.slots.v[i];
		struct audit_slot *out = &keys->slots[keys->slot_count++];

		if (slot->public_key.len != sizeof out->public_key)
			return VAULT_INTEGRITY;
		memcpy(out->public_key, slot->public_key.p, sizeof out->public_key);
		memcpy(out->name, slot->name.p,
		       slot->name.len < sizeof out->name ? slot->name.len : sizeof out->name);
	}
	return VAULT_OK;
}

enum vault_err
vault_audit_keys(struct vault *vault, struct txn *txn, const struct secret *wrap_keys,
		 struct audit_keys *keys)
{
	struct scratch scratch;
	enum vault_err err;

	*keys = (struct audit_keys){ .wrap_key = wrap_keys };
	memcpy(keys->store_id, vault->keyring.store.store_id, STORE_ID_BYTES);
	TRY(scratch_init(&scratch, SLOTS_SCRATCH_BYTES, 0));
	err = audit_slots(txn, &scratch, keys);
	scratch_free(&scratch);
	return err;
}

/* One row holds the head; it is found by its kind alone. */
static struct row_key
head_place(void)
{
	return (struct row_key){ .tenant = 0, .kind = ROW_HEAD };
}

/* Once there was one there must be one. */
static bool
anchor_there(struct vault *vault)
{
	struct anchor_status status;

	anchor_status(&vault->anchor, &status);
	return status.there || atomic_load(&vault->anchored);
}

/* What the sums are once the transaction is committed, and as a head holds them. */
static void
sums_next(struct vault *vault, const struct store_sums *changed, uint8_t bytes[static SUMS_BYTES])
{
	for (int i = 0; i < TABLE_COUNT; i++) {
		vault->next_sums.of[i] = vault->sums.of[i];
		sum_add(&vault->next_sums.of[i], &changed->of[i]);
		sum_write(&vault->next_sums.of[i], bytes + (size_t)i * SUM_BYTES);
	}
}

enum vault_err
vault_put_head(struct vault *vault, struct txn *txn, const struct audit_head *head)
{
	struct store_sums changed = txn_sums(txn);
	uint8_t sums[SUMS_BYTES];
	struct store_head record = {
		.audit_segment = (int64_t)head->segment,
		.audit_offset = (int64_t)head->offset,
		.audit_seq = (int64_t)head->seq,
		.audit_hash = { head->hash, sizeof head->hash },
		.next_tenant = vault->next_tenant,
		.tenants = (int64_t)atomic_load(&vault->tenant_count),
		.revision = (int64_t)++vault->revision,
		.audit_key = { vault->audit_key, sizeof vault->audit_key },
		.tick_wall = { vault->tick.wall, vault->tick.wall != 0 },
		.tick_boot_ms = { vault->tick.boot_ms, vault->tick.wall != 0 },
		.tick_boot_id = { vault->settings.boot_id, BOOT_ID_BYTES },
		.anchored = anchor_there(vault),
		.sums = { sums, sizeof sums },
	};
	struct change change;

	sums_next(vault, &changed, sums);
	vault->head_anchored = record.anchored;
	change_start(&change, txn);
	TRY(sealed_put(&change, &vault->keyring.store, &vault->head_row, store_head_type(),
		       &record));
	/* The head holds the sums, so they are not about it. */
	txn_set_sums(txn, &changed);
	return VAULT_OK;
}

void
vault_committed(struct vault *vault, const struct audit_head *head)
{
	atomic_store(&vault->head_segment, head->segment);
	atomic_store(&vault->anchored, vault->head_anchored);
	vault->sums = vault->next_sums;
	anchor_tell(&vault->anchor, vault->revision, head);
}

bool
vault_tick(struct vault *vault, const struct clock_now *now)
{
	struct clock_tick last = vault->tick;
	int64_t apart = (now->wall - last.wall) - (now->boot_ms - last.boot_ms) / 1000;
	bool jumped = last.wall != 0 && (apart > CLOCK_JUMP_SECONDS || apart < -CLOCK_JUMP_SECONDS);

	vault->tick = (struct clock_tick){ now->wall, now->boot_ms };
	if (jumped)
		vault->deletes_from_boot_ms = now->boot_ms + CLOCK_HOLD_MS;
	return jumped;
}

/* Of another boot only the wall clock can be compared, and only with having gone back. */
static void
get_tick(struct vault *vault, const struct store_head *head, const struct clock_now *now)
{
	static const uint8_t unknown[BOOT_ID_BYTES];
	const uint8_t *ours = vault->settings.boot_id;
	bool same = memcmp(ours, unknown, sizeof unknown) != 0 &&
		    head->tick_boot_id.len == BOOT_ID_BYTES &&
		    memcmp(ours, head->tick_boot_id.p, BOOT_ID_BYTES) == 0;

	vault->tick = (struct clock_tick){ 0 };
	if (!head->tick_wall.set)
		return;
	if (same)
		vault->tick = (struct clock_tick){ head->tick_wall.v, head->tick_boot_ms.v };
	else if (now->wall < head->tick_wall.v)
		vault->tick = (struct clock_tick){ head->tick_wall.v, now->boot_ms };
}

enum vault_err
vault_find_head(struct vault *vault, struct txn *txn, struct row *row, struct store_head *head)
{
	struct row_key place = head_place();

	TRY(sealed_find(txn, &vault->keyring.store, &place, row));
	return record_decode(store_head_type(), row_plain(row), NULL, head);
}

static enum vault_err
get_head(struct vault *vault, struct txn *txn, const struct clock_now *now, struct audit_head *head)
{
	struct store_head record;
	ROW_LOCAL(row);

	TRY(vault_find_head(vault, txn, &row, &record));
	if (record.audit_hash.len != sizeof head->hash ||
	    record.audit_key.len != sizeof vault->audit_key)
		return VAULT_INTEGRITY;
	head->segment = (uint64_t)record.audit_segment;
	head->offset = (uint64_t)record.audit_offset;
	head->seq = (uint64_t)record.audit_seq;
	memcpy(head->hash, record.audit_hash.p, sizeof head->hash);
	memcpy(vault->audit_key, record.audit_key.p, sizeof vault->audit_key);
	vault->next_tenant = (uint32_t)record.next_tenant;
	vault->revision = (uint64_t)record.revision;
	atomic_store(&vault->tenant_count, (uint64_t)record.tenants);
	atomic_store(&vault->anchored, record.anchored);
	vault->sums = (struct store_sums){ 0 };
	for (int i = 0; i < TABLE_COUNT && record.sums.len == SUMS_BYTES; i++)
		sum_read(&vault->sums.of[i], record.sums.p + (size_t)i * SUM_BYTES);
	get_tick(vault, &record, now);
	vault->head_row = (struct row){ .key = row.key, .id = row.id, .revision = row.revision };
	return VAULT_OK;
}

static enum vault_err
load_policy(struct vault *vault, struct txn *txn)
{
	struct policy *policy;

	TRY(policy_load(txn, &vault->keyring.store, &policy));
	policy_publish(&vault->policy, policy);
	return VAULT_OK;
}

static enum vault_err
create_owners(struct vault *vault, struct change *change, int64_t now)
{
	const struct row_keys *store = &vault->keyring.store;

	TRY(grants_create_owner(change, store, 0, now));
	if (vault->settings.owner_uid != 0)
		TRY(grants_create_owner(change, store, vault->settings.owner_uid, now));
	return load_policy(vault, change->txn);
}

static enum vault_err
create(struct vault *vault, struct change *change, struct vault_opening *opening, int64_t now,
       uint8_t *audit_key)
{
	uint8_t id[STORE_ID_BYTES];
	struct audit_keys keys;
	struct audit_head head;
	SECRET_LOCAL(root);
	SECRET_LOCAL(wrap_keys);

	random_bytes(id, sizeof id);
	TRY(secret_random(vault->arena, ROOT_KEY_BYTES, &root));
	TRY(keyring_derive(&vault->keyring, &root, 1));
	TRY(keyring_create(&vault->keyring, change->txn, id));
	TRY(slots_create(change->txn, &vault->keyring, INITIAL_SLOT, &opening->draft, now));
	TRY(create_owners(vault, change, now));
	vault->next_tenant = 1;
	vault->revision = 0;
	vault->head_row = (struct row){ .key = head_place() };
	TRY(keyring_audit_keys(&vault->keyring, change->txn, &wrap_keys));
	TRY(vault_audit_keys(vault, change->txn, &wrap_keys, &keys));
	TRY(anchor_open(&vault->anchor, &vault->keyring.store.name, id));
	store_sum_keep(vault->store, vault->keyring.sums.p);
	TRY(migrate_begin_sums(vault, change->txn));
	TRY(audit_create(vault->audit, &keys, vault->audit_key, &head));
	memcpy(audit_key, vault->audit_key, sizeof vault->audit_key);
	return VAULT_OK;
}

enum vault_err
vault_create(struct vault *vault, struct change *change, struct vault_opening *opening, int64_t now,
	     uint8_t audit_key[static 32])
{
	enum vault_err err = create(vault, change, opening, now, audit_key);

	if (err != VAULT_OK)
		vault_forget(vault);
	return err;
}

static enum vault_err
load_last_backup(struct vault *vault, struct txn *txn)
{
	int64_t begun_at, drilled_at;

	TRY(backup_ledger_newest(txn, &begun_at));
	atomic_store(&vault->last_backup, begun_at);
	TRY(drill_last(txn, &vault->keyring.store, &drilled_at));
	atomic_store(&vault->last_drill, drilled_at);
	return VAULT_OK;
}

static enum vault_err
load(struct vault *vault, struct txn *txn, struct vault_opening *opening,
     const struct clock_now *now)
{
	struct audit_keys keys;
	struct audit_head head;
	SECRET_LOCAL(wrap_keys);

	TRY(keyring_derive(&vault->keyring, &opening->slot.root, opening->slot.generation));
	TRY(keyring_load(&vault->keyring, txn));
	TRY(slots_check(txn, &vault->keyring));
	TRY(load_policy(vault, txn));
	TRY(lockout_load(vault, txn, now));
	TRY(get_head(vault, txn, now, &head));
	TRY(load_last_backup(vault, txn));
	TRY(keyring_audit_keys(&vault->keyring, txn, &wrap_keys));
	TRY(vault_audit_keys(vault, txn, &wrap_keys, &keys));
	TRY(anchor_open(&vault->anchor, &vault->keyring.store.name, keys.store_id));
	TRY(rollback_start(vault, &keys, opening, &head));
	store_sum_keep(vault->store, vault->keyring.sums.p);
	return migrate_store(vault, txn, &opening->found.format);
}

enum vault_err
vault_load(struct vault *vault, struct txn *txn, struct vault_opening *opening,
	   const struct clock_now *now)
{
	enum vault_err err = load(vault, txn, opening, now);

	/* Something may have been left: the first turn finds out. */
	atomic_store(&vault->sweep, err == VAULT_OK);
	if (err != VAULT_OK)
		vault_forget(vault);
	/* What a sealed store lacks was removed from it. */
	return err == VAULT_NOT_FOUND ? VAULT_INTEGRITY : err;
}

static enum vault_err
restore_open(struct vault *vault, struct txn *txn, struct slot_opened *root,
	     const struct clock_now *now)
{
	struct audit_head head;

	TRY(keyring_derive(&vault->keyring, &root->root, root->generation));
	TRY(keyring_load(&vault->keyring, txn));
	TRY(slots_check(txn, &vault->keyring));
	TRY(load_policy(vault, txn));
	TRY(lockout_load(vault, txn, now));
	return get_head(vault, txn, now, &head);
}

enum vault_err
vault_restore_open(struct vault *vault, struct txn *txn, struct slot_opened *root,
		   const struct clock_now *now)
{
	enum vault_err err = restore_open(vault, txn, root, now);

	if (err != VAULT_OK)
		vault_forget(vault);
	return err == VAULT_NOT_FOUND ? VAULT_INTEGRITY : err;
}

enum vault_err
vault_restore_begin(struct vault *vault, struct txn *txn, uint8_t *format)
{
	struct audit_keys keys;
	struct audit_head head;
	SECRET_LOCAL(wrap_keys);

	TRY(load_policy(vault, txn));
	TRY(keyring_audit_keys(&vault->keyring, txn, &wrap_keys));
	TRY(vault_audit_keys(vault, txn, &wrap_keys, &keys));
	/* The store that was lost is the older one wherever its anchor is asked. */
	vault->revision += REVISIONS_SKIPPED;
	atomic_store(&vault->anchored, false);
	TRY(anchor_open(&vault->anchor, &vault->keyring.store.name, keys.store_id));
	store_sum_keep(vault->store, vault->keyring.sums.p);
	TRY(migrate_store(vault, txn, format));
	TRY(migrate_begin_sums(vault, txn));
	return audit_create(vault->audit, &keys, vault->audit_key, &head);
}

void
vault_forget(struct vault *vault)
{
	store_sum_keep(vault->store, NULL);
	keyring_free(&vault->keyring);
	apikey_used_free(vault);
	apikey_limits_free(vault);
	policy_publish(&vault->policy, NULL);
	atomic_store(&vault->due_next, INT64_MAX);
	vault->tick = (struct clock_tick){ 0 };
	anchor_close(&vault->anchor);
	audit_tree_free(&vault->tree);
	atomic_store(&vault->anchored, false);
	vault->scrub = (struct scrub){ 0 };
	vault->scrubbed = 0;
	tenants_reset(&vault->tenants);
	backups_free(&vault->backups);
	imports_free(&vault->imports);
	atomic_store(&vault->last_backup, 0);
	atomic_store(&vault->last_drill, 0);
}
