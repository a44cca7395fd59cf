#include "protocol/buf.h"
#include "protocol/text.h"
#include "vaultd/core/key_change.h"
#include "vaultd/core/page.h"
#include "vaultd/ops/ops.h"

#define PUBLIC_MAX_AGE 3600 /* seconds that a verifier may keep the set */
#define PUBLISHED_MAX 1024  /* keys in one set */

/* A JWKS in the making. */
struct set {
	struct buf jwks;
	struct buf pem;
	int64_t max_age;
	bool one; /* a single key was named: tell its current version's PEM */
};

static void
set_free(struct set *set)
{
	buf_free(&set->jwks);
	buf_free(&set->pem);
}

static enum vault_err
add_key(struct op *op, const struct key *key, struct set *set)
{
	for (size_t i = 0; i < key->count; i++) {
		const struct key_live *live = &key->versions[i];
		enum version_state state = key_live_state(key, live, op->now.wall);

		if (state == version_state_retired || state == version_state_revoked)
			continue;
		TRY(jwks_add(&set->jwks, live->signature.algorithm,
			     (struct vault_text){ live->kid, live->kid_len },
			     (struct vault_bytes){ live->public_key, live->public_len }));
		if (set->one && state == version_state_current)
			TRY(pem_add(&set->pem, live->signature.algorithm,
				    (struct vault_bytes){ live->public_key, live->public_len }));
	}
	return VAULT_OK;
}

static enum vault_err
add_named(struct op *op, struct vault_text name, struct set *set)
{
	const struct key *key;

	TRY(key_get(op, "name", name, &key));
	if (!key_asymmetric(key->algorithm))
		return op_fail(op, VAULT_CONFLICT, "name", "the key has no public half");
	if (key->publish_ahead < set->max_age)
		set->max_age = key->publish_ahead;
	return add_key(op, key, set);
}

/* The names of the keys that sign with a public half; those of peers are theirs to publish. */
static enum vault_err
name_of_row(struct op *op, const struct row_key *place, struct vault_bytes sealed,
	    struct vault_text *name)
{
	struct key_record record;
	ROW_LOCAL(row);

	TRY(sealed_open(&op->tenant->keys, place, sealed, &row));
	TRY(record_decode(key_record_type(), row_plain(&row), op->scratch, &record));
	*name = (struct vault_text){ 0 };
	if (!key_asymmetric(record.algorithm) || record.verify_only || record.delete_at.set)
		return VAULT_OK;
	return op_keep_text(op, record.name, name);
}

/*
 * Names first, keys after: opening a key may move the snapshot on, and a walk does not survive
 * that.
 */
static enum vault_err
names_of_all(struct op *op, struct vault_text *names, size_t *n)
{
	struct vault_bytes sealed;
	struct row_walk walk;
	struct row_key place;
	enum vault_err err = VAULT_OK;
	uint64_t id;

	*n = 0;
	TRY(row_walk_open(op->txn, op->tenant->keys.tenant, ROW_KEY, NULL, &walk));
	for (unsigned rows = 0; rows < PAGE_ROWS_MAX && *n < PUBLISHED_MAX; rows++) {
		err = row_walk_next(&walk, &place, &id, &sealed);
		if (err == VAULT_OK)
			err = name_of_row(op, &place, sealed, &names[*n]);
		if (err != VAULT_OK)
			break;
		*n += names[*n].p != NULL;
	}
	row_walk_close(&walk);
	return err == VAULT_NOT_FOUND ? VAULT_OK : err;
}

static enum vault_err
add_all(struct op *op, struct set *set)
{
	struct vault_text *names = scratch_alloc(op->scratch, PUBLISHED_MAX * sizeof *names);
	size_t n;

	if (names == NULL)
		return VAULT_BUSY;
	TRY(names_of_all(op, names, &n));
	for (size_t i = 0; i < n; i++)
		TRY(add_named(op, names[i], set));
	op->note.target = (struct row_key){ 0 };
	return VAULT_OK;
}

static enum vault_err
collect(struct op *op, const struct key_public_req *req, struct set *set)
{
	TRY(jwks_start(&set->jwks));
	set->one = req->name.p != NULL;
	TRY(set->one ? add_named(op, req->name, set) : add_all(op, set));
	TRY(jwks_end(&set->jwks));
	return buf_len(&set->jwks) < FRAME_MAX / 2
		       ? VAULT_OK
		       : op_fail(op, VAULT_TOO_LARGE, NULL, "name one key");
}

enum vault_err
op_key_public(struct op *op, const struct key_public_req *req, struct key_public_res *res)
{
	__attribute__((cleanup(set_free))) struct set set = { .max_age = PUBLIC_MAX_AGE };

	TRY(collect(op, req, &set));
	/* A cache that is as old as that has seen every version before its first signature. */
	res->max_age = set.max_age;
	if (buf_len(&set.pem) > 0)
		TRY(op_keep_text(
			op,
			(struct vault_text){ (const char *)buf_data(&set.pem), buf_len(&set.pem) },
			&res->pem));
	return op_keep_text(
		op, (struct vault_text){ (const char *)buf_data(&set.jwks), buf_len(&set.jwks) },
		&res->jwks);
}
