#include <string.h>

#include "protocol/text.h"
#include "vaultd/core/apikey_change.h"
#include "vaultd/core/apikey_text.h"

/* The row that leads from the MAC of an imported key's hash to its id. */
static struct row_key
hash_place(const struct op *op, struct vault_bytes mac)
{
	struct row_key place = { .tenant = op->tenant->keys.tenant, .kind = ROW_APIKEY_HASH };

	if (mac.len >= sizeof place.tag)
		memcpy(place.tag, mac.p, sizeof place.tag);
	return place;
}

static enum vault_err
find_hash(struct op *op, struct vault_bytes mac, struct row *row, struct apikey_hash *record)
{
	struct row_key place = hash_place(op, mac);

	TRY(sealed_find(op->txn, &op->tenant->keys, &place, row));
	return record_decode(apikey_hash_type(), row_plain(row), op->scratch, record);
}

enum vault_err
apikey_forget_hash(struct op *op, struct vault_bytes mac)
{
	struct apikey_hash record;
	ROW_LOCAL(row);

	TRY(find_hash(op, mac, &row, &record));
	return sealed_delete(op->change, &row);
}

static enum vault_err
by_hash(struct op *op, struct vault_bytes hash, struct apikey_candidate *c)
{
	uint8_t mac[APIKEY_MAC_BYTES];
	const struct apikey_tenant *common;
	struct apikey_hash record;
	ROW_LOCAL(row);

	TRY(apikey_tenant(op, &common));
	mac_once(&common->pepper, hash, mac);
	TRY(find_hash(op, (struct vault_bytes){ mac, sizeof mac }, &row, &record));
	TRY(apikey_by_id(op, record.id, &c->key));
	c->tenant = op->tenant;
	c->known = true;
	return apikey_match(c, common, hash) ? VAULT_OK : VAULT_NOT_FOUND;
}

enum vault_err
apikey_foreign(struct op *op, struct vault_text text, struct apikey_candidate *c)
{
	uint8_t hash[SHA256_BYTES];
	enum vault_err err;

	sha256_once(text_bytes(text), hash);
	err = by_hash(op, (struct vault_bytes){ hash, sizeof hash }, c);
	secret_wipe(hash, sizeof hash);
	return err;
}

static enum vault_err
check_import(struct op *op, const struct apikey_import_req *req)
{
	if (req->id.p != NULL && !text_scope(req->id))
		return op_fail(op, VAULT_INVALID_PARAMS, "id",
			       "printable ASCII without space, quote and backslash");
	if (req->created_at.set && req->created_at.v > op->now.wall)
		return op_fail(op, VAULT_INVALID_PARAMS, "created_at", "in the future");
	return VAULT_OK;
}

/* An id as it was known elsewhere, or one as ours are; no key of the tenant may have it. */
static enum vault_err
set_id(struct op *op, struct vault_text id, struct apikey *key)
{
	char *digits = scratch_alloc(op->scratch, APIKEY_ID_DIGITS);
	struct apikey other = { 0 };
	enum vault_err err;

	if (digits == NULL)
		return VAULT_BUSY;
	if (id.p == NULL) {
		apikey_digits(op->random, digits, APIKEY_ID_DIGITS);
		id = (struct vault_text){ digits, APIKEY_ID_DIGITS };
	}
	key->rec.id = id;
	err = apikey_by_id(op, id, &other);
	/* Also that of a deleted key, which still has its row. */
	if (err == VAULT_OK || other.row.id != 0)
		return op_fail(op, VAULT_EXISTS, "id", "there is, or was, a key of this id");
	return err == VAULT_NOT_FOUND ? VAULT_OK : err;
}

static enum vault_err
put_hash(struct op *op, const struct apikey *key)
{
	struct apikey_hash record = { .id = key->rec.id };
	ROW_LOCAL(row);

	row.key = hash_place(op, key->rec.mac);
	return sealed_put(op->change, &op->tenant->keys, &row, apikey_hash_type(), &record);
}

enum vault_err
apikey_import(struct op *op, const struct apikey_import_req *req, struct apikey *key)
{
	struct apikey_settings settings = APIKEY_SETTINGS(req);
	struct row_key place;
	uint64_t id;

	TRY(check_import(op, req));
	TRY(apikey_new(op, req->name, &settings, key));
	key->rec.imported = true;
	if (req->created_at.set)
		key->rec.created_at = req->created_at.v;
	if (req->hint.p != NULL)
		key->rec.hint = req->hint;
	TRY(set_id(op, req->id, key));
	TRY(apikey_set_mac(op, &key->rec, req->sha256));
	place = hash_place(op, key->rec.mac);
	if (row_linked(op->txn, &place, &id) == VAULT_OK)
		return op_fail(op, VAULT_EXISTS, "sha256", "this key is there already");
	place = apikey_id_place(op, ROW_APIKEY_FOREIGN, op->tenant->keys.tenant, key->rec.id);
	key->row.key = apikey_place_bound(&place);
	key->row.id = 0;
	TRY(apikey_write(op, key));
	TRY(apikey_primary_add(op, key));
	apikey_note(op, key);
	TRY(put_hash(op, key));
	return row_link(op->change->txn, &place, key->row.id);
}
