#include "vaultd/core/key_change.h"

#include <string.h>

#include "protocol/text.h"
#include "vaultd/base/base64.h"
#include "vaultd/core/profile.h"

#define PUBLISH_AHEAD_DEFAULT 86400 /* a day, for keys whose public half others cache */
#define HS512_KEY_BYTES 64
#define OTHER_KEY_BYTES 32 /* HS256, and the seed of EdDSA */

void
key_edit_free(struct key_edit *edit)
{
	row_free(&edit->row);
	secret_free(&edit->made);
}

enum vault_err
key_edit_open(struct op *op, struct vault_text name, struct key_edit *edit)
{
	struct row_key place = row_key_of(&op->tenant->keys, ROW_KEY, text_bytes(name));
	enum vault_err err = sealed_find(op->txn, &op->tenant->keys, &place, &edit->row);

	if (err == VAULT_NOT_FOUND)
		return op_fail(op, err, "name", "there is no such key");
	TRY(err);
	op->note.target = place;
	TRY(record_decode(key_record_type(), row_plain(&edit->row), op->scratch, &edit->record));
	if (edit->record.versions.n > KEY_INLINE_MAX)
		return VAULT_INTEGRITY;
	edit->count = edit->loaded = edit->record.versions.n;
	memcpy(edit->versions, edit->record.versions.v, edit->count * sizeof edit->versions[0]);
	return VAULT_OK;
}

enum vault_err
key_require_algorithm(struct op *op, int algorithm)
{
	if (algorithm == key_algorithm_HS256 || algorithm == key_algorithm_HS512 ||
	    algorithm == key_algorithm_EdDSA || algorithm == key_algorithm_XC20P)
		return VAULT_OK;
	return op_fail(op, VAULT_UNSUPPORTED, "algorithm", NULL);
}

/* What encrypts does nothing else, and nothing else encrypts. */
static enum vault_err
apply_usage(struct op *op, const struct key_settings *settings, struct key_record *record)
{
	bool encrypts = settings->algorithm == key_algorithm_XC20P;
	uint8_t *id;

	record->usage = encrypts ? key_usage_encrypt : key_usage_token;
	if (settings->usage.set)
		record->usage = settings->usage.v;
	if (encrypts != (record->usage == key_usage_encrypt))
		return op_fail(op, VAULT_INVALID_PARAMS, "usage",
			       encrypts ? "an encryption key cannot sign"
					: "a signing key cannot encrypt");
	if (!encrypts)
		return VAULT_OK;
	id = scratch_room(op->scratch, KEY_ID_BYTES);
	if (id == NULL)
		return VAULT_BUSY;
	random_pool_take(op->random, id, KEY_ID_BYTES);
	record->id = (struct vault_bytes){ id, KEY_ID_BYTES };
	return VAULT_OK;
}

static enum vault_err
apply_settings(struct op *op, const struct key_settings *settings, struct key_record *record)
{
	bool symmetric = settings->algorithm != key_algorithm_EdDSA;

	record->algorithm = settings->algorithm;
	TRY(apply_usage(op, settings, record));
	if (settings->shared && (!symmetric || record->usage != key_usage_webhook))
		return op_fail(op, VAULT_INVALID_PARAMS, "shared",
			       "only HS* keys of usage webhook are shared");
	record->shared = settings->shared;
	record->verify_only = settings->verify_only;
	record->overlap = settings->overlap.v;
	record->rotation_period = settings->rotation_period;
	record->publish_ahead = symmetric ? 0 : PUBLISH_AHEAD_DEFAULT;
	if (settings->publish_ahead.set)
		record->publish_ahead = settings->publish_ahead.v;
	return VAULT_OK;
}

enum vault_err
key_edit_new(struct op *op, struct vault_text name, const struct key_settings *settings,
	     struct key_edit *edit)
{
	uint64_t id;

	TRY(key_require_algorithm(op, settings->algorithm));
	edit->row.key = row_key_of(&op->tenant->keys, ROW_KEY, text_bytes(name));
	op->note.target = edit->row.key;
	if (row_linked(op->txn, &edit->row.key, &id) == VAULT_OK)
		return op_fail(op, VAULT_EXISTS, "name", NULL);
	edit->record.name = name;
	edit->record.created_at = op->now.wall;
	return apply_settings(op, settings, &edit->record);
}

