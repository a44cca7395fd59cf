/*
 * JSON read strictly (RFC 8259), in one pass, into the MessagePack that callers are answered and
 * that cursors walk. Nothing is allocated, nothing is kept of what is refused.
 */
#ifndef CORE_JSON_READ_H
#define CORE_JSON_READ_H

#include "protocol/types.h"

#define JSON_READ_MAX 16384 /* bytes of a text: as many as a token has */

/* The most that n bytes of JSON take as MessagePack: "1e1," are four bytes, a float is nine. */
#define JSON_READ_ROOM(n) ((n) / 4 * 9 + 32)

/*
 * Reads one object and nothing behind it but white space. json.p[json.len] must be a NUL. out has JSON_READ_ROOM(json.len) bytes; *map lies within them. Containers nest at
 * most depth deep, the object itself included.
 *
 * False where it is not of that form, and for what readers understand differently: a name given
 * twice in one object, a NUL in a name, a surrogate without its pair, bytes that are not UTF-8, a
 * byte order mark, an integer beyond 64 bits, a number beyond a double's range.
 */
bool json_read_object(struct vault_text json, unsigned depth, uint8_t *out, struct vault_map *map);

#endif
