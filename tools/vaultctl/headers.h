/*
 * HTTP headers on the command line: "Name: value", or files of such lines.
 */
#ifndef VAULTCTL_HEADERS_H
#define VAULTCTL_HEADERS_H

#include "tools/vaultctl/args.h"

/* Whether a field takes headers: a map of that name. */
bool headers_field(const struct field *field);
/* Appends the map of all that was given for the field; a name that was given more than once has the
 * list of its values. false: told already. */
bool headers_pack(struct ctl *ctl, const struct args *args, const struct field *field,
		  struct buf *out);

#endif