enum vault_err
key_shared_text(struct op *op, struct vault_bytes secret, struct vault_text *text)
{
	size_t prefix = sizeof KEY_SHARED_PREFIX - 1;
	char *p = scratch_room(op->scratch, prefix + BASE64_PADDED_LENGTH(secret.len));

	if (p == NULL)
		return VAULT_BUSY;
	memcpy(p, KEY_SHARED_PREFIX, prefix);
	*text = (struct vault_text){ p, prefix + base64_encode_secret(secret.p, secret.len,
								      p + prefix) };
	return VAULT_OK;
}

enum vault_err
key_edit_generate(struct op *op, struct key_edit *edit, struct key_material *material)
{
	bool hs512 = edit->record.algorithm == key_algorithm_HS512;
	struct ed25519_key pair = { 0 };
	uint8_t *public_key;

	*material = (struct key_material){ 0 };
	secret_free(&edit->made);
	TRY(secret_random(op->vault->arena, hs512 ? HS512_KEY_BYTES : OTHER_KEY_BYTES,
			  &edit->made));
	material->secret = (struct vault_bytes){ edit->made.p, edit->made.len };
	if (edit->record.algorithm != key_algorithm_EdDSA)
		return VAULT_OK;
	TRY(ed25519_from_seed(&pair, op->vault->arena, edit->made.p));
	public_key = scratch_copy(op->scratch, pair.public_key, sizeof pair.public_key);
	ed25519_free(&pair);
	if (public_key == NULL)
		return VAULT_BUSY;
	material->public_key = (struct vault_bytes){ public_key, ED25519_PUBLIC_BYTES };
	return VAULT_OK;
}

static struct row_key
kid_place(const struct op *op, struct vault_text kid)
{
	return row_key_of(&op->tenant->keys, ROW_KID, text_bytes(kid));
}

/* Whether some key's version NAME.NUMBER has, or may come to have, this kid of its own. */
static bool
kid_of_other_key(struct op *op, const struct key_edit *edit, struct vault_text kid)
{
	size_t dot = kid.len;
	struct vault_text name;
	struct row_key place;
	uint64_t id;

	while (dot > 0 && kid.p[dot - 1] >= '0' && kid.p[dot - 1] <= '9')
		dot--;
	if (dot == kid.len || dot < 2 || kid.p[dot - 1] != '.')
		return false;
	name = (struct vault_text){ kid.p, dot - 1 };
	if (text_equal(name, edit->record.name))
		return true;
	place = row_key_of(&op->tenant->keys, ROW_KEY, text_bytes(name));
	return row_linked(op->txn, &place, &id) == VAULT_OK;
}

/* An imported kid is unique in the tenant. */
static enum vault_err
kid_claim(struct op *op, const struct key_edit *edit, struct vault_text kid)
{
	struct row_key place = kid_place(op, kid);
	uint64_t id;

	if (row_linked(op->txn, &place, &id) == VAULT_OK || kid_of_other_key(op, edit, kid))
		return op_fail(op, VAULT_CONFLICT, "kid", "another key of the tenant has this kid");
	/* The record's own id is not known before it is written; the entry only has to be there. */
	return row_link(op->change->txn, &place, edit->row.id);
}

/* The next version number whose kid no imported key has taken. */
static uint32_t
next_version(struct op *op, const struct key_edit *edit)
{
	uint32_t version = (uint32_t)edit->record.last_version;
	char kid[KEY_KID_MAX];
	struct row_key place;
	uint64_t id;

	do {
		version++;
		place = kid_place(
			op, (struct vault_text){ kid, key_kid(edit->record.name, version, kid) });
	} while (row_linked(op->txn, &place, &id) == VAULT_OK);
	return version;
}

struct version_record *
key_edit_next(struct key_edit *edit, int64_t now)
{
	for (size_t i = 0; i < edit->count; i++) {
		struct version_times times = version_times_of(&edit->versions[i]);

		if (version_waits(&times, now))
			return &edit->versions[i];
	}
	return NULL;
}

