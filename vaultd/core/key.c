#include "vaultd/core/key.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/text.h"

#define KEY_COST_VERSION 512 /* bytes of the arena that a prepared version holds */

struct row_key
key_version_place(const struct tenant *tenant, struct vault_text name, uint32_t version)
{
	uint8_t bytes[NAME_MAX_LEN + 5];

	memcpy(bytes, name.p, name.len);
	bytes[name.len] = 0;
	for (unsigned i = 0; i < 4; i++)
		bytes[name.len + 1 + i] = (uint8_t)(version >> 8 * i);
	return row_key_of(&tenant->keys, ROW_KEY_VERSION, (struct vault_bytes){ bytes, name.len + 5 });
}

size_t
key_kid(struct vault_text name, uint32_t version, char kid[static KEY_KID_MAX])
{
	return (size_t)snprintf(kid, KEY_KID_MAX, "%.*s.%" PRIu32, (int)name.len, name.p, version);
}

static void
live_free(struct key_live *live)
{
	mac_key_free(&live->mac);
	ed25519_free(&live->ed25519);
}

static void
key_destroy(struct cache_entry *entry)
{
	struct key *key = (struct key *)(void *)entry;

	for (size_t i = 0; i < key->count; i++)
		live_free(&key->versions[i]);
	free(key->versions);
	free(key);
}

static enum vault_err
live_material(struct op *op, enum key_algorithm algorithm, const struct version_record *record, struct key_live *live)
{
	struct arena *arena = op->vault->arena;

	if (algorithm != key_algorithm_EdDSA)
		return mac_key_init(&live->mac, arena, algorithm == key_algorithm_HS512 ? MAC_SHA512 : MAC_SHA256,
				    record->secret);
	if (record->secret.p != NULL)
		return record->secret.len == ED25519_SEED_BYTES ?
			       ed25519_from_seed(&live->ed25519, arena, record->secret.p) :
			       VAULT_INTEGRITY;
	if (record->public_key.len != ED25519_PUBLIC_BYTES)
		return VAULT_INTEGRITY;
	memcpy(live->ed25519.public_key, record->public_key.p, ED25519_PUBLIC_BYTES);
	return VAULT_OK;
}

static enum vault_err
live_add(struct op *op, struct key *key, struct vault_text name, const struct version_record *record)
{
	struct key_live *live = &key->versions[key->count];

	if (record->kid.len > KID_MAX)
		return VAULT_INTEGRITY;
	TRY(live_material(op, key->algorithm, record, live));
	live->version = (uint32_t)record->version;
	live->created_at = record->created_at;
	live->signs_at = record->signs_at;
	live->retires_at = record->retires_at.set ? record->retires_at.v : 0;
	live->revoked_at = record->revoked_at.set ? record->revoked_at.v : 0;
	if (record->kid.p != NULL) {
		live->kid_len = (uint16_t)record->kid.len;
		memcpy(live->kid, record->kid.p, record->kid.len);
	} else {
		live->kid_len = (uint16_t)key_kid(name, live->version, live->kid);
	}
	key->count++;
	return VAULT_OK;
}

/* A version that stands in a row of its own; a number may have been skipped. */
static enum vault_err
live_from_row(struct op *op, struct key *key, struct vault_text name, uint32_t version)
{
	struct row_key place = key_version_place(op->tenant, name, version);
	struct version_record record;
	enum vault_err err;
	ROW_LOCAL(row);

	err = sealed_find(op->txn, &op->tenant->keys, &place, &row);
	if (err == VAULT_NOT_FOUND)
		return VAULT_OK;
	TRY(err);
	TRY(record_decode(version_record_type(), (struct vault_bytes){ row.plain.p, row.plain.len }, op->scratch, &record));
	return live_add(op, key, name, &record);
}

static const struct version_record *
inline_version(const struct key_record *record, uint32_t version)
{
	for (size_t i = 0; i < record->versions.n; i++)
		if (record->versions.v[i].version == version)
			return &record->versions.v[i];
	return NULL;
}

static enum vault_err
load_versions(struct op *op, struct key *key, const struct key_record *record)
{
	for (uint32_t v = key->last_version; v > 0 && key->count < KEY_LIVE_MAX; v--) {
		const struct version_record *here = inline_version(record, v);

		if (here != NULL)
			TRY(live_add(op, key, record->name, here));
		else
			TRY(live_from_row(op, key, record->name, v));
	}
	return key->count > 0 ? VAULT_OK : VAULT_INTEGRITY;
}

static enum vault_err
key_load(struct op *op, struct vault_text name, struct key *key)
{
	struct key_record record;
	ROW_LOCAL(row);

	key->place = row_key_of(&op->tenant->keys, ROW_KEY, (struct vault_bytes){ (const uint8_t *)name.p, name.len });
	TRY(sealed_find(op->txn, &op->tenant->keys, &key->place, &row));
	TRY(record_decode(key_record_type(), (struct vault_bytes){ row.plain.p, row.plain.len }, op->scratch, &record));
	if (!text_equal(record.name, name))
		return VAULT_NOT_FOUND;
	key->algorithm = (enum key_algorithm)record.algorithm;
	key->usage = (enum key_usage)record.usage;
	key->verify_only = record.verify_only;
	key->publish_ahead = record.publish_ahead;
	key->last_version = (uint32_t)record.last_version;
	key->versions = calloc(record.last_version < KEY_LIVE_MAX ? (size_t)record.last_version : KEY_LIVE_MAX,
			       sizeof *key->versions);
	if (key->versions == NULL)
		return VAULT_BUSY;
	return load_versions(op, key, &record);
}

