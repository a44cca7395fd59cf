#include "vaultd/core/key.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/text.h"
#include "vaultd/core/key_change.h"

#define KEY_COST_VERSION 512 /* bytes of the arena that a prepared version holds */
/* Counted alike, though they are of the heap, so that they are bounded: what libcrypto takes. */
#define KEY_COST_LIBCRYPTO 8192

struct row_key
key_version_place(const struct tenant *tenant, struct vault_text name, uint32_t version)
{
	return row_key_of_version(&tenant->keys, ROW_KEY_VERSION, name, version);
}

size_t
key_kid(struct vault_text name, uint32_t version, char kid[static KEY_KID_MAX])
{
	return (size_t)snprintf(kid, KEY_KID_MAX, "%.*s.%" PRIu32, (int)name.len, name.p, version);
}

static void
live_free(struct key_live *live)
{
	signature_key_free(&live->signature);
	secret_free(&live->cipher);
}

struct key_older {
	struct key_older *next;
	struct key_live live;
};

static void
older_free(struct key *key)
{
	while (key->older != NULL) {
		struct key_older *older = key->older;

		key->older = older->next;
		live_free(&older->live);
		free(older);
	}
}

static void
key_destroy(struct cache_entry *entry)
{
	struct key *key = (struct key *)(void *)entry;

	older_free(key);
	for (size_t i = 0; i < key->count; i++)
		live_free(&key->versions[i]);
	free(key->versions);
	free(key);
}

static enum vault_err
live_material(struct op *op, const struct key *key, const struct version_record *record,
	      struct key_live *live)
{
	enum key_algorithm algorithm = key->algorithm;

	if (!key_material_fits(algorithm, key->verify_only, record))
		return VAULT_INTEGRITY;
	if (algorithm == key_algorithm_XC20P)
		return secret_copy(op->vault->arena, record->secret.p, KEY_CIPHER_BYTES,
				   &live->cipher);
	if (record->public_key.len > sizeof live->public_key)
		return VAULT_INTEGRITY;
	if (record->public_key.len > 0)
		memcpy(live->public_key, record->public_key.p, record->public_key.len);
	live->public_len = record->public_key.len;
	return signature_key_init(&live->signature, op->vault->arena,
				  key_signature_algorithm(algorithm), record->secret,
				  record->public_key);
}

struct version_times
version_times_of(const struct version_record *record)
{
	return (struct version_times){
		.version = (uint32_t)record->version,
		.signs_at = record->signs_at,
		.retires_at = record->retires_at.set ? record->retires_at.v : 0,
		.revoked_at = record->revoked_at.set ? record->revoked_at.v : 0,
	};
}

static enum vault_err
live_fill(struct op *op, const struct key *key, struct vault_text name,
	  const struct version_record *record, struct key_live *live)
{
	if (record->kid.len > KID_MAX)
		return VAULT_INTEGRITY;
	TRY(live_material(op, key, record, live));
	live->times = version_times_of(record);
	if (record->kid.p != NULL) {
		live->kid_len = (uint16_t)record->kid.len;
		memcpy(live->kid, record->kid.p, record->kid.len);
	} else {
		live->kid_len = (uint16_t)key_kid(name, live->times.version, live->kid);
	}
	return VAULT_OK;
}

static enum vault_err
live_add(struct op *op, struct key *key, struct vault_text name,
	 const struct version_record *record)
{
	TRY(live_fill(op, key, name, record, &key->versions[key->count]));
	key->count++;
	return VAULT_OK;
}

/* A version that stands in a row of its own. VAULT_NOT_FOUND: a number may have been skipped. */
static enum vault_err
live_from_row(struct op *op, const struct key *key, struct vault_text name, uint32_t version,
	      struct key_live *live)
{
	struct row_key place = key_version_place(op->tenant, name, version);
	struct version_record record;
	ROW_LOCAL(row);

	TRY(sealed_find(op->txn, &op->tenant->keys, &place, &row));
	TRY(record_decode(version_record_type(), row_plain(&row), op->scratch, &record));
	return live_fill(op, key, name, &record, live);
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
	for (uint32_t v = key->last_version; v >= key->first_version && key->count < KEY_LIVE_MAX;
	     v--) {
		const struct version_record *here = inline_version(record, v);
		enum vault_err err;

		if (here != NULL) {
			TRY(live_add(op, key, record->name, here));
			continue;
		}
		err = live_from_row(op, key, record->name, v, &key->versions[key->count]);
		if (err != VAULT_OK && err != VAULT_NOT_FOUND)
			return err;
		key->count += err == VAULT_OK;
	}
	return key->count > 0 ? VAULT_OK : VAULT_INTEGRITY;
}

