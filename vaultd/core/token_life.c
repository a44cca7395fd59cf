#include "vaultd/core/token_life.h"

static enum vault_err
read_life(struct op *op, struct row *row, struct token_life_record *life)
{
	struct row_key place = { .tenant = op->tenant->keys.tenant, .kind = ROW_TOKEN_LIFE };
	enum vault_err err = sealed_find(op->txn, &op->tenant->keys, &place, row);

	row->key = place;
	TRY(err);
	return record_decode(token_life_record_type(), row_plain(row), NULL, life);
}

/* A tenant that an older build made profiles in: nobody knows what theirs were. */
static enum vault_err
assume_longest(struct op *op, struct token_life_record *life)
{
	struct row_walk walk;
	struct row_key key;
	enum vault_err err;
	uint64_t id;

	*life = (struct token_life_record){ 0 };
	TRY(row_walk_open(op->txn, op->tenant->keys.tenant, ROW_PROFILE, NULL, &walk));
	err = row_walk_next(&walk, &key, &id, NULL);
	row_walk_close(&walk);
	if (err == VAULT_OK)
		life->max_ttl = TTL_MAX;
	return err == VAULT_NOT_FOUND ? VAULT_OK : err;
}

enum vault_err
token_life_extend(struct op *op, int64_t max_ttl, int64_t legacy_until)
{
	struct token_life_record life;
	enum vault_err err;
	ROW_LOCAL(row);

	err = read_life(op, &row, &life);
	if (err == VAULT_NOT_FOUND)
		err = assume_longest(op, &life);
	TRY(err);
	if (row.id != 0 && life.max_ttl >= max_ttl && life.legacy_until >= legacy_until)
		return VAULT_OK;
	if (life.max_ttl < max_ttl)
		life.max_ttl = max_ttl;
	if (life.legacy_until < legacy_until)
		life.legacy_until = legacy_until;
	return sealed_put(op->change, &op->tenant->keys, &row, token_life_record_type(), &life);
}

/*
 * Issued by a clock that is ahead by the leeway, and looked at by one that is behind by it. Where
 * tokens need not say when they were issued, one may begin to verify as late as that lasts.
 */
enum vault_err
token_life_end(struct op *op, int64_t *at)
{
	struct token_life_record life;
	enum vault_err err;
	ROW_LOCAL(row);

	err = read_life(op, &row, &life);
	if (err == VAULT_NOT_FOUND)
		err = assume_longest(op, &life);
	TRY(err);
	*at = op->now.wall + life.max_ttl;
	if (*at < life.legacy_until)
		*at = life.legacy_until;
	*at += INT64_C(2) * TOKEN_LEEWAY_MAX;
	if (*at > TIME_MAX)
		*at = TIME_MAX;
	return VAULT_OK;
}
