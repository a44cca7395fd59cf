/*
 * Options for a field that is a map of known members: --limits hot.rate=5,hot.burst=10, the option
 * given as often as one likes, or its JSON.
 */
#ifndef VAULTCTL_ENCODE_OBJECT_H
#define VAULTCTL_ENCODE_OBJECT_H

#include "tools/vaultctl/args.h"

/* Encodes one value as the field's type asks; false: told already. */
typedef bool (*object_member)(const struct ctl *ctl, const struct field *field, const char *text,
			      struct buf *out);

/* Appends the map that the field's options make together; false: told already. */
bool object_encode(const struct ctl *ctl, const struct args *args, const struct field *field,
		   object_member member, struct buf *out);

#endif
