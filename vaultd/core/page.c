#include "vaultd/core/page.h"

#include <string.h>

#include "vaultd/base/base64.h"

#define CURSOR_TEXT BASE64_LENGTH(ROW_TAG_BYTES)

static enum vault_err
cursor_read(struct op *op, struct vault_text text, uint8_t tag[static ROW_TAG_BYTES])
{
	uint8_t bytes[BASE64_DECODED_MAX(CURSOR_MAX)];
	size_t len;

	if (!base64url_decode(text.p, text.len, bytes, &len) || len != ROW_TAG_BYTES)
		return op_fail(op, VAULT_INVALID_PARAMS, "cursor", "not a cursor of this list");
	memcpy(tag, bytes, ROW_TAG_BYTES);
	return VAULT_OK;
}

static enum vault_err
cursor_write(struct op *op, const uint8_t tag[static ROW_TAG_BYTES], struct vault_text *cursor)
{
	char *text = scratch_alloc(op->scratch, CURSOR_TEXT);

	if (text == NULL)
		return VAULT_BUSY;
	*cursor = (struct vault_text){ text, base64url_encode(tag, ROW_TAG_BYTES, text) };
	return VAULT_OK;
}

/* One row further: adds its item to the list unless the maker passes over it. */
static enum vault_err
page_row(const struct page *page, struct row_walk *walk, struct object_list *items, uint8_t *last)
{
	uint8_t *at = (uint8_t *)(uintptr_t)items->v + items->n * page->item->size;
	struct vault_bytes sealed;
	struct row_key key;
	enum vault_err err;
	ROW_LOCAL(row);

	TRY(row_walk_next(walk, &key, &row.id, &sealed));
	memcpy(last, key.tag, ROW_TAG_BYTES);
	if (page->bound != NULL)
		page->bound(&key);
	TRY(sealed_open(page->keys, &key, sealed, &row));
	err = page->make(page->op, &row, at);
	/* The walk's own "not found" means its end, so it is not passed on from here. */
	if (err == VAULT_OK)
		items->n++;
	return err == VAULT_NOT_FOUND ? VAULT_OK : err;
}

static bool
row_follows(const struct page *page, const uint8_t *last)
{
	struct row_walk walk;
	struct row_key key;
	enum vault_err err;
	uint64_t id;

	if (row_walk_open(page->op->txn, page->keys->tenant, (uint8_t)page->kind, last, &walk) !=
	    VAULT_OK)
		return false;
	err = row_walk_next(&walk, &key, &id, NULL);
	row_walk_close(&walk);
	return err == VAULT_OK;
}

enum vault_err
page_walk(const struct page *page, struct object_list *items, struct vault_text *cursor)
{
	uint8_t last[ROW_TAG_BYTES];
	struct object_list found = { 0 };
	struct row_walk walk;
	enum vault_err err;
	size_t rows = 0, taken, rows_max = page->rows_max == 0 ? PAGE_ROWS_MAX : page->rows_max;

	if (page->cursor.p != NULL)
		TRY(cursor_read(page->op, page->cursor, last));
	found.v = scratch_alloc(page->op->scratch, (size_t)page->limit * page->item->size);
	if (found.v == NULL)
		return VAULT_BUSY;
	taken = page->op->scratch->extra;
	TRY(row_walk_open(page->op->txn, page->keys->tenant, (uint8_t)page->kind,
			  page->cursor.p == NULL ? NULL : last, &walk));
	do
		err = page_row(page, &walk, &found, last);
	while (err == VAULT_OK && found.n < (size_t)page->limit && ++rows < rows_max &&
	       page->op->scratch->extra - taken < PAGE_BYTES_MAX);
	row_walk_close(&walk);
	if (err != VAULT_OK && err != VAULT_NOT_FOUND)
		return err;
	*items = found;
	if (err == VAULT_OK && row_follows(page, last))
		return cursor_write(page->op, last, cursor);
	return VAULT_OK;
}
