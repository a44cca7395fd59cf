/*
 * due: everything that must be rotated, as a person reads it.
 */
#include <libsmartcols/libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/text.h"
#include "tools/vaultctl/command.h"
#include "tools/vaultctl/units.h"

#define PAGE 500
#define CELL_MAX 300
#define CURSOR_TEXT (CURSOR_MAX + 1)

enum { COLUMN_WHAT, COLUMN_TENANT, COLUMN_NAME, COLUMN_OWNER, COLUMN_AGE, COLUMN_USED, COLUMN_DUE };

static const char *const heads[] = { "WHAT", "TENANT", "NAME", "OWNER", "AGE", "LAST USED", "DUE" };
#define COLUMNS (sizeof heads / sizeof heads[0])

static struct libscols_table *
table_new(const struct ctl *ctl)
{
	struct libscols_table *table;

	scols_init_debug(0);
	table = scols_new_table();
	for (size_t i = 0; table != NULL && i < COLUMNS; i++)
		(void)scols_table_new_column(table, heads[i], 0, 0);
	if (table != NULL) {
		scols_table_enable_colors(table, ctl_colours());
		scols_table_enable_noheadings(table, ctl->quiet);
	}
	return table;
}

static void
put(struct libscols_line *line, size_t column, struct vault_text text)
{
	char cell[CELL_MAX];

	snprintf(cell, sizeof cell, "%.*s", (int)text.len, text.len > 0 ? text.p : "-");
	if (text.len == 0)
		snprintf(cell, sizeof cell, "-");
	scols_line_set_data(line, column, cell);
}

/* "in 5d" or "overdue by 3d". */
static void
put_due(const struct ctl *ctl, struct libscols_line *line, int64_t at)
{
	char duration[UNIT_TEXT_MAX], cell[CELL_MAX];
	bool overdue = at <= ctl->now;

	unit_show_duration(duration, overdue ? ctl->now - at : at - ctl->now);
	snprintf(cell, sizeof cell, overdue ? "overdue by %s" : "in %s", duration);
	scols_line_set_data(line, COLUMN_DUE, cell);
	if (overdue && ctl_colours())
		scols_cell_set_color(scols_line_get_cell(line, COLUMN_DUE), "red");
}

static void
put_item(const struct ctl *ctl, struct libscols_table *table, const struct vault_due_item *item)
{
	struct libscols_line *line = scols_table_new_line(table, NULL);
	char text[UNIT_TEXT_MAX];

	if (line == NULL)
		return;
	put(line, COLUMN_WHAT, text_of(due_kind_enum.names[item->kind]));
	put(line, COLUMN_TENANT, item->tenant);
	put(line, COLUMN_NAME, item->name);
	put(line, COLUMN_OWNER, item->owner);
	unit_show_duration(text, ctl->now > item->created_at ? ctl->now - item->created_at : 0);
	put(line, COLUMN_AGE, text_of(text));
	if (item->last_used_at.set)
		unit_show_age(text, item->last_used_at.v, ctl->now);
	put(line, COLUMN_USED, item->last_used_at.set ? text_of(text) : (struct vault_text){ 0 });
	put_due(ctl, line, item->due_at);
}

/* What the command line says, as the call's struct. */
static bool
read_args(const struct ctl *ctl, const struct args *args, struct vault_secret_due_req *req)
{
	for (size_t i = 0; i < args->n; i++) {
		if (strcmp(args->v[i].field->name, "within") != 0) {
			ctl_usage(ctl, "--%s is for --format json: the table has every page",
				  args->v[i].field->name);
			return false;
		}
		if (!unit_duration(args->v[i].text, &req->within.v)) {
			ctl_usage(ctl, "--within takes a duration, as in 30d");
			return false;
		}
		req->within.set = true;
	}
	if (ctl->tenant_given)
		req->tenant = text_of(ctl->tenant);
	req->limit = vault_int(PAGE);
	return true;
}

static int
all_pages(struct ctl *ctl, struct vault *vault, const struct vault_secret_due_req *req,
	  struct libscols_table *table)
{
	const struct op_row *row = op_find(TEXT_LITERAL("secret.due"));
	struct vault_secret_due_req page = *req;
	struct vault_secret_due_res res;
	char cursor[CURSOR_TEXT];
	size_t n = 0;

	do {
		if (vault_secret_due(vault, &page, &res) != VAULT_OK)
			return ctl_failed(ctl, vault, row);
		for (size_t i = 0; i < res.items.n; i++)
			put_item(ctl, table, &res.items.v[i]);
		n += res.items.n;
		snprintf(cursor, sizeof cursor, "%.*s", (int)res.cursor.len,
			 res.cursor.len > 0 ? res.cursor.p : "");
		page.cursor = text_of(cursor);
	} while (cursor[0] != '\0');
	if (n > 0)
		scols_print_table(table);
	else
		ctl_note(ctl, "Nothing is due%s.", req->within.set ? " within that time" : "");
	return CTL_DONE;
}

int
run_due(struct ctl *ctl, struct args *args)
{
	struct vault_secret_due_req req = { .within = { 0 } };
	struct libscols_table *table;
	struct vault *vault = NULL;
	int status;

	if (ctl->format == CTL_JSON) {
		ctl->all = true;
		return command_run(ctl, args);
	}
	if (!read_args(ctl, args, &req))
		return CTL_LOCAL;
	table = table_new(ctl);
	if (table == NULL)
		return ctl_local(ctl, "memory is short");
	status = ctl_connect(ctl, args->row, &vault);
	if (status == CTL_DONE)
		status = all_pages(ctl, vault, &req, table);
	vault_close(vault);
	scols_unref_table(table);
	return status;
}
