#include <string.h>

#include "protocol/text.h"
#include "vaultd/core/apikey_list.h"
#include "vaultd/core/apikey_used.h"
#include "vaultd/core/page.h"

/* What one call of apikey_due_next has in hand. */
struct due_page {
	struct op *op;
	const struct apikey_tenant *common;
	struct apikey_used_row used;
	struct apikey_due *items;
	size_t n;
};

static enum vault_err
keep(struct due_page *page, const struct apikey *key)
{
	struct apikey_due *item = &page->items[page->n];
	struct op *op = page->op;

	*item = (struct apikey_due){ .created_at = key->rec.created_at,
				     .due_at = key->rec.created_at + APIKEY_ROTATION_SECONDS };
	TRY(op_keep_text(op, key->rec.name, &item->name));
	TRY(op_keep_text(op, key->rec.id, &item->id));
	TRY(op_keep_text(op, key->rec.owner, &item->owner));
	TRY(apikey_used_at(op, key->row.id, &page->used, &item->last_used_at));
	page->n++;
	return VAULT_OK;
}

/* The next row of the list. VAULT_NOT_FOUND at its end, and where what follows is not due. */
static enum vault_err
look(struct due_page *page, struct row_walk *rows, struct apikey_due_walk *walk)
{
	struct op *op = page->op;
	struct apikey key = { 0 };
	struct vault_bytes sealed;
	struct row_key place;
	uint64_t id;
	ROW_LOCAL(row);

	TRY(row_walk_next(rows, &place, &id, &sealed));
	memcpy(walk->after, place.tag, sizeof walk->after);
	walk->begun = true;
	apikey_bound(&place);
	TRY(sealed_open(&op->tenant->keys, &place, sealed, &row));
	TRY(record_decode(apikey_record_type(), row_plain(&row), op->scratch, &key.rec));
	key.row.id = id;
	/* They stand in the order of creation. */
	if (key.rec.created_at + APIKEY_ROTATION_SECONDS >= walk->due_before)
		return VAULT_NOT_FOUND;
	if (apikey_state(&key, page->common, &op->now) != apikey_state_active)
		return VAULT_OK;
	return keep(page, &key);
}

enum vault_err
apikey_due_next(struct op *op, struct apikey_due_walk *walk, struct apikey_due *items, size_t *n)
{
	struct due_page page = { .op = op, .items = items };
	enum vault_err err = VAULT_OK;
	struct row_walk rows;

	TRY(apikey_tenant(op, &page.common));
	TRY(row_walk_open(op->txn, op->tenant->keys.tenant, ROW_APIKEY,
			  walk->begun ? walk->after : NULL, &rows));
	for (unsigned i = 0; i < PAGE_ROWS_MAX && page.n < walk->max && err == VAULT_OK; i++)
		err = look(&page, &rows, walk);
	row_walk_close(&rows);
	if (err != VAULT_OK && err != VAULT_NOT_FOUND)
		return err;
	walk->ended = err == VAULT_NOT_FOUND;
	*n = page.n;
	return VAULT_OK;
}