/* The version that signs now, or would if it were not revoked; NULL where none is in the record. */
static struct version_record *
edit_current(struct key_edit *edit, int64_t now)
{
	struct version_record *current = NULL;

	for (size_t i = 0; i < edit->count; i++) {
		struct version_times times = version_times_of(&edit->versions[i]);

		if (version_begun(&times, now) &&
		    (current == NULL || times.version > current->version))
			current = &edit->versions[i];
	}
	return current;
}

bool
key_edit_signs(struct key_edit *edit, int64_t now)
{
	const struct version_record *current = edit_current(edit, now);

	return current != NULL && !current->revoked_at.set;
}

/*
 * When what signed until signs_at is no longer needed; absent where old versions work until they
 * are revoked.
 */
static enum vault_err
retirement(struct op *op, const struct key_edit *edit, int64_t signs_at,
	   struct vault_opt_int *retires_at)
{
	int64_t hold = edit->record.overlap;
	int64_t longest = 0;

	*retires_at = (struct vault_opt_int){ 0 };
	if (edit->record.usage == key_usage_raw || edit->record.usage == key_usage_encrypt)
		return VAULT_OK;
	if (edit->record.usage == key_usage_token)
		TRY(profile_longest_life(op, edit->record.name, &longest));
	*retires_at = (struct vault_opt_int){ signs_at + (hold > longest ? hold : longest), true };
	return VAULT_OK;
}

enum vault_err
key_edit_add(struct op *op, struct key_edit *edit, const struct key_material *material,
	     int64_t signs_at)
{
	struct version_record version = { .created_at = op->now.wall, .signs_at = signs_at };
	struct vault_opt_int retires_at;

	if (edit->count == KEY_INLINE_MAX)
		return op_fail(op, VAULT_CONFLICT, NULL, "too many versions at once");
	if (key_edit_next(edit, op->now.wall) != NULL)
		return op_fail(op, VAULT_CONFLICT, NULL,
			       "a version waits to sign already; rotate now to use it at once");
	if (material->kid.p != NULL)
		TRY(kid_claim(op, edit, material->kid));
	TRY(retirement(op, edit, signs_at, &retires_at));
	/* Versions that come together, as from a JWKS, do not replace each other. */
	for (size_t i = 0; i < edit->loaded; i++)
		if (!edit->versions[i].retires_at.set)
			edit->versions[i].retires_at = retires_at;
	version.version = next_version(op, edit);
	version.kid = material->kid;
	version.secret = material->secret;
	version.public_key = material->public_key;
	edit->versions[edit->count++] = version;
	edit->record.last_version = version.version;
	op->note.version = (uint32_t)version.version;
	return VAULT_OK;
}

enum vault_err
key_edit_promote(struct op *op, struct key_edit *edit, struct version_record *next)
{
	struct vault_opt_int retires_at;

	TRY(retirement(op, edit, op->now.wall, &retires_at));
	for (size_t i = 0; i < edit->count; i++)
		if (edit->versions[i].retires_at.set &&
		    edit->versions[i].retires_at.v > retires_at.v)
			edit->versions[i].retires_at = retires_at;
	next->signs_at = op->now.wall;
	op->note.version = (uint32_t)next->version;
	return VAULT_OK;
}

/* What signs now, or will, stays in the key's record. */
static bool
stays_inline(struct key_edit *edit, size_t index, int64_t now)
{
	struct version_times times = version_times_of(&edit->versions[index]);

	return &edit->versions[index] == edit_current(edit, now) || version_waits(&times, now);
}

static enum vault_err
put_version(struct op *op, const struct key_edit *edit, const struct version_record *version)
{
	struct row_key place =
		key_version_place(op->tenant, edit->record.name, (uint32_t)version->version);
	enum vault_err err;
	ROW_LOCAL(row);

	err = sealed_find(op->txn, &op->tenant->keys, &place, &row);
	if (err != VAULT_OK && err != VAULT_NOT_FOUND)
		return err;
	row.key = place;
	row.version = (uint32_t)version->version;
	return sealed_put(op->change, &op->tenant->keys, &row, version_record_type(), version);
}

