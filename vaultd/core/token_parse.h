/*
 * A compact JWS taken apart, before anything in it is believed.
 */
#ifndef CORE_TOKEN_PARSE_H
#define CORE_TOKEN_PARSE_H

#include "vaultd/core/op.h"

/* Views into the token and the operation's memory. */
struct token_parts {
	struct vault_bytes input; /* what is signed: the first two parts and the dot between them */
	struct vault_bytes signature;
	struct vault_map header; /* MessagePack, as json_read makes it */
	struct vault_map claims;
};

/*
 * *form tells whether the text is a compact JWS: three parts of canonical base64url, the first two JSON objects without
 * a name given twice, nested no deeper than TOKEN_NESTING_MAX, no crit.
 */
MUST_USE enum vault_err token_parse(struct op *op, struct vault_text token,
				    struct token_parts *parts, bool *form);

/* The members of a header or payload that are looked for by name; one is read whole: value. */
enum member_kind { MEMBER_TEXT, MEMBER_DATE, MEMBER_COUNT, MEMBER_ANY };
struct member_slot {
	struct vault_text name;
	enum member_kind kind;
	void *to; /* struct vault_text, vault_opt_int (dates and counts), vault_bytes */
};
/*
 * Fills the slots of the members that are there; the others stay as they were. A date is a NumericDate
 * (RFC 7519 section 2) within the years 1970 to 9999, fractions cut off; a count an integer from 1 to
 * 2^32-1. False where one is of another type or out of range.
 */
bool members_read(struct vault_map object, const struct member_slot *slots, size_t n);

#endif
