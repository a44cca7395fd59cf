#include <ctype.h>
#include <libsmartcols/libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/text.h"
#include "tools/vaultctl/show.h"

/*
 * A column is made when the first record that has the field comes, so that what nobody has takes no
 * room; it stands where the field does, whichever record came first.
 */
struct show_list {
	const struct ctl *ctl;
	const struct object_type *type;
	struct libscols_table *table;
	struct libscols_column *columns[OBJECT_FIELDS_MAX];
	size_t rows;
};

/* Whether a list shows the field: long texts and records inside records are for get. */
static bool
fits(const struct field *field)
{
	return field->kind != FIELD_OBJECT && field->kind != FIELD_BYTES &&
	       !(field->kind == FIELD_TEXT && field->max > 4096);
}

static bool
flushes_right(const struct field *field)
{
	return field->kind == FIELD_OBJECTS ||
	       (field->kind == FIELD_INT && (field->flags & (F_TIME | F_DURATION)) == 0);
}

/* NULL: none stands before the field's. */
static struct libscols_column *
column_before(const struct show_list *list, const struct field *field)
{
	for (size_t i = (size_t)(field - list->type->fields); i-- > 0;)
		if (list->columns[i] != NULL)
			return list->columns[i];
	return NULL;
}

static struct libscols_column *
add_column(struct show_list *list, const struct field *field)
{
	char head[FAIL_FIELD_MAX + 1];
	struct libscols_column *column;
	size_t i;

	for (i = 0; i < field->name_len && i < FAIL_FIELD_MAX; i++)
		head[i] = (char)(field->name[i] == '_' ? ' '
						       : toupper((unsigned char)field->name[i]));
	head[i] = '\0';
	column = scols_table_new_column(list->table, head, 0,
					flushes_right(field) ? SCOLS_FL_RIGHT : 0);
	if (column == NULL)
		return NULL;
	if (scols_table_move_column(list->table, column_before(list, field), column) != 0)
		return NULL;
	if (ctl_colours())
		scols_cell_set_color(scols_column_get_header(column), "bold");
	return column;
}

struct show_list *
show_list_new(const struct ctl *ctl, const struct object_type *type)
{
	struct show_list *list = calloc(1, sizeof *list);

	if (list == NULL)
		return NULL;
	scols_init_debug(0);
	list->ctl = ctl;
	list->type = type;
	list->table = scols_new_table();
	if (list->table == NULL) {
		free(list);
		return NULL;
	}
	scols_table_enable_colors(list->table, ctl_colours());
	scols_table_enable_noheadings(list->table, ctl->quiet);
	return list;
}

/* What stands out in a list of many. */
static const char *
colour_of(const char *text)
{
	if (strcmp(text, "revoked") == 0 || strcmp(text, "suspended") == 0 ||
	    strcmp(text, "denied") == 0 || strcmp(text, "error") == 0)
		return "red";
	return strcmp(text, "active") == 0 || strcmp(text, "current") == 0 ||
			       strcmp(text, "ok") == 0
		       ? "green"
		       : NULL;
}

static void
add_cell(struct show_list *list, struct libscols_line *line, const struct field *field,
	 struct cursor value)
{
	struct libscols_column **column = &list->columns[field - list->type->fields];
	char *text = show_cell(list->ctl, field, value, true);

	if (text == NULL)
		return;
	if (*column == NULL)
		*column = add_column(list, field);
	if (*column == NULL || scols_line_refer_column_data(line, *column, text) != 0) {
		free(text);
		return;
	}
	if (field->kind == FIELD_ENUM && colour_of(text) != NULL)
		scols_cell_set_color(scols_line_get_column_cell(line, *column), colour_of(text));
}

static void
add_row(struct show_list *list, struct cursor record)
{
	struct libscols_line *line = scols_table_new_line(list->table, NULL);
	struct cursor value;

	list->rows++;
	for (unsigned i = 0; line != NULL && i < list->type->count; i++) {
		const struct field *field = &list->type->fields[i];

		if (fits(field) && show_entry(record, field->name, &value))
			add_cell(list, line, field, value);
		/* --quiet: the first column alone, which names the record. */
		if (list->ctl->quiet)
			return;
	}
}

void
show_list_add(struct show_list *list, struct cursor items)
{
	struct vault_bytes raw;
	uint32_t n;

	if (!cursor_array(&items, &n))
		return;
	for (uint32_t i = 0; i < n && cursor_skip(&items, &raw); i++)
		add_row(list, (struct cursor){ raw.p, raw.p + raw.len });
}

void
show_list_end(struct show_list *list, bool print)
{
	if (print && list->rows > 0)
		scols_print_table(list->table);
	else if (print)
		ctl_note(list->ctl, "There are none.");
	scols_unref_table(list->table);
	free(list);
}