enum vault_err
key_edit_write(struct op *op, struct key_edit *edit)
{
	struct version_record kept[KEY_INLINE_MAX];
	enum vault_err err;
	size_t n = 0;

	for (size_t i = 0; i < edit->count; i++) {
		if (stays_inline(edit, i, op->now.wall))
			kept[n++] = edit->versions[i];
		else
			TRY(put_version(op, edit, &edit->versions[i]));
	}
	edit->record.versions.v = kept;
	edit->record.versions.n = n;
	op->effects.touched = op->tenant->slot;
	err = sealed_put(op->change, &op->tenant->keys, &edit->row, key_record_type(),
			 &edit->record);
	edit->record.versions.v = NULL;
	edit->record.versions.n = 0;
	return err;
}

/*
 * Revokes a version that stands in a row of its own; VAULT_NOT_FOUND where there is none, or it was
 * revoked before.
 */
static enum vault_err
revoke_row(struct op *op, struct key_edit *edit, uint32_t number)
{
	struct row_key place = key_version_place(op->tenant, edit->record.name, number);
	struct version_record version;
	enum vault_err err;
	ROW_LOCAL(row);

	err = sealed_find(op->txn, &op->tenant->keys, &place, &row);
	if (err != VAULT_OK)
		return err;
	TRY(record_decode(version_record_type(), row_plain(&row), op->scratch, &version));
	if (version.revoked_at.set)
		return VAULT_NOT_FOUND;
	version.revoked_at = (struct vault_opt_int){ op->now.wall, true };
	return sealed_put(op->change, &op->tenant->keys, &row, version_record_type(), &version);
}

static bool
revoke_inline(struct op *op, struct key_edit *edit, uint32_t number, bool *known)
{
	*known = false;
	for (size_t i = 0; i < edit->count; i++) {
		struct version_record *version = &edit->versions[i];

		if (version->version != number)
			continue;
		*known = true;
		if (version->revoked_at.set)
			return false;
		version->revoked_at = (struct vault_opt_int){ op->now.wall, true };
		return true;
	}
	return false;
}

/*
 * Without its current version a key signs with the next one from now on; without a next one the
 * current version is no longer on its way out.
 */
static void
settle(struct op *op, struct key_edit *edit)
{
	struct version_record *current = edit_current(edit, op->now.wall);
	struct version_record *next = key_edit_next(edit, op->now.wall);

	if (current == NULL)
		return;
	if (next != NULL && current->revoked_at.set)
		next->signs_at = op->now.wall;
	if (next == NULL && !current->revoked_at.set)
		current->retires_at = (struct vault_opt_int){ 0 };
}

enum vault_err
key_revoke_versions(struct op *op, struct key_edit *edit, uint32_t version,
		    struct vault_ints *revoked)
{
	uint32_t from = version == 0 ? 1 : version;
	uint32_t to = version == 0 ? (uint32_t)edit->record.last_version : version;
	int64_t *numbers;
	size_t n = 0;

	if (to > edit->record.last_version)
		return op_fail(op, VAULT_NOT_FOUND, "version", "the key has no such version");
	numbers = scratch_alloc(op->scratch, (size_t)(to - from + 1) * sizeof *numbers);
	if (numbers == NULL)
		return VAULT_BUSY;
	for (uint32_t number = from; number <= to; number++) {
		bool known, done = revoke_inline(op, edit, number, &known);
		enum vault_err err = known ? VAULT_OK : revoke_row(op, edit, number);

		if (err != VAULT_OK && err != VAULT_NOT_FOUND)
			return err;
		if (done || (!known && err == VAULT_OK))
			numbers[n++] = number;
	}
	settle(op, edit);
	op->note.version = version;
	*revoked = (struct vault_ints){ numbers, n };
	return VAULT_OK;
}

enum vault_err
key_extend_life(struct op *op, struct vault_text name, int64_t life)
{
	struct version_record *current, *next;
	int64_t until;
	KEY_EDIT_LOCAL(edit);

	TRY(key_edit_open(op, name, &edit));
	current = edit_current(&edit, op->now.wall);
	next = key_edit_next(&edit, op->now.wall);
	if (current == NULL || next == NULL || !current->retires_at.set)
		return VAULT_OK;
	until = next->signs_at + life;
	if (until <= current->retires_at.v)
		return VAULT_OK;
	current->retires_at.v = until;
	return key_edit_write(op, &edit);
}
