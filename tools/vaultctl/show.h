/*
 * Results as a person reads them: tables for lists, a line a field for one record, times as ages.
 */
#ifndef VAULTCTL_SHOW_H
#define VAULTCTL_SHOW_H

#include "protocol/cursor.h"
#include "tools/vaultctl/ctl.h"

/* What a field's value says in one cell, escaped for a terminal; to be freed. NULL when memory is
 * short. */
char *show_cell(const struct ctl *ctl, const struct field *field, struct cursor value, bool brief);

/* One record: a line a field, the lists of records inside it as tables. */
void show_record(const struct ctl *ctl, const struct object_type *type, struct cursor map);

/* A list of records whose pages are added one by one. */
struct show_list;
struct show_list *show_list_new(const struct ctl *ctl, const struct object_type *type);
void show_list_add(struct show_list *list, struct cursor items);
/* Prints, if it is to be printed, and frees. */
void show_list_end(struct show_list *list, bool print);

/* With --quiet: the first field's value alone, for scripts; a flag says nothing, the exit code
 * does. */
void show_value(const struct object_type *type, struct cursor map);

/* The value of a map's entry; false where there is none or it is nil. */
bool show_entry(struct cursor map, const char *name, struct cursor *value);

#endif
