/*
 * Principals: whom a grant is for. "uid:1000", "gid:33", or "key:TENANT/ID" for an API key that was
 * logged in with.
 */
#ifndef CORE_PRINCIPAL_H
#define CORE_PRINCIPAL_H

#include "protocol/types.h"

enum principal_kind { PRINCIPAL_UID, PRINCIPAL_GID, PRINCIPAL_KEY };

struct principal {
	enum principal_kind kind;
	uint32_t number;	  /* of a user or group */
	struct vault_text text;	  /* the whole, as it was given */
	struct vault_text tenant; /* of a key */
};

/* Views into text. False where it is of none of the forms; numbers are decimal, without zeros. */
bool principal_parse(struct vault_text text, struct principal *out);
bool principal_equal(const struct principal *a, const struct principal *b);

#endif
