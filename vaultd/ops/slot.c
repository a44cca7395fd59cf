#include <string.h>

#include "protocol/text.h"
#include "vaultd/base/base64.h"
#include "vaultd/core/rekey.h"
#include "vaultd/core/scrub.h"
#include "vaultd/ops/ops.h"
#include "vaultd/ops/slot_secret.h"

static enum vault_err
check_plan(struct op *op, const struct secret_given *given)
{
	if (!given->shares.set && !given->threshold.set)
		return VAULT_OK;
	if (!given->shares.set)
		return op_fail(op, VAULT_INVALID_PARAMS, "shares",
			       "how many shares are to be made");
	if (!given->threshold.set)
		return op_fail(op, VAULT_INVALID_PARAMS, "threshold",
			       "how many shares are to be needed");
	if (given->threshold.v > given->shares.v)
		return op_fail(op, VAULT_INVALID_PARAMS, "threshold",
			       "more shares would be needed than there are");
	return VAULT_OK;
}

enum vault_err
slot_secret_of(struct op *op, const struct secret_given *given, struct slot_secret *secret)
{
	const char *last = NULL;
	unsigned kinds = 0;

	TRY(check_plan(op, given));
	if (given->passphrase.p != NULL) {
		*secret =
			(struct slot_secret){ .kind = SLOT_PASSPHRASE, .bytes = given->passphrase };
		last = "passphrase";
		kinds++;
	}
	if (given->keyfile.p != NULL) {
		*secret = (struct slot_secret){ .kind = SLOT_KEYFILE, .bytes = given->keyfile };
		last = "keyfile";
		kinds++;
	}
	if (given->share.p != NULL) {
		*secret = (struct slot_secret){ .kind = SLOT_SHARES,
						.bytes = text_bytes(given->share) };
		last = "share";
		kinds++;
	}
	if (given->shares.set) {
		*secret = (struct slot_secret){ .kind = SLOT_SHARES };
		secret->shares = (struct shares_plan){ 0, (unsigned)given->threshold.v,
						       (unsigned)given->shares.v };
		last = "shares";
		kinds++;
	}
	if (kinds == 1)
		return VAULT_OK;
	return op_fail(op, VAULT_INVALID_PARAMS, kinds == 0 ? "passphrase" : last,
		       "give a passphrase, a key file or shares, and one of them only");
}

enum vault_err
slot_words(struct op *op, const struct slot_draft *draft, struct vault_texts *shares)
{
	struct vault_text *v;

	if (draft->kind != SLOT_SHARES)
		return VAULT_OK;
	v = scratch_alloc(op->scratch, draft->shares.count * sizeof *v);
	if (v == NULL)
		return VAULT_BUSY;
	for (unsigned i = 0; i < draft->shares.count; i++)
		v[i] = (struct vault_text){ (const char *)draft->words[i].p, draft->words[i].len };
	*shares = (struct vault_texts){ v, draft->shares.count };
	return VAULT_OK;
}

enum vault_err
prepare_slot_add(struct op *op, const struct slot_add_req *req)
{
	struct secret_given given = { .passphrase = req->passphrase,
				      .keyfile = req->keyfile,
				      .shares = req->shares,
				      .threshold = req->threshold };
	struct slot_secret secret;

	if (req->slot.len > SLOT_NAME_MAX)
		return op_fail(op, VAULT_INVALID_PARAMS, "slot",
			       "a slot's name is 63 bytes at most");
	TRY(slot_secret_of(op, &given, &secret));
	return slot_draft_make(op->vault->arena, &secret, &op->vault->settings.slot_cost,
			       &op->opening->draft);
}

/*
 * What the old root key wrapped, and the slots that lead to it, stand in freed pages until those are
 * overwritten: who has a secret of before could begin with them.
 */
static enum vault_err
rekey(struct op *op)
{
	enum vault_err err = vault_rekey(op->vault, op->change);

	if (err == VAULT_CONFLICT)
		return op_fail(op, err, NULL, "there were as many root keys as there may be");
	TRY(err);
	return scrub_want(op);
}

