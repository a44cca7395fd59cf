#include "vaultd/core/token_uses.h"

#include <string.h>

#include "protocol/text.h"
#include "vaultd/core/expiry.h"
#include "vaultd/core/token_id.h"
#include "vaultd/core/token_life.h"

#define GRANTED_MAX INT64_C(0x7fffffffffff) /* uses added to one token altogether */

/* The token's row; VAULT_NOT_FOUND, with row->key where it is to stand. */
static enum vault_err
find_uses(struct op *op, struct vault_text jti, struct row *row, struct token_uses_record *record)
{
	struct row_key place = token_id_place(op->tenant, ROW_TOKEN_USES, jti);
	enum vault_err err = sealed_find(op->txn, &op->tenant->keys, &place, row);

	row->key = place;
	*record = (struct token_uses_record){ .jti = jti };
	TRY(err);
	TRY(record_decode(token_uses_record_type(), row_plain(row), NULL, record));
	/* Another's row under the same tag, of 96 bits: neither is ever counted for the other. */
	return text_equal(record->jti, jti) ? VAULT_OK : VAULT_CONFLICT;
}

static struct row_key
use_place(const struct op *op, const struct token_use *use)
{
	uint8_t name[1 + JTI_MAX + USE_MAX];
	size_t len = use->jti.len;

	/* What ends the id: no UTF-8 has that byte. */
	memcpy(name, use->jti.p, len);
	name[len++] = 0xff;
	memcpy(name + len, use->use.p, use->use.len);
	return row_key_of(&op->tenant->keys, ROW_TOKEN_USE,
			  (struct vault_bytes){ name, len + use->use.len });
}

static enum vault_err
find_counted(struct op *op, struct token_use *use)
{
	struct row_key place;
	enum vault_err err;
	ROW_LOCAL(row);

	if (use->use.p == NULL)
		return VAULT_OK;
	place = use_place(op, use);
	err = sealed_find(op->txn, &op->tenant->keys, &place, &row);
	use->counted = err == VAULT_OK;
	return err == VAULT_NOT_FOUND ? VAULT_OK : err;
}

enum vault_err
token_uses_find(struct op *op, struct token_use *use)
{
	struct token_uses_record record;
	enum vault_err err;
	ROW_LOCAL(row);

	use->counted = false;
	use->left = use->limit;
	err = find_uses(op, use->jti, &row, &record);
	if (err == VAULT_NOT_FOUND)
		return VAULT_OK;
	TRY(err);
	use->left = use->limit + record.added - record.used;
	if (use->left < 0)
		use->left = 0;
	return find_counted(op, use);
}

static enum vault_err
keep_use(struct op *op, const struct token_use *use, int64_t forget_at)
{
	struct token_use_record record = { .jti = use->jti,
					   .use = use->use,
					   .used_at = op->now.wall };
	struct row row = { 0 };

	if (use->use.p == NULL)
		return VAULT_OK;
	row.key = use_place(op, use);
	TRY(sealed_put(op->change, &op->tenant->keys, &row, token_use_record_type(), &record));
	return expiry_put(op, &row.key, row.id, 0, forget_at);
}

/* Writes the row, and when it is to be forgotten: never earlier than was said before. */
static enum vault_err
put_uses(struct op *op, struct row *row, struct token_uses_record *record, int64_t forget_at)
{
	int64_t before = record->forget_at;

	if (record->forget_at < forget_at)
		record->forget_at = forget_at > TIME_MAX ? TIME_MAX : forget_at;
	TRY(sealed_put(op->change, &op->tenant->keys, row, token_uses_record_type(), record));
	return expiry_put(op, &row->key, row->id, before, record->forget_at);
}

enum vault_err
token_uses_count(struct op *op, struct token_use *use)
{
	struct token_uses_record record;
	enum vault_err err;
	ROW_LOCAL(row);

	if (op->change == NULL) {
		op->deferred = true;
		return VAULT_BUSY;
	}
	err = find_uses(op, use->jti, &row, &record);
	if (err != VAULT_OK && err != VAULT_NOT_FOUND)
		return err;
	record.jti = use->jti;
	record.used++;
	record.max = use->limit;
	TRY(put_uses(op, &row, &record, use->expires_at + TOKEN_LEEWAY_MAX));
	TRY(keep_use(op, use, record.forget_at));
	use->left--;
	return expiry_sweep(op, EXPIRY_SWEEP_CHANGE);
}

enum vault_err
token_uses_spend(struct op *op, struct vault_text jti)
{
	struct token_uses_record record;
	int64_t end;
	enum vault_err err;
	ROW_LOCAL(row);

	TRY(token_life_end(op, &end));
	err = find_uses(op, jti, &row, &record);
	if (err != VAULT_OK && err != VAULT_NOT_FOUND)
		return err;
	record.jti = jti;
	record.used++;
	return put_uses(op, &row, &record, end);
}

enum vault_err
token_uses_show(struct op *op, struct vault_text jti, struct token_uses_res *res)
{
	struct token_uses_record record;
	enum vault_err err;
	ROW_LOCAL(row);

	op->note.jti = jti;
	err = find_uses(op, jti, &row, &record);
	if (err == VAULT_NOT_FOUND)
		return op_fail(op, err, "jti", "no use of such a token was counted");
	TRY(err);
	res->used = record.used;
	res->max = record.max + record.added;
	return VAULT_OK;
}

enum vault_err
token_uses_grant(struct op *op, struct vault_text jti, int64_t add)
{
	struct token_uses_record record;
	uint64_t number;
	bool ours = true;
	int64_t end;
	enum vault_err err;
	ROW_LOCAL(row);

	op->note.jti = jti;
	err = find_uses(op, jti, &row, &record);
	if (err == VAULT_NOT_FOUND)
		TRY(token_id_ours(op, jti, &number, &ours));
	else
		TRY(err);
	/* One of ours may be given more before its first use; of others nothing is known yet. */
	if (!ours)
		return op_fail(op, VAULT_NOT_FOUND, "jti", "no use of such a token was counted");
	if (record.added + add > GRANTED_MAX)
		return op_fail(op, VAULT_INVALID_PARAMS, "add", "more than can be counted");
	TRY(token_life_end(op, &end));
	record.jti = jti;
	record.added += add;
	TRY(put_uses(op, &row, &record, err == VAULT_OK ? record.forget_at : end));
	return expiry_sweep(op, EXPIRY_SWEEP_CHANGE);
}
