/*
 * What is left of a rehearsal: its signed text, and the row of the last good one.
 */
#include "protocol/text.h"
#include "vaultd/core/drill.h"
#include "vaultd/core/op.h"
#include "vaultd/core/signed_text.h"

static enum vault_err
write_text(const struct keyring *keyring, const struct drill_done *done, struct buf *out)
{
	struct vault_bytes store = { keyring->store.store_id, STORE_ID_BYTES };

	TRY(buf_append(out, DRILL_FIRST_LINE "\n", sizeof DRILL_FIRST_LINE));
	TRY(signed_text_hex(out, "store", store));
	TRY(signed_text_hex(out, "backup", (struct vault_bytes){ done->backup, BACKUP_ID_BYTES }));
	TRY(signed_text_time(out, "taken_at", done->taken_at));
	TRY(signed_text_time(out, "drilled_at", done->at));
	TRY(signed_text_number(out, "bytes", (int64_t)done->bytes));
	TRY(signed_text_number(out, "items", (int64_t)done->items));
	TRY(signed_text_number(out, "records", (int64_t)done->records));
	TRY(signed_text_number(out, "tenants", (int64_t)done->tenants));
	TRY(signed_text_number(out, "keys", done->keys));
	TRY(signed_text_hex(out, "sha256", (struct vault_bytes){ done->hash, SHA256_BYTES }));
	TRY(signed_text_line(out, "result", text_of(done->failed == NULL ? "ok" : done->failed)));
	return signed_text_end(out, &keyring->identity);
}

enum vault_err
drill_write(struct op *op, const struct drill_done *done, struct vault_text *text)
{
	struct buf out = { 0 };
	enum vault_err err = write_text(&op->vault->keyring, done, &out);

	if (err == VAULT_OK)
		err = op_keep_text(
			op, (struct vault_text){ (const char *)buf_data(&out), buf_len(&out) },
			text);
	buf_free(&out);
	return err;
}

static struct row_key
place_of_last(void)
{
	return (struct row_key){ .tenant = 0, .kind = ROW_DRILL };
}

enum vault_err
drill_keep(struct change *change, const struct row_keys *store, int64_t at, struct vault_text text)
{
	struct drill_record record = { .at = at, .text = text };
	struct row_key place = place_of_last();
	enum vault_err err;
	ROW_LOCAL(row);

	err = sealed_find(change->txn, store, &place, &row);
	if (err != VAULT_OK && err != VAULT_NOT_FOUND)
		return err;
	row.key = place;
	return sealed_put(change, store, &row, drill_record_type(), &record);
}

enum vault_err
drill_last(struct txn *txn, const struct row_keys *store, int64_t *at)
{
	struct row_key place = place_of_last();
	struct drill_record record;
	enum vault_err err;
	ROW_LOCAL(row);

	*at = 0;
	err = sealed_find(txn, store, &place, &row);
	if (err == VAULT_NOT_FOUND)
		return VAULT_OK;
	TRY(err);
	TRY(record_decode(drill_record_type(), row_plain(&row), NULL, &record));
	*at = record.at;
	return VAULT_OK;
}
