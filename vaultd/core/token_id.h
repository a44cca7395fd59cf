/*
 * Token ids: ours carry the tenant's issuance number; a peer's are any text.
 */
#ifndef CORE_TOKEN_ID_H
#define CORE_TOKEN_ID_H

#include "vaultd/core/tenant.h"

#define JTI_BYTES 20 /* issuance number, big-endian (8), and random (12) */

/* Whether the text has the form of ours; *number is then what it carries. */
bool token_id_number(struct vault_text jti, uint64_t *number);
/*
 * Whether the tenant gave that id out, as far as its number tells: a peer's that looks like ours
 * carries one far beyond.
 */
MUST_USE enum vault_err token_id_ours(struct op *op, struct vault_text jti, uint64_t *number,
				      bool *ours);
/*
 * Where a row about a token stands. One of ours is found without hashing, by its low 40 bits of
 * number and some of its random ones; the row itself holds the whole id.
 */
struct row_key token_id_place(const struct tenant *tenant, enum row_kind kind,
			      struct vault_text jti);

#endif
