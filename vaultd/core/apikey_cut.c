/*
 * "Every key made before then is revoked" is kept as a rule, not written into each key: one row,
 * however many keys there are, so that it holds at once and for all of them together. A rule names
 * the row that would have been next, so that no key made or imported afterwards is caught.
 */
#include "protocol/text.h"
#include "vaultd/core/apikey_change.h"

/* Whether the new rule revokes all that the old one does. */
static bool
covers(const struct apikey_cut *rule, const struct apikey_cut *old)
{
	return (rule->kind == 0 || rule->kind == old->kind) &&
	       rule->created_before >= old->created_before;
}

static enum vault_err
add_rule(struct op *op, const struct apikey_cut *rule)
{
	struct apikey_cut kept[APIKEY_CUTS_MAX];
	struct apikey_cuts record = { 0 };
	struct vault_bytes plain;
	enum vault_err err;
	size_t n = 0;
	ROW_LOCAL(row);

	row.key = (struct row_key){ .tenant = op->tenant->keys.tenant, .kind = ROW_APIKEY_CUTS };
	err = sealed_find(op->txn, &op->tenant->keys, &row.key, &row);
	if (err == VAULT_OK) {
		TRY(op_keep_bytes(op, row_plain(&row), &plain));
		err = record_decode(apikey_cuts_type(), plain, op->scratch, &record);
	}
	if (err != VAULT_OK && err != VAULT_NOT_FOUND)
		return err;
	for (size_t i = 0; i < record.cuts.n; i++) {
		if (covers(rule, &record.cuts.v[i]))
			continue;
		if (n == APIKEY_CUTS_MAX - 1)
			return op_fail(op, VAULT_CONFLICT, "created_before",
				       "too many such revocations; take a later time");
		kept[n++] = record.cuts.v[i];
	}
	kept[n++] = *rule;
	record.cuts.v = kept;
	record.cuts.n = n;
	op->effects.touched = op->tenant->slot;
	return sealed_put(op->change, &op->tenant->keys, &row, apikey_cuts_type(), &record);
}

/* Revoked ones no longer count as primary: at most two, so they are looked at one by one. */
static enum vault_err
find_primaries(struct op *op, struct apikey keys[static APIKEY_PRIMARY_MAX], unsigned *n)
{
	struct row_walk walk;
	enum vault_err err;

	*n = 0;
	TRY(row_walk_open(op->txn, op->tenant->keys.tenant, ROW_APIKEY_PRIMARY, NULL, &walk));
	while (*n < APIKEY_PRIMARY_MAX) {
		struct row_key place;

		err = row_walk_next(&walk, &place, &keys[*n].row.id, NULL);
		if (err != VAULT_OK)
			break;
		keys[*n].row.key = place;
		keys[*n].row.key.kind = ROW_APIKEY;
		++*n;
	}
	row_walk_close(&walk);
	return VAULT_OK;
}

static enum vault_err
drop_primaries(struct op *op, const struct apikey_cut *rule)
{
	struct apikey keys[APIKEY_PRIMARY_MAX] = { 0 };
	unsigned n;

	TRY(find_primaries(op, keys, &n));
	for (unsigned i = 0; i < n; i++) {
		TRY(apikey_open(op, op->tenant, &keys[i]));
		if (keys[i].rec.created_at < rule->created_before)
			TRY(apikey_primary_remove(op, &keys[i]));
	}
	return VAULT_OK;
}

enum vault_err
apikey_cut_add(struct op *op, int64_t created_before, int kind, struct vault_text reason)
{
	struct apikey_cut rule = {
		.kind = kind,
		.created_before = created_before,
		.row = (int64_t)row_next(op->change->txn),
		.at = op->now.wall,
		.reason = reason,
	};

	if (kind != apikey_kind_ancillary)
		TRY(drop_primaries(op, &rule));
	return add_rule(op, &rule);
}

enum vault_err
apikey_revoke_before(struct op *op, int64_t created_before, int kind, struct vault_text reason)
{
	/* Keys of every name are meant, which only a grant on all names allows. */
	TRY(op_require(op, op->row->id, tenant_name_of(op->tenant), TEXT_LITERAL("")));
	op_note_again(op, created_before);
	op_note_again(op, kind);
	return apikey_cut_add(op, created_before, kind, reason);
}
