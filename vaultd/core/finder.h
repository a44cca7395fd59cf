/*
 * What one worker remembers of where names stand: the tag, which costs two rounds of a hash, and the
 * record id, which costs a walk down the index. It never has to be told of a change: a record id is
 * never used again, so what stands under a remembered one is that record, or nothing and the index
 * is asked. Holds names and no values; bounded; made when it is first used.
 */
#ifndef CORE_FINDER_H
#define CORE_FINDER_H

#include "vaultd/core/sealed.h"

#define FINDER_SETS 1024
#define FINDER_WAYS 4
#define FINDER_NAME_MAX 54 /* longer names are looked up each time */

struct finder_place {
	uint64_t id; /* 0: empty */
	uint32_t tenant;
	uint8_t kind;
	uint8_t name_len;
	uint8_t tag[ROW_TAG_BYTES];
	char name[FINDER_NAME_MAX];
};

/* All zero is an empty one. Belongs to one thread, which must not be the committer. */
struct finder {
	struct finder_place *places; /* FINDER_SETS * FINDER_WAYS */
};
void finder_free(struct finder *finder);

struct finder_ask {
	struct txn *txn;
	const struct row_keys *keys;
	struct vault_text name;
};
/*
 * row_find by a name: sets row->key and row->id. finder may be NULL. VAULT_NOT_FOUND, with row->key
 * set.
 */
MUST_USE enum vault_err finder_row(struct finder *finder, const struct finder_ask *ask,
				   struct row *row, struct vault_bytes *sealed);

#endif
