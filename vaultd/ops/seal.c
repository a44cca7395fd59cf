#include "protocol/text.h"
#include "vaultd/base/base64.h"
#include "vaultd/ops/ops.h"
#include "vaultd/ops/slot_secret.h"

enum vault_err
prepare_sys_init(struct op *op, const struct sys_init_req *req)
{
	struct secret_given given = { .passphrase = req->passphrase,
				      .keyfile = req->keyfile,
				      .shares = req->shares,
				      .threshold = req->threshold };
	struct slot_secret secret;

	if (vault_state(op->vault) != STATE_UNINITIALIZED)
		return op_fail(op, VAULT_ALREADY_INITIALIZED, NULL, NULL);
	TRY(slot_secret_of(op, &given, &secret));
	return slot_draft_make(op->vault->arena, &secret, &op->vault->settings.slot_cost,
			       &op->opening->draft);
}

enum vault_err
op_sys_init(struct op *op, const struct sys_init_req *req, struct sys_init_res *res)
{
	char id[STORE_ID_TEXT], key_text[BASE64_LENGTH(32)];
	uint8_t audit_key[32];
	size_t key_len;

	(void)req;
	/* Another request may have come first while this one's secret was being prepared. */
	if (vault_state(op->vault) != STATE_UNINITIALIZED)
		return op_fail(op, VAULT_ALREADY_INITIALIZED, NULL, NULL);
	TRY(vault_create(op->vault, op->change, op->opening, op->now.wall, audit_key));
	op->effects.opened = true;
	res->slot = TEXT_LITERAL(INITIAL_SLOT);
	store_id_text(op->vault->keyring.store.store_id, id);
	TRY(op_keep_text(op, text_of(id), &res->store_id));
	TRY(slot_words(op, &op->opening->draft, &res->shares));
	key_len = base64url_encode(audit_key, sizeof audit_key, key_text);
	return op_keep_text(op, (struct vault_text){ key_text, key_len }, &res->audit_key);
}

static enum vault_err
try_slots(struct op *op, const struct slot_secret *secret)
{
	struct vault_attempt attempt = { .secret = secret, .now = &op->now };
	enum vault_err err =
		secret->kind == SLOT_SHARES
			? vault_try_share(op->vault, op->txn, &attempt, op->opening)
			: vault_try_slots(op->vault, op->txn, &attempt, &op->opening->slot);

	if (err == VAULT_LOCKED) {
		err = op_fail(op, err, NULL, "locked after five wrong secrets within 30 minutes");
		op->fail.retry_after_ms = attempt.retry_ms;
		return err;
	}
	if (err == VAULT_NOT_FOUND)
		return op_fail(op, err, "slot", "there is no such slot");
	if (err == VAULT_INVALID_PARAMS)
		return op_fail(op, err, "share", "not the words of a share; is one mistyped?");
	if (err == VAULT_DENIED)
		return op_fail(op, err, NULL,
			       secret->kind == SLOT_SHARES
				       ? "no slot opens with this share; begin again with the first"
				       : "no slot opens with this secret");
	return err;
}

enum vault_err
prepare_sys_unseal(struct op *op, const struct sys_unseal_req *req)
{
	struct secret_given given = { .passphrase = req->passphrase,
				      .keyfile = req->keyfile,
				      .share = req->share };
	struct slot_secret secret;

	/*
	 * Open, there is nothing to try; being sealed, nothing may be loaded: op_sys_unseal answers
	 * either.
	 */
	if (vault_state(op->vault) != STATE_SEALED)
		return VAULT_OK;
	/* Who could only put an older store back must not be able to have it opened too. */
	if (req->accept_rollback.v && op->who->uid != 0)
		return op_fail(op, VAULT_DENIED, "accept_rollback",
			       "only root may accept a rollback");
	TRY(slot_secret_of(op, &given, &secret));
	secret.slot = req->slot;
	op->opening->accept_rollback = req->accept_rollback.v;
	op->opening->uid = op->who->uid;
	op->opening->gid = op->who->gid;
	op->opening->pid = op->who->pid;
	return try_slots(op, &secret);
}

enum vault_err
op_sys_unseal(struct op *op, const struct sys_unseal_req *req, struct sys_unseal_res *res)
{
	enum vault_err err;

	(void)req;
	if (vault_state(op->vault) == STATE_SEALED && op->opening->needed > 0) {
		res->sealed = true;
		res->needed = (struct vault_opt_int){ op->opening->needed, true };
		return VAULT_OK;
	}
	if (vault_state(op->vault) != STATE_OPEN) {
		/* Whoever seals has the last word over whoever was unsealing meanwhile. */
		if (vault_state(op->vault) != STATE_SEALED || op->opening->slot.root.p == NULL ||
		    atomic_load(&op->vault->cancel))
			return op_fail(op, VAULT_BUSY, NULL,
				       "the vault was being sealed; try again");
		err = vault_load(op->vault, op->txn, op->opening, &op->now);
		if (err == VAULT_INTEGRITY && op->opening->why != NULL)
			return op_fail(op, err, NULL, op->opening->why);
		TRY(err);
		/* Else nothing seems to have been written, and the change would be forgotten. */
		op->change->count += op->opening->found.format < STORE_FORMAT;
		op->effects.opened = true;
		unseal_shares_forget(&op->vault->shares);
	}
	res->sealed = false;
	return VAULT_OK;
}

/* Main has done the work before it asks for the answer. */
enum vault_err
op_sys_seal(struct op *op, const struct sys_seal_req *req, struct sys_seal_res *res)
{
	(void)op;
	(void)req;
	res->sealed = true;
	return VAULT_OK;
}
