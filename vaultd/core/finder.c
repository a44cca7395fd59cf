#include "vaultd/core/finder.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/text.h"

#define FINDER_BYTES (FINDER_SETS * FINDER_WAYS * sizeof(struct finder_place))

void
finder_free(struct finder *finder)
{
	if (finder->places != NULL)
		explicit_bzero(finder->places, FINDER_BYTES);
	free(finder->places);
	finder->places = NULL;
}

/* The places that a name may stand in; NULL where it is not remembered at all. */
static struct finder_place *
set_of(struct finder *finder, const struct row_key *key, struct vault_text name)
{
	uint64_t seed = (uint64_t)key->tenant << 8 | key->kind;

	if (finder == NULL || name.len > FINDER_NAME_MAX)
		return NULL;
	/* Without the memory there is no memory of anything. */
	if (finder->places == NULL)
		finder->places = calloc(1, FINDER_BYTES);
	if (finder->places == NULL)
		return NULL;
	return finder->places + text_hash(name, seed) % FINDER_SETS * FINDER_WAYS;
}

static struct finder_place *
find(struct finder_place *set, const struct row_key *key, struct vault_text name)
{
	for (int i = 0; set != NULL && i < FINDER_WAYS; i++) {
		struct vault_text there = { set[i].name, set[i].name_len };

		if (set[i].id != 0 && set[i].tenant == key->tenant && set[i].kind == key->kind &&
		    text_equal(there, name))
			return &set[i];
	}
	return NULL;
}

static void
keep(struct finder_place *set, const struct row *row, struct vault_text name)
{
	struct finder_place *place = set + row->id % FINDER_WAYS;

	*place = (struct finder_place){ .id = row->id,
					.tenant = row->key.tenant,
					.kind = row->key.kind,
					.name_len = (uint8_t)name.len };
	memcpy(place->tag, row->key.tag, ROW_TAG_BYTES);
	memcpy(place->name, name.p, name.len);
}

enum vault_err
finder_row(struct finder *finder, const struct finder_ask *ask, struct row *row,
	   struct vault_bytes *sealed)
{
	const struct row_keys *keys = ask->keys;
	struct vault_text name = ask->name;
	struct row_key key = { .tenant = keys->tenant, .kind = row->key.kind };
	struct finder_place *set = set_of(finder, &key, name);
	struct finder_place *place = find(set, &key, name);

	if (place != NULL) {
		memcpy(key.tag, place->tag, ROW_TAG_BYTES);
		row->key = key;
		row->id = place->id;
		if (row_read(ask->txn, row->id, sealed) == VAULT_OK)
			return VAULT_OK;
		place->id = 0;
	}
	row->key = row_key_of(keys, (enum row_kind)key.kind, text_bytes(name));
	TRY(row_find(ask->txn, &row->key, &row->id, sealed));
	if (set != NULL)
		keep(set, row, name);
	return VAULT_OK;
}
