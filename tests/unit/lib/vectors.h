/*
 * Published test vectors, read from tests/vectors: the unit tests run from the repository's root.
 * Whatever cannot be read fails the test.
 */
#ifndef UNIT_VECTORS_H
#define UNIT_VECTORS_H

#include <jansson.h>

#include "protocol/types.h"

/* name: below tests/vectors. Freed with json_decref. */
json_t *vectors_read(const char *name);
/* A member that must be text. */
const char *vectors_text(const json_t *object, const char *member);
/*
 * The octets that a hexadecimal text stands for, in an allocation of just their size, freed by
 * vectors_free.
 */
struct vault_bytes vectors_unhex(const char *hex);
/* The same of a member. */
struct vault_bytes vectors_hex(const json_t *object, const char *member);
void vectors_free(struct vault_bytes bytes);

/*
 * Calls check for every test of a Wycheproof file, and requires that there were as many as the file
 * says.
 */
void vectors_wycheproof(const char *name,
			void (*check)(void *context, const json_t *group, const json_t *test),
			void *context);
/* Whether a Wycheproof test must pass. */
bool vectors_valid(const json_t *test);

#endif
