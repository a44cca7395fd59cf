/*
 * Between JSON and MessagePack. Bytes stand in JSON as {"$bytes": base64url}, both ways.
 */
#ifndef VAULTCTL_JSON_H
#define VAULTCTL_JSON_H

#include <stdio.h>

#include "protocol/buf.h"
#include "protocol/cursor.h"
#include "protocol/fields.h"

/* A quoted JSON string; bytes that are not UTF-8 become U+FFFD. */
void json_print_text(FILE *out, struct vault_text t);

/* The next value, on one line where indent is negative, else indented so deep. */
void json_print_value(FILE *out, struct cursor *c, int indent);
/* The same for a map that type describes; with hide, its secret fields are not shown. */
void json_print(FILE *out, struct cursor *c, const struct object_type *type, bool hide);

/* Parses JSON text and appends its encoding; false with a reason (of at most 160 bytes) in why. */
#define JSON_WHY_MAX 160
bool json_parse(struct buf *out, struct vault_text text, char why[static JSON_WHY_MAX]);

/* Base64url without padding (RFC 4648 section 5); decoding takes padding and the standard alphabet
 * too. */
void base64url_write(FILE *out, struct vault_bytes v);
bool base64url_read(struct buf *out, struct vault_text t);

#endif
