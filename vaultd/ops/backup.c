#include "protocol/text.h"
#include "vaultd/core/backup_ledger.h"
#include "vaultd/core/backup_store.h"
#include "vaultd/core/prepared.h"
#include "vaultd/ops/ops.h"

/*
 * To a passphrase whoever knows it opens the store, as with a new slot: it takes the same right,
 * which no wildcard and no built-in role but the owner's gives, and the configuration's consent.
 */
static enum vault_err
check_wish(struct op *op, const struct backup_begin_req *req)
{
	if (req->passphrase.p == NULL)
		return VAULT_OK;
	if (req->recipient.p != NULL)
		return op_fail(op, VAULT_INVALID_PARAMS, "recipient",
			       "give at most one of passphrase and recipient");
	if (!op->vault->settings.backup_passphrase)
		return op_fail(op, VAULT_DENIED, "passphrase",
			       "the configuration does not allow it");
	return op_require(op, OP_slot_add, (struct vault_text){ 0 }, (struct vault_text){ 0 });
}

enum vault_err
op_backup_begin(struct op *op, const struct backup_begin_req *req, struct backup_begin_res *res)
{
	struct backup_wish wish = { req->passphrase, req->recipient, req->split.v };
	struct vault_text handle[] = { { 0 }, TEXT_LITERAL(BACKUP_KEYS_SUFFIX) };
	char keys[BACKUP_HANDLE_TEXT];
	struct backup *backup;

	TRY(check_wish(op, req));
	TRY(backup_store_begin(op, &wish, &backup));
	handle[0] = text_of(backup->done.backup);
	TRY(op_keep_text(op, handle[0], &res->backup));
	op->note.id = res->backup;
	if (!req->split.v)
		return VAULT_OK;
	memcpy(keys, handle[0].p, handle[0].len);
	memcpy(keys + handle[0].len, handle[1].p, handle[1].len);
	return op_keep_text(op, (struct vault_text){ keys, handle[0].len + handle[1].len },
			    &res->keys);
}

enum vault_err
op_backup_read(struct op *op, const struct backup_read_req *req, struct backup_read_res *res)
{
	struct backup_progress *progress = scratch_alloc(op->scratch, sizeof *progress);
	struct backup_piece piece;

	if (progress == NULL)
		return VAULT_BUSY;
	TRY(backups_read(op, req->backup, req->offset.set ? req->offset.v : -1, &piece));
	*progress = (struct backup_progress){ (int64_t)piece.records, (int64_t)piece.total };
	res->offset = (int64_t)piece.offset;
	res->data = piece.data;
	res->done = piece.done;
	res->progress = progress;
	return VAULT_OK;
}

enum vault_err
prepare_backup_drill(struct op *op, const struct backup_drill_req *req)
{
	return drill_run(op, req->backup, &op->prepared->drill);
}

enum vault_err
op_backup_drill(struct op *op, const struct backup_drill_req *req, struct backup_drill_res *res)
{
	const struct drill_done *done = &op->prepared->drill;

	op->note.id = req->backup;
	TRY(drill_write(op, done, &res->record));
	res->ok = done->failed == NULL;
	if (!res->ok) {
		op->note.reason = verify_reason_invalid;
		return VAULT_OK;
	}
	op->effects.drilled_at = done->at;
	return drill_keep(op->change, &op->vault->keyring.store, done->at, res->record);
}

enum vault_err
prepare_backup_end(struct op *op, const struct backup_end_req *req)
{
	return backups_end(op, req->backup, &op->prepared->backup);
}

enum vault_err
op_backup_end(struct op *op, const struct backup_end_req *req, struct backup_end_res *res)
{
	const struct backup_done *done = &op->prepared->backup;

	(void)res;
	op->note.id = req->backup;
	if (!done->complete)
		return VAULT_OK;
	op->effects.backup_at = done->begun_at;
	return backup_ledger_add(op->change, &op->vault->keyring.store, done, op->now.wall);
}
