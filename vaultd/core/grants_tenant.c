#include "vaultd/core/grants.h"

#include "protocol/text.h"

#define STEP_GRANTS 64 /* found in one walk, which must have ended before any is written */

static bool
keys_of_tenant(struct vault_text text, struct vault_text tenant)
{
	struct principal principal;

	return principal_parse(text, &principal) && principal.kind == PRINCIPAL_KEY &&
	       text_equal(principal.tenant, tenant);
}

bool
grant_names_tenant(const struct grant_record *record, struct vault_text tenant)
{
	return texts_hold(&record->tenants, tenant) || keys_of_tenant(record->principal, tenant);
}

struct found {
	struct row row; /* without its plain text */
	struct vault_bytes plain;
};

static enum vault_err
look(struct op *op, const struct row_key *key, struct vault_bytes sealed, struct vault_text tenant,
     struct found *found)
{
	struct grant_record record;
	ROW_LOCAL(row);

	TRY(sealed_open(&op->vault->keyring.store, key, sealed, &row));
	TRY(record_decode(grant_record_type(), row_plain(&row), op->scratch, &record));
	if (!grant_names_tenant(&record, tenant))
		return VAULT_NOT_FOUND;
	found->row = (struct row){ .key = *key, .id = row.id, .revision = row.revision };
	return op_keep_bytes(op, row_plain(&row), &found->plain);
}

static enum vault_err
find_some(struct op *op, struct vault_text tenant, struct found *found, unsigned *n)
{
	struct vault_bytes sealed;
	struct row_walk walk;
	struct row_key key;
	enum vault_err err;
	uint64_t id;

	*n = 0;
	TRY(row_walk_open(op->change->txn, 0, ROW_GRANT, NULL, &walk));
	while ((err = row_walk_next(&walk, &key, &id, &sealed)) == VAULT_OK && *n < STEP_GRANTS) {
		err = look(op, &key, sealed, tenant, &found[*n]);
		if (err == VAULT_OK)
			found[(*n)++].row.id = id;
		else if (err != VAULT_NOT_FOUND)
			break;
	}
	row_walk_close(&walk);
	return err == VAULT_NOT_FOUND ? VAULT_OK : err;
}

static enum vault_err
forget(struct op *op, struct found *found, struct vault_text tenant)
{
	struct grant_record record;
	struct vault_text *left;
	size_t n = 0;

	TRY(record_decode(grant_record_type(), found->plain, op->scratch, &record));
	left = scratch_alloc(op->scratch, (record.tenants.n + 1) * sizeof *left);
	if (left == NULL)
		return VAULT_BUSY;
	for (size_t i = 0; i < record.tenants.n; i++)
		if (!text_equal(record.tenants.v[i], tenant))
			left[n++] = record.tenants.v[i];
	op->effects.policy_changed = true;
	if (n == 0 || keys_of_tenant(record.principal, tenant))
		return sealed_delete(op->change, &found->row);
	record.tenants = (struct vault_texts){ left, n };
	return sealed_put(op->change, &op->vault->keyring.store, &found->row, grant_record_type(),
			  &record);
}

enum vault_err
grants_forget_tenant(struct op *op, struct vault_text tenant)
{
	struct found *found = scratch_alloc(op->scratch, STEP_GRANTS * sizeof *found);
	unsigned n;

	if (found == NULL)
		return VAULT_BUSY;
	do {
		TRY(find_some(op, tenant, found, &n));
		for (unsigned i = 0; i < n; i++)
			TRY(forget(op, &found[i], tenant));
	} while (n == STEP_GRANTS);
	return VAULT_OK;
}