static enum vault_err
key_load(struct op *op, struct vault_text name, struct key *key)
{
	struct key_record record;
	size_t versions;
	ROW_LOCAL(row);

	key->place = row_key_of(&op->tenant->keys, ROW_KEY, text_bytes(name));
	TRY(sealed_find(op->txn, &op->tenant->keys, &key->place, &row));
	TRY(record_decode(key_record_type(), row_plain(&row), op->scratch, &record));
	if (!text_equal(record.name, name))
		return VAULT_NOT_FOUND;
	if (!key_usage_fits(record.algorithm, record.usage))
		return VAULT_INTEGRITY;
	key->algorithm = (enum key_algorithm)record.algorithm;
	key->usage = (enum key_usage)record.usage;
	key->verify_only = record.verify_only;
	key->publish_ahead = record.publish_ahead;
	if (key->algorithm == key_algorithm_XC20P) {
		if (record.id.len != KEY_ID_BYTES)
			return VAULT_INTEGRITY;
		memcpy(key->id, record.id.p, KEY_ID_BYTES);
	}
	key->first_version = key_first_version(&record);
	key->last_version = (uint32_t)record.last_version;
	key->pending = record.delete_at.set;
	if (key->pending)
		return VAULT_OK;
	versions = key->last_version - key->first_version + 1;
	key->versions =
		calloc(versions < KEY_LIVE_MAX ? versions : KEY_LIVE_MAX, sizeof *key->versions);
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
	key->entry.cost = key->count * (key->algorithm == key_algorithm_ES256 ||
							key->algorithm == key_algorithm_RS256
						? KEY_COST_LIBCRYPTO
						: KEY_COST_VERSION);
	cache_put(op->cache, cached, &key->entry);
	*out = key;
	return VAULT_OK;
}

enum vault_err
key_get(struct op *op, const char *field, struct vault_text name, const struct key **out)
{
	struct cache_key cached = { CACHE_KEY, op->tenant->keys.tenant, name,
				    tenant_generation(op) };
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
	if (key->pending)
		return op_fail(op, VAULT_CONFLICT, field, "the key is to be deleted");
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
		if (version_begun(&key->versions[i].times, now))
			return &key->versions[i];
	return NULL;
}

enum version_state
key_live_state(const struct key *key, const struct key_live *live, int64_t now)
{
	const struct key_live *current = key_current(key, now);

	return version_state_of(&live->times, current == NULL ? 0 : current->times.version, now);
}

enum vault_err
key_signer(struct op *op, const struct key *key, const struct key_live **live)
{
	const struct key_live *current = key_current(key, op->now.wall);

	if (key->verify_only)
		return op_fail(op, VAULT_CONFLICT, NULL,
			       "the key only verifies: its private half is not here");
	if (current == NULL || current->times.revoked_at != 0)
		return op_fail(op, VAULT_CONFLICT, NULL,
			       "the key's current version is revoked; rotate the key");
	*live = current;
	return VAULT_OK;
}

/* Opens an older version, and keeps it with the key, which is this thread's own. */
static enum vault_err
open_older(struct op *op, const struct key *shared, uint32_t version, const struct key_live **live)
{
	struct key *key = (struct key *)(uintptr_t)shared;
	struct vault_text name = { key->entry.name, key->entry.name_len };
	struct key_older *older;
	enum vault_err err;
	size_t n = 0;

	for (older = key->older; older != NULL; older = older->next, n++) {
		if (older->live.times.version == version) {
			*live = &older->live;
			return VAULT_OK;
		}
	}
	if (n == KEY_OLDER_MAX)
		older_free(key);
	older = calloc(1, sizeof *older);
	if (older == NULL)
		return VAULT_BUSY;
	err = live_from_row(op, key, name, version, &older->live);
	if (err != VAULT_OK) {
		live_free(&older->live);
		free(older);
		return err;
	}
	older->next = key->older;
	key->older = older;
	*live = &older->live;
	return VAULT_OK;
}

static enum vault_err
find_version(struct op *op, const struct key *key, uint32_t version, const struct key_live **live)
{
	for (size_t i = 0; i < key->count; i++) {
		if (key->versions[i].times.version == version) {
			*live = &key->versions[i];
			return VAULT_OK;
		}
	}
	if (version >= key->last_version || version < key->first_version)
		return VAULT_NOT_FOUND;
	return open_older(op, key, version, live);
}

