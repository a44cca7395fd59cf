/*
 * What is more about unseal slots than their records.
 */
#ifndef VAULTCTL_SLOTS_H
#define VAULTCTL_SLOTS_H

#include "protocol/cursor.h"
#include "tools/vaultctl/ctl.h"

/* Whether the result has the shares of a new slot. */
bool slots_has_shares(struct cursor result);
/*
 * Prints them, numbered, with what must be known of them, whatever the output is: they are shown
 * this once. With --quiet the shares alone, a line each.
 */
void slots_show_shares(const struct ctl *ctl, const struct op_row *row, struct cursor result);
/* What is still to be done to unseal, after sys.unseal answered. */
void slots_note_needed(const struct ctl *ctl, struct cursor result);

#endif
