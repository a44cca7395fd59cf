/*
 * API keys after a backup.
 */
#include "protocol/text.h"
#include "vaultd/core/apikey_change.h"
#include "vaultd/core/apikey_uses.h"
#include "vaultd/core/restore_replay.h"

#define REASON TEXT_LITERAL("revoked after the backup that was restored")

/* In the change: as the update that the record tells of, or stricter. */
static enum vault_err
replay_update(struct op *op, const struct restore_again *again, struct apikey *key, bool *refused)
{
	int64_t marks = again->n == 1 ? again->v[0] : APIKEY_UPDATE_NARROWED;

	/* What it was narrowed to is not known, so it waits until somebody says. */
	*refused = (marks & APIKEY_UPDATE_NARROWED) != 0;
	if ((marks & (APIKEY_UPDATE_NARROWED | APIKEY_UPDATE_DISABLED)) != 0)
		key->rec.disabled = true;
	else if ((marks & APIKEY_UPDATE_ENABLED) != 0)
		key->rec.disabled = false;
	else
		return VAULT_NOT_FOUND;
	return apikey_write(op, key);
}

static enum vault_err
replay_revoke(struct op *op, struct apikey *key)
{
	TRY(apikey_primary_remove(op, key));
	if (key->rec.revoked_at.set)
		return VAULT_OK;
	key->rec.revoked_at = (struct vault_opt_int){ op->now.wall, true };
	key->rec.revoke_reason = REASON;
	return apikey_write(op, key);
}

/* The new key is lost; the old one ends when it was to end. */
static enum vault_err
replay_rotate(struct op *op, const struct restore_again *again, struct apikey *key, bool *refused)
{
	*refused = again->n != 1;
	if (again->n != 1 || again->v[0] <= op->now.wall)
		return replay_revoke(op, key);
	key->rec.grace_until = (struct vault_opt_int){ again->v[0], true };
	return apikey_write(op, key);
}

/* A verify that wrote a row counted a use; whichever text it was told by, it counts again. */
static enum vault_err
replay_use(struct op *op, const struct audit_record *rec, struct apikey *key)
{
	int64_t left;

	if (rec->row_hash.p == NULL || !key->rec.uses.set)
		return VAULT_NOT_FOUND;
	return apikey_use(op, key, (struct vault_text){ 0 }, &left);
}

static enum vault_err
replay_cut(struct op *op, const struct restore_again *again, bool *refused)
{
	*refused = again->n != 2;
	if (again->n != 2)
		return apikey_cut_add(op, op->now.wall + 1, 0, REASON);
	return apikey_cut_add(op, again->v[0], (int)again->v[1], REASON);
}

enum vault_err
restore_replay_apikey(struct op *op, const struct audit_record *rec, enum op_id id, bool *refused)
{
	struct restore_again again = restore_again_of(rec);
	struct apikey key = { 0 };

	if (id == OP_apikey_revoke && rec->id.p == NULL)
		return replay_cut(op, &again, refused);
	TRY(apikey_by_id(op, rec->id, &key));
	switch (id) {
	case OP_apikey_verify:
		return replay_use(op, rec, &key);
	case OP_apikey_update:
		return replay_update(op, &again, &key, refused);
	case OP_apikey_rotate:
		return replay_rotate(op, &again, &key, refused);
	case OP_apikey_revoke:
		return replay_revoke(op, &key);
	default:
		return apikey_remove(op, &key);
	}
}

static enum vault_err
disable_one(struct op *op, const struct row_key *listed, uint64_t id, uint64_t *keys)
{
	struct apikey key = { .row = { .key = *listed, .id = id } };

	apikey_bound(&key.row.key);
	TRY(apikey_open(op, op->tenant, &key));
	if (!key.rec.uses.set || key.rec.disabled)
		return VAULT_OK;
	key.rec.disabled = true;
	++*keys;
	return apikey_write(op, &key);
}

/* One look-up for each, because writing ends a walk; the scratch memory is a key's at a time. */
enum vault_err
restore_disable_limited(struct op *op, uint64_t *keys)
{
	uint8_t after[ROW_TAG_BYTES];
	const uint8_t *from = NULL;
	enum vault_err err;

	for (;;) {
		struct row_walk walk;
		struct row_key listed;
		uint64_t id;

		TRY(row_walk_open(op->txn, op->tenant->keys.tenant, ROW_APIKEY, from, &walk));
		err = row_walk_next(&walk, &listed, &id, NULL);
		row_walk_close(&walk);
		if (err != VAULT_OK)
			return err == VAULT_NOT_FOUND ? VAULT_OK : err;
		memcpy(after, listed.tag, sizeof after);
		from = after;
		TRY(disable_one(op, &listed, id, keys));
		scratch_reset(op->scratch, true);
	}
}
