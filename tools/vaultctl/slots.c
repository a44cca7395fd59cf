#include "tools/vaultctl/slots.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/vaultctl/show.h"

bool
slots_has_shares(struct cursor result)
{
	struct cursor shares;
	uint32_t n;

	return show_entry(result, "shares", &shares) && cursor_array(&shares, &n) && n > 0;
}

/* The other fields, as a record shows them. */
static void
show_others(const struct ctl *ctl, const struct object_type *type, struct cursor result)
{
	struct cursor value;

	for (unsigned i = 0; i < type->count; i++) {
		char *text;

		if (type->fields[i].kind != FIELD_TEXT ||
		    !show_entry(result, type->fields[i].name, &value))
			continue;
		text = show_cell(ctl, &type->fields[i], value, false);
		printf("%-9s  %s\n", type->fields[i].name, text == NULL ? "?" : text);
		free(text);
	}
}

void
slots_show_shares(const struct ctl *ctl, const struct op_row *row, struct cursor result)
{
	struct vault_text words;
	struct cursor shares;
	uint32_t n;

	if (!ctl->quiet)
		show_others(ctl, row->result(), result);
	if (!show_entry(result, "shares", &shares) || !cursor_array(&shares, &n))
		return;
	for (uint32_t i = 0; i < n && cursor_str(&shares, &words); i++) {
		if (!ctl->quiet)
			printf("\nshare %u of %u:\n", i + 1, n);
		printf("%.*s\n", (int)words.len, words.p);
	}
	if (!ctl->quiet)
		putchar('\n');
	ctl_note(ctl, "These shares are shown only this once. Give each to somebody else, on paper "
		      "or a device of his own,\nand clear this screen. Try them before you rely on "
		      "them: vaultctl seal, then vaultctl unseal --share.");
}

void
slots_note_needed(const struct ctl *ctl, struct cursor result)
{
	struct cursor value;
	int64_t needed = 0;

	if (ctl->format != CTL_TABLE || !show_entry(result, "needed", &value) ||
	    !cursor_int(&value, &needed) || needed == 0)
		return;
	if (needed == 1)
		ctl_note(ctl, "One more share is needed: vaultctl unseal --share. What was given "
			      "is forgotten 10 minutes after the first.");
	else
		ctl_note(ctl,
			 "%lld more shares are needed: vaultctl unseal --share. What was "
			 "given is forgotten 10 minutes after the first.",
			 (long long)needed);
}
