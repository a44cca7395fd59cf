/*
 * The byte types that both sides speak in. Every view borrows: it is valid as long as the buffer or
 * scratch memory it was read from, which the function that hands it out names.
 */
#ifndef PROTOCOL_TYPES_H
#define PROTOCOL_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * UTF-8, not NUL-terminated. p is NULL where the field was absent, and not NULL where it was empty.
 */
struct vault_text {
	const char *p;
	size_t len;
};

/* Octets. p is NULL where the field was absent. */
struct vault_bytes {
	const uint8_t *p;
	size_t len;
};

/*
 * A whole MessagePack map, still encoded, its values as they were sent. p is NULL where the field
 * was absent.
 */
struct vault_map {
	const uint8_t *p;
	size_t len;
};

/* An integer, a flag or an enumerator that may be absent; v then holds the contract's default. */
struct vault_opt_int {
	int64_t v;
	bool set;
};
struct vault_opt_bool {
	bool v;
	bool set;
};
struct vault_opt_enum {
	int v;
	bool set;
};

/* Lists; v is NULL and n 0 where the field was absent, n 0 with v not NULL where it was empty. */
struct vault_texts {
	const struct vault_text *v;
	size_t n;
};
struct vault_ints {
	const int64_t *v;
	size_t n;
};

#endif