/* The secret that was replaced may have been told to somebody, and with it the root key. */
static enum vault_err
put_slot(struct op *op, const struct slot_add_req *req)
{
	struct slot_put put = { .name = req->slot,
				.draft = &op->opening->draft,
				.now = op->now.wall,
				.replace = req->replace.v };
	enum vault_err err = slots_put(op->change, &op->vault->keyring, &put);

	if (err == VAULT_EXISTS)
		return op_fail(op, err, "slot", "replace puts a new secret in its place");
	if (err == VAULT_NOT_FOUND)
		return op_fail(op, err, "slot", "there is no such slot to replace");
	if (err == VAULT_CONFLICT)
		return op_fail(op, err, NULL, "there are 16 slots already");
	TRY(err);
	return req->replace.v ? rekey(op) : vault_slots_changed(op->vault, op->change);
}

enum vault_err
op_slot_add(struct op *op, const struct slot_add_req *req, struct slot_add_res *res)
{
	TRY(put_slot(op, req));
	res->slot = req->slot;
	return slot_words(op, &op->opening->draft, &res->shares);
}

enum vault_err
op_slot_remove(struct op *op, const struct slot_remove_req *req, struct slot_remove_res *res)
{
	enum vault_err err = slots_remove(op->change, &op->vault->keyring, req->slot);

	(void)res;
	if (err == VAULT_NOT_FOUND)
		return op_fail(op, err, "slot", "there is no such slot");
	if (err == VAULT_CONFLICT)
		return op_fail(op, err, NULL,
			       "it is the last: nothing could open the vault any more");
	TRY(err);
	return rekey(op);
}

enum vault_err
op_sys_rekey(struct op *op, const struct sys_rekey_req *req, struct sys_rekey_res *res)
{
	(void)req;
	TRY(rekey(op));
	res->generation = op->vault->keyring.next.generation;
	return VAULT_OK;
}

static enum vault_err
describe(struct op *op, const struct slot_record *slot, struct slot_info *item)
{
	*item = (struct slot_info){ .kind = (int)slot->kind,
				    .created_at = slot->created_at,
				    .threshold = slot->threshold,
				    .shares = slot->shares };
	return op_keep_text(op, slot->name, &item->slot);
}

/* A cursor is the name of the last slot shown. */
static enum vault_err
first_behind(struct op *op, const struct slot_table *table, struct vault_text cursor, size_t *first)
{
	uint8_t name[BASE64_DECODED_MAX(CURSOR_MAX)];
	const struct slot_record *last = NULL;
	size_t len;

	*first = 0;
	if (cursor.p == NULL)
		return VAULT_OK;
	if (base64url_decode(cursor.p, cursor.len, name, &len))
		last = slot_named(table, (struct vault_text){ (const char *)name, len });
	if (last == NULL)
		return op_fail(op, VAULT_INVALID_PARAMS, "cursor",
			       "not a cursor of this list, or its slot is gone");
	*first = (size_t)(last - table->slots.v) + 1;
	return VAULT_OK;
}

enum vault_err
op_slot_list(struct op *op, const struct slot_list_req *req, struct slot_list_res *res)
{
	struct slot_info *items = scratch_alloc(op->scratch, SLOTS_MAX * sizeof *items);
	struct slot_table table;
	char *text;
	size_t i;

	if (items == NULL)
		return VAULT_BUSY;
	TRY(slots_read(op->txn, op->scratch, &table));
	TRY(first_behind(op, &table, req->cursor, &i));
	res->items.v = items;
	for (; i < table.slots.n && (int64_t)res->items.n < req->limit.v; i++)
		TRY(describe(op, &table.slots.v[i], &items[res->items.n++]));
	if (i >= table.slots.n)
		return VAULT_OK;
	text = scratch_alloc(op->scratch, BASE64_LENGTH(NAME_MAX_LEN));
	if (text == NULL)
		return VAULT_BUSY;
	res->cursor = (struct vault_text){ text, 0 };
	res->cursor.len = base64url_encode((const uint8_t *)items[res->items.n - 1].slot.p,
					   items[res->items.n - 1].slot.len, text);
	return VAULT_OK;
}