static enum vault_err
load_into_cache(struct op *op, const struct cache_key *cached, struct key **out)
{
	struct key *key;
	enum vault_err err;

	do {
		key = calloc(1, sizeof *key);
		if (key == NULL)
			return VAULT_BUSY;
		err = key_load(op, cached->name, key);
		if (err != VAULT_OK)
			key_destroy(&key->entry);
	} while (err == VAULT_BUSY && cache_evict(op->cache));
	TRY(err);
	key->entry.destroy = key_destroy;
	key->entry.cost = key->count * KEY_COST_VERSION;
	cache_put(op->cache, cached, &key->entry);
	*out = key;
	return VAULT_OK;
}

enum vault_err
key_get(struct op *op, const char *field, struct vault_text name, const struct key **out)
{
	struct cache_key cached = { CACHE_KEY, op->tenant->keys.tenant, name, tenant_generation(op) };
	struct key *key = (struct key *)(void *)cache_get(op->cache, &cached);
	enum vault_err err = VAULT_OK;

	if (key == NULL) {
		TRY(op_refresh(op));
		err = load_into_cache(op, &cached, &key);
	}
	if (err == VAULT_NOT_FOUND)
		return op_fail(op, err, field, "there is no such key");
	TRY(err);
	op->note.target = key->place;
	*out = key;
	return VAULT_OK;
}

enum vault_err
key_require_usage(struct op *op, const struct key *key, enum key_usage usage)
{
	if (key->usage == usage)
		return VAULT_OK;
	return op_fail(op, VAULT_CONFLICT, NULL, "the key is of another usage");
}

/* The newest version whose time to sign has come, revoked or not. */
static const struct key_live *
key_current(const struct key *key, int64_t now)
{
	for (size_t i = 0; i < key->count; i++)
		if (key->versions[i].signs_at <= now)
			return &key->versions[i];
	return NULL;
}

enum version_state
key_live_state(const struct key *key, const struct key_live *live, int64_t now)
{
	if (live->revoked_at != 0)
		return version_state_revoked;
	if (live->signs_at > now)
		return version_state_next;
	if (live == key_current(key, now))
		return version_state_current;
	return live->retires_at != 0 && live->retires_at <= now ? version_state_retired : version_state_retiring;
}

enum vault_err
key_signer(struct op *op, const struct key *key, const struct key_live **live)
{
	const struct key_live *current = key_current(key, op->now.wall);

	if (key->verify_only)
		return op_fail(op, VAULT_CONFLICT, NULL, "the key only verifies: its private half is not here");
	if (current == NULL || current->revoked_at != 0)
		return op_fail(op, VAULT_CONFLICT, NULL, "the key's current version is revoked; rotate the key");
	*live = current;
	return VAULT_OK;
}

const struct key_live *
key_by_kid(const struct key *key, struct vault_text kid)
{
	for (size_t i = 0; i < key->count; i++)
		if (key->versions[i].kid_len == kid.len && memcmp(key->versions[i].kid, kid.p, kid.len) == 0)
			return &key->versions[i];
	return NULL;
}

enum vault_err
key_version(struct op *op, const struct key *key, uint32_t version, const struct key_live **live)
{
	for (size_t i = 0; i < key->count; i++) {
		if (key->versions[i].version == version) {
			*live = &key->versions[i];
			return VAULT_OK;
		}
	}
	return op_fail(op, VAULT_NOT_FOUND, "version", "the key has no such version among its newest");
}

enum vault_err
key_signer_version(struct op *op, const struct key *key, struct vault_opt_int version, const struct key_live **live)
{
	enum version_state state;

	if (!version.set)
		return key_signer(op, key, live);
	if (key->verify_only)
		return op_fail(op, VAULT_CONFLICT, NULL, "the key only verifies: its private half is not here");
	TRY(key_version(op, key, (uint32_t)version.v, live));
	state = key_live_state(key, *live, op->now.wall);
	if (state == version_state_revoked || state == version_state_retired || state == version_state_next)
		return op_fail(op, VAULT_CONFLICT, "version", "this version does not sign");
	return VAULT_OK;
}

size_t
key_live_sign(const struct key *key, const struct key_live *live, struct vault_bytes message,
	      uint8_t signature[static SIGNATURE_MAX])
{
	if (key->algorithm == key_algorithm_EdDSA) {
		ed25519_sign(&live->ed25519, message, signature);
		return ED25519_SIGNATURE_BYTES;
	}
	mac_once(&live->mac, message, signature);
	return mac_bytes(live->mac.hash);
}

bool
key_live_verify(const struct key *key, const struct key_live *live, struct vault_bytes message,
		struct vault_bytes signature)
{
	if (key->algorithm == key_algorithm_EdDSA)
		return ed25519_verify(live->ed25519.public_key, message, signature);
	return mac_check(&live->mac, message, signature);
}

struct vault_text
key_algorithm_name(enum key_algorithm algorithm)
{
	return text_of(key_algorithm_enum.names[algorithm]);
}
