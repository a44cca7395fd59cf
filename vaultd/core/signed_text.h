/*
 * Texts that the vault hands out and that anyone can keep: lines of "WORD: VALUE" behind a first
 * line that says what it is, and a last one, "signature: BASE64", Ed25519 by the store's identity
 * over every byte before it. The first line keeps one kind from being taken for another.
 */
#ifndef CORE_SIGNED_TEXT_H
#define CORE_SIGNED_TEXT_H

#include "protocol/buf.h"
#include "vaultd/crypto/ed25519.h"

#define SIGNED_TEXT_MAX 65536 /* bytes of one that is read */

/* A line; the value must hold no newline. VAULT_BUSY when memory is short. */
MUST_USE enum vault_err signed_text_line(struct buf *out, const char *word,
					 struct vault_text value);
MUST_USE enum vault_err signed_text_number(struct buf *out, const char *word, int64_t value);
/* Seconds since 1970 as 2006-01-02T15:04:05Z (RFC 3339). */
MUST_USE enum vault_err signed_text_time(struct buf *out, const char *word, int64_t at);
MUST_USE enum vault_err signed_text_hex(struct buf *out, const char *word,
					struct vault_bytes value);
/* The signature over what out holds. */
MUST_USE enum vault_err signed_text_end(struct buf *out, const struct ed25519_key *identity);

/*
 * Whether text begins with that first line, ends with a signature line and nothing behind it, and
 * the signature is that key's; *lines are then those between. VAULT_INTEGRITY.
 */
MUST_USE enum vault_err signed_text_check(struct vault_text text, const char *first,
					  const uint8_t public_key[static ED25519_PUBLIC_BYTES],
					  struct vault_text *lines);

/* Takes the line of that word from the front of lines; VAULT_INTEGRITY where another is there. */
MUST_USE enum vault_err signed_text_take(struct vault_text *lines, const char *word,
					 struct vault_text *value);
MUST_USE enum vault_err signed_text_take_number(struct vault_text *lines, const char *word,
						int64_t max, int64_t *value);
MUST_USE enum vault_err signed_text_take_time(struct vault_text *lines, const char *word,
					      int64_t *at);
MUST_USE enum vault_err signed_text_take_hex(struct vault_text *lines, const char *word,
					     uint8_t *bytes, size_t len);

#endif
