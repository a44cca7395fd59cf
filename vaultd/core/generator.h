/*
 * Values made at random: what secret.policy's generator says.
 */
#ifndef CORE_GENERATOR_H
#define CORE_GENERATOR_H

#include "vaultd/core/op.h"

struct generator {
	int kind;		    /* enum generator_kind; 0: of the alphabet */
	size_t length;		    /* characters; of hex and base64 random bytes */
	struct vault_text alphabet; /* absent: letters and digits */
};

/*
 * Whether it can make anything: VAULT_INVALID_PARAMS names the field. A letter that stands twice in
 * an alphabet would come twice as often, so it is refused.
 */
MUST_USE enum vault_err generator_check(struct op *op, const struct secret_generator *given,
					struct generator *generator);
/* Every letter is as likely as every other. value must be empty. */
MUST_USE enum vault_err generator_make(struct arena *arena, const struct generator *generator,
				       struct secret *value);

#endif
