#include "vaultd/core/profile.h"

#include "vaultd/core/page.h"
#include "vaultd/ops/ops.h"

enum vault_err
op_profile_put(struct op *op, const struct profile_put_req *req, struct profile_put_res *res)
{
	(void)res;
	return profile_put(op, req);
}

enum vault_err
op_profile_get(struct op *op, const struct profile_get_req *req, struct profile_get_res *res)
{
	struct vault_bytes name = { (const uint8_t *)req->name.p, req->name.len };
	enum vault_err err;
	ROW_LOCAL(row);

	row.key = row_key_of(&op->tenant->keys, ROW_PROFILE, name);
	err = sealed_find(op->txn, &op->tenant->keys, &row.key, &row);
	if (err == VAULT_NOT_FOUND)
		return op_fail(op, err, "name", "there is no such profile");
	TRY(err);
	op->note.target = row.key;
	return profile_show(op, &row, res);
}

static enum vault_err
list_item(struct op *op, const struct row *row, void *item)
{
	return profile_show(op, row, item);
}

enum vault_err
op_profile_list(struct op *op, const struct profile_list_req *req, struct profile_list_res *res)
{
	struct page page = { .op = op,
			     .keys = &op->tenant->keys,
			     .kind = ROW_PROFILE,
			     .item = profile_get_res_type(),
			     .make = list_item,
			     .limit = req->limit.v,
			     .cursor = req->cursor };
	struct object_list items = { 0 };

	TRY(page_walk(&page, &items, &res->cursor));
	res->items.v = items.v;
	res->items.n = items.n;
	return VAULT_OK;
}

enum vault_err
op_profile_delete(struct op *op, const struct profile_delete_req *req,
		  struct profile_delete_res *res)
{
	(void)res;
	return profile_delete(op, req->name);
}
