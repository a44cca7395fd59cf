/*
 * Claims: their JSON, and what may stand in them.
 */
#ifndef CORE_CLAIMS_H
#define CORE_CLAIMS_H

#include <string.h>

#include "protocol/buf.h"
#include "protocol/cursor.h"
#include "vaultd/core/op.h"

#define CLAIM_NESTING_MAX                                                                          \
	4 /* containers inside a claim's value, so that claims fit any reply's depth */

/*
 * iss iat nbf exp jti tid prf sub aud scope domain uses: set by the daemon, never by claims or
 * fixed.
 */
bool claim_reserved(struct vault_text name);

/* The most that n bytes of text take as a JSON string. */
#define JSON_ESCAPE_MAX 6
#define JSON_STRING_MAX(n) (JSON_ESCAPE_MAX * (n) + 2)
/* A JSON string, quoted and escaped (RFC 8259 section 7); the text is UTF-8. Returns its end. */
char *json_write_string(char *at, struct vault_text text);
MUST_USE enum vault_err json_put_string(struct buf *out, struct vault_text text);
/* JSON as it stands in the source. */
static inline MUST_USE enum vault_err
json_put_text(struct buf *out, const char *literal)
{
	return buf_append(out, literal, strlen(literal));
}
MUST_USE enum vault_err json_put_integer(struct buf *out, int64_t v);
/*
 * A MessagePack value as JSON. VAULT_INVALID_PARAMS for what claims may not hold: bin, an integer
 * beyond 2^53, a float that is not finite, a container nested too deep.
 */
MUST_USE enum vault_err json_put_value(struct buf *out, struct cursor *value);
/* Appends ,"name":value for each entry of a map. */
MUST_USE enum vault_err json_put_members(struct buf *out, struct vault_map map);

/* ,"aud":... a text where there is one, else a list; nothing where there is none. */
MUST_USE enum vault_err json_put_audience(struct buf *out, const struct vault_texts *audience);
/* ,"iat":N,"nbf":N,"exp":N */
MUST_USE enum vault_err json_put_times(struct buf *out, int64_t now, int64_t expires_at);

/* Goes through a map of claims: start with cursor_map. */
struct claim {
	struct vault_text name;
	struct vault_bytes value; /* one whole MessagePack value */
};
/* False at the end. */
bool claims_next(struct cursor *map, uint32_t *left, struct claim *claim);
/* The value of a name in a map; false where it has none. */
bool claims_find(struct vault_map map, struct vault_text name, struct vault_bytes *value);

/*
 * Whether two values say the same as JSON: members in any order, text byte by byte, an integer never
 * the same as a float.
 */
bool claims_equal(struct vault_bytes a, struct vault_bytes b);

#endif