/* NAME.NUMBER of this very key; 0 where the kid is not of that form. */
static uint32_t
version_of_kid(const struct key *key, struct vault_text kid)
{
	size_t at = key->entry.name_len + 1u;
	uint64_t number = 0;

	if (kid.len <= at || kid.len > at + 10 || memcmp(kid.p, key->entry.name, at - 1) != 0 ||
	    kid.p[at - 1] != '.' || kid.p[at] == '0')
		return 0;
	for (; at < kid.len; at++) {
		if (kid.p[at] < '0' || kid.p[at] > '9')
			return 0;
		number = number * 10 + (uint64_t)(kid.p[at] - '0');
	}
	return number <= key->last_version ? (uint32_t)number : 0;
}

enum vault_err
key_by_kid(struct op *op, const struct key *key, struct vault_text kid,
	   const struct key_live **live)
{
	uint32_t version = version_of_kid(key, kid);
	enum vault_err err;

	*live = NULL;
	for (size_t i = 0; i < key->count; i++)
		if (key->versions[i].kid_len == kid.len &&
		    memcmp(key->versions[i].kid, kid.p, kid.len) == 0)
			*live = &key->versions[i];
	if (*live != NULL || version == 0)
		return VAULT_OK;
	TRY(op_refresh(op));
	err = find_version(op, key, version, live);
	if (err != VAULT_OK && err != VAULT_NOT_FOUND)
		return err;
	/* A version that was imported under a kid of its own is not known by its number. */
	if (err == VAULT_OK &&
	    ((*live)->kid_len != kid.len || memcmp((*live)->kid, kid.p, kid.len) != 0))
		err = VAULT_NOT_FOUND;
	if (err == VAULT_NOT_FOUND)
		*live = NULL;
	return VAULT_OK;
}

enum vault_err
key_version(struct op *op, const struct key *key, uint32_t version, const struct key_live **live)
{
	enum vault_err err;

	TRY(op_refresh(op));
	err = find_version(op, key, version, live);
	if (err == VAULT_NOT_FOUND)
		return op_fail(op, err, "version", "the key has no such version");
	return err;
}

enum vault_err
key_signer_version(struct op *op, const struct key *key, struct vault_opt_int version,
		   const struct key_live **live)
{
	enum version_state state;

	if (!version.set)
		return key_signer(op, key, live);
	if (key->verify_only)
		return op_fail(op, VAULT_CONFLICT, NULL,
			       "the key only verifies: its private half is not here");
	TRY(key_version(op, key, (uint32_t)version.v, live));
	state = key_live_state(key, *live, op->now.wall);
	if (state == version_state_revoked || state == version_state_retired ||
	    state == version_state_next)
		return op_fail(op, VAULT_CONFLICT, "version", "this version does not sign");
	return VAULT_OK;
}

enum vault_err
key_live_sign(const struct key_live *live, struct vault_bytes message,
	      uint8_t signature[static SIGNATURE_MAX], size_t *len)
{
	return signature_sign(&live->signature, message, signature, len);
}

bool
key_live_verify(const struct key_live *live, struct vault_bytes message,
		struct vault_bytes signature)
{
	return signature_verify(&live->signature, message, signature);
}

bool
key_asymmetric(int64_t algorithm)
{
	return algorithm == key_algorithm_EdDSA || algorithm == key_algorithm_ES256 ||
	       algorithm == key_algorithm_RS256;
}

bool
key_usage_fits(int64_t algorithm, int64_t usage)
{
	bool encrypts = algorithm == key_algorithm_XC20P;
	bool hooks = algorithm != key_algorithm_ES256 && algorithm != key_algorithm_RS256;

	return encrypts == (usage == key_usage_encrypt) && (hooks || usage != key_usage_webhook);
}

bool
key_material_fits(int64_t algorithm, bool verify_only, const struct version_record *version)
{
	size_t len = version->secret.len;

	if (verify_only)
		return key_asymmetric(algorithm) && version->public_key.len > 0;
	if (algorithm == key_algorithm_XC20P)
		return len == KEY_CIPHER_BYTES;
	return key_asymmetric(algorithm) ? len > 0 : len >= KEY_SHARED_MIN && len <= KEY_HMAC_MAX;
}

enum signature_algorithm
key_signature_algorithm(int64_t algorithm)
{
	switch (algorithm) {
	case key_algorithm_HS512:
		return SIGNATURE_HS512;
	case key_algorithm_EdDSA:
		return SIGNATURE_EDDSA;
	case key_algorithm_ES256:
		return SIGNATURE_ES256;
	case key_algorithm_RS256:
		return SIGNATURE_RS256;
	default:
		return SIGNATURE_HS256;
	}
}

struct vault_text
key_algorithm_name(enum key_algorithm algorithm)
{
	return text_of(key_algorithm_enum.names[algorithm]);
}
