/*
 * Host names that tokens are bound to (RFC 1123 section 2.1, RFC 5890 section 2.3.1): letters,
 * digits and hyphens, an internationalised name as A-labels only. Compared without case, so kept in
 * lower case; never looked up, and nothing else about them is normalised.
 */
#ifndef CORE_DOMAIN_H
#define CORE_DOMAIN_H

#include "protocol/fields.h"

/* DOMAIN_NAME_MAX: bytes of a name, without a dot at its end (RFC 1035 section 2.3.4) */
#define DOMAIN_LABEL_MAX 63 /* bytes between two dots */

/*
 * Whether the text is a host name: no empty label, no dot at its end, no port, no underscore, no
 * address (a last label of digits, or 0x and hexadecimal ones, is a number to who resolves it).
 */
bool domain_name(struct vault_text name);
/* A host name, or "*." and a host name: one or more labels below it. */
bool domain_pattern(struct vault_text pattern);

/* Copies the name, or pattern, in lower case to at least its length. */
struct vault_text domain_fold(struct vault_text name, char *to);
/* Whether both are the same name but for case. */
bool domain_same(struct vault_text a, struct vault_text b);
/* Whether a name of that form falls under a pattern of that form, case aside. */
bool domain_matches(struct vault_text pattern, struct vault_text name);

#endif
