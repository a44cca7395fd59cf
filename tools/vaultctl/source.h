/*
 * What must not stand on the command line: values from stdin ("-"), files ("@FILE") and prompts.
 */
#ifndef VAULTCTL_SOURCE_H
#define VAULTCTL_SOURCE_H

#include "protocol/buf.h"
#include "tools/vaultctl/ctl.h"

/* Whether a field's value may be read from elsewhere, and whether it must be. */
bool source_allowed(const struct field *field);
bool source_required(const struct field *field);

/*
 * Appends the bytes that arg ("-" or "@FILE") means for the field. A secret text or a passphrase
 * loses one newline at its end. "-" on a terminal asks without echo. false: told already.
 */
bool source_read(struct ctl *ctl, const struct field *field, const char *arg, struct buf *out);
/* Whether arg is one of the two forms. */
bool source_is(const char *arg);

/* Asks on the terminal without echo; twice, and both must agree. false: told already. */
bool source_ask(const struct ctl *ctl, const char *prompt, struct buf *out);
bool source_ask_twice(const struct ctl *ctl, const char *prompt, struct buf *out);

#endif
