/*
 * The command line of one operation: options and arguments sorted to the operation's fields, then
 * encoded.
 */
#ifndef VAULTCTL_ARGS_H
#define VAULTCTL_ARGS_H

#include "protocol/buf.h"
#include "tools/vaultctl/ctl.h"

#define ARG_VALUES_MAX 256 /* options given for all fields together */

/* One given value. p is the command line's own, or read from elsewhere when secret holds it. */
struct arg {
	const struct field *field;
	const char *text;
	struct buf secret; /* entered at a prompt; used where text is NULL */
};

/* An option of a command that is no field of its operation. */
struct extra {
	const char *name;
	const char *argument; /* what it takes; NULL: it is a flag, whose value is "" */
	const char *help;
};
#define ARG_EXTRAS_MAX 128

struct args {
	const struct op_row *row; /* NULL for commands that have no fields */
	struct arg v[ARG_VALUES_MAX];
	size_t n;
	const char *words[16]; /* arguments, where row is NULL or all fields are taken */
	size_t words_n;
	const struct extra *extras; /* set before parsing: what the command takes; name NULL ends */
	bool child;		    /* ... and whether "--" begins a command line to run */
	struct {
		const struct extra *extra;
		const char *value;
	} given[ARG_EXTRAS_MAX];
	size_t given_n;
	char **command; /* NULL: none */
};

void args_free(struct args *args);

/*
 * Reads options (global ones into ctl) and arguments from argv[1] on. An argument takes the first
 * required field not yet given, the tenant apart unless the noun is tenant. false: told already.
 */
bool args_parse(struct ctl *ctl, struct args *args, int argc, char **argv);
/* The value of the last option of that name that is no field; NULL where it was not given. */
const char *args_extra(const struct args *args, const char *name);
/* Whether a field of that name has been given. */
bool args_given(const struct args *args, const char *name);
/* Gives a field, as if by an option; false: told already. */
bool args_add(const struct ctl *ctl, struct args *args, const char *name, const char *text);
/* The same with bytes that stood on no command line; takes them over. */
bool args_add_secret(const struct ctl *ctl, struct args *args, const char *name, struct buf *bytes);

/* Appends the map of fields, with cursor (may be absent) as the page's; false: told already. */
bool args_encode(struct ctl *ctl, const struct args *args, struct vault_text cursor,
		 struct buf *out);

#endif
