/*
 * A compact JWS taken apart, before anything in it is believed. The only user of jansson in the
 * daemon besides crypto/'s public keys.
 */
#ifndef CORE_TOKEN_PARSE_H
#define CORE_TOKEN_PARSE_H

#include <jansson.h>

#include "vaultd/core/op.h"

/* Freed by token_parts_free; views point into the token and the operation's memory. */
struct token_parts {
	struct vault_bytes input; /* what is signed: the first two parts and the dot between them */
	struct vault_bytes signature;
	json_t *header;
	json_t *claims;
};
#define TOKEN_PARTS_LOCAL(name)                                                                    \
	__attribute__((cleanup(token_parts_free))) struct token_parts name = { 0 }
void token_parts_free(struct token_parts *parts);

/*
 * *form tells whether the text is a compact JWS: three parts of canonical base64url, the first two JSON objects without
 * a name given twice, nested no deeper than TOKEN_NESTING_MAX, no crit.
 */
MUST_USE enum vault_err token_parse(struct op *op, struct vault_text token,
				    struct token_parts *parts, bool *form);

/* A member that is text; p NULL where it is not there, *ok false where it is something else. */
struct vault_text json_member_text(const json_t *object, const char *name, bool *ok);
/*
 * A NumericDate (RFC 7519 section 2) within the years 1970 to 9999, fractions cut off; absent
 * likewise.
 */
struct vault_opt_int json_member_date(const json_t *object, const char *name, bool *ok);

/* A JSON object as a MessagePack map in the operation's memory. */
MUST_USE enum vault_err json_to_map(struct op *op, const json_t *object, struct vault_map *map);
/*
 * The JSON of a MessagePack value; NULL where memory is short or it has none. Freed by json_decref.
 */
json_t *json_from_value(struct op *op, struct vault_bytes value);

#endif
