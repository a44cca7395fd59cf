#include "vaultd/core/erased.h"

#include "protocol/text.h"
#include "vaultd/base/bytes.h"

static struct row_key
place_of(enum erased_state state, uint32_t number)
{
	struct row_key key = { .tenant = 0, .kind = ROW_ERASED };

	key.tag[0] = (uint8_t)state;
	put_be32(key.tag + 1, number);
	return key;
}

static enum vault_err
open_at(struct op *op, const struct row_key *key, struct erased *erased)
{
	struct vault_bytes plain;
	ROW_LOCAL(row);

	TRY(sealed_find(op->txn, &op->vault->keyring.store, key, &row));
	TRY(op_keep_bytes(op, row_plain(&row), &plain));
	TRY(record_decode(erased_record_type(), plain, op->scratch, &erased->rec));
	erased->row = (struct row){ .key = *key, .id = row.id, .revision = row.revision };
	return VAULT_OK;
}

enum vault_err
erased_first(struct op *op, enum erased_state state, struct erased *erased)
{
	struct row_key from = place_of(state, 0), key;
	struct row_walk walk;
	enum vault_err err;
	uint64_t id;

	TRY(row_walk_open(op->txn, 0, ROW_ERASED, from.tag, &walk));
	err = row_walk_next(&walk, &key, &id, NULL);
	row_walk_close(&walk);
	TRY(err);
	return key.tag[0] == (uint8_t)state ? open_at(op, &key, erased) : VAULT_NOT_FOUND;
}

enum vault_err
erased_find(struct op *op, uint32_t number, enum erased_state *state, struct erased *erased)
{
	for (int s = ERASED_ROWS_LEFT; s <= ERASED_DONE; s++) {
		struct row_key key = place_of((enum erased_state)s, number);
		enum vault_err err = open_at(op, &key, erased);

		*state = (enum erased_state)s;
		if (err != VAULT_NOT_FOUND)
			return err;
	}
	return VAULT_NOT_FOUND;
}

enum vault_err
erased_put(struct op *op, enum erased_state state, struct erased *erased)
{
	struct row_key key = place_of(state, (uint32_t)erased->rec.number);

	if (erased->row.id != 0 && !text_same(key.tag, erased->row.key.tag, ROW_TAG_BYTES)) {
		TRY(sealed_delete(op->change, &erased->row));
		erased->row = (struct row){ 0 };
	}
	erased->row.key = key;
	return sealed_put(op->change, &op->vault->keyring.store, &erased->row, erased_record_type(),
			  &erased->rec);
}
