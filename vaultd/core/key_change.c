#include "vaultd/core/key_change.h"

#include <string.h>

#include "protocol/text.h"
#include "vaultd/base/base64.h"
#include "vaultd/core/prepared.h"
#include "vaultd/core/profile.h"
#include "vaultd/core/reminder.h"
#include "vaultd/core/tombstone.h"

void
key_edit_free(struct key_edit *edit)
{
	row_free(&edit->row);
	pkey_pair_free(&edit->made);
}

/* When the newest version that lives must be followed by another; 0: never. */
static int64_t
reminder_at(const struct key_record *record, const struct version_record *versions, size_t n)
{
	int64_t newest = 0;

	if (!record->rotation_period.set || record->delete_at.set)
		return 0;
	for (size_t i = 0; i < n; i++)
		if (!versions[i].revoked_at.set && versions[i].created_at > newest)
			newest = versions[i].created_at;
	return newest == 0 ? 0 : newest + record->rotation_period.v;
}

enum vault_err
key_edit_open_at(struct op *op, const struct row_key *place, struct key_edit *edit)
{
	TRY(sealed_find(op->txn, &op->tenant->keys, place, &edit->row));
	op->note.target = *place;
	TRY(record_decode(key_record_type(), row_plain(&edit->row), op->scratch, &edit->record));
	if (edit->record.versions.n > KEY_INLINE_MAX)
		return VAULT_INTEGRITY;
	edit->count = edit->loaded = edit->record.versions.n;
	memcpy(edit->versions, edit->record.versions.v, edit->count * sizeof edit->versions[0]);
	edit->reminder = reminder_at(&edit->record, edit->versions, edit->count);
	return VAULT_OK;
}

enum vault_err
key_edit_open(struct op *op, struct vault_text name, struct key_edit *edit)
{
	struct row_key place = row_key_of(&op->tenant->keys, ROW_KEY, text_bytes(name));
	enum vault_err err = key_edit_open_at(op, &place, edit);

	if (err == VAULT_NOT_FOUND)
		return op_fail(op, err, "name", "there is no such key");
	return err;
}

enum vault_err
key_edit_require_kept(struct op *op, const struct key_edit *edit)
{
	if (!edit->record.delete_at.set)
		return VAULT_OK;
	return op_fail(op, VAULT_CONFLICT, "name", "the key is to be deleted");
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
apply_bits(struct op *op, const struct key_settings *settings, struct key_record *record)
{
	bool rsa = settings->algorithm == key_algorithm_RS256;

	if (settings->bits.set && !rsa)
		return op_fail(op, VAULT_INVALID_PARAMS, "bits", "only RS256 keys have a size");
	if (settings->bits.set && settings->bits.v % RSA_BITS_STEP != 0)
		return op_fail(op, VAULT_INVALID_PARAMS, "bits", "2048, 3072 or 4096");
	if (rsa)
		record->bits = (struct vault_opt_int){ settings->bits.set ? settings->bits.v
									  : RSA_BITS_DEFAULT,
						       true };
	return VAULT_OK;
}

static enum vault_err
apply_settings(struct op *op, const struct key_settings *settings, struct key_record *record)
{
	bool symmetric = !key_asymmetric(settings->algorithm);

	record->algorithm = settings->algorithm;
	TRY(apply_usage(op, settings, record));
	if (!key_usage_fits(settings->algorithm, record->usage))
		return op_fail(op, VAULT_INVALID_PARAMS, "usage",
			       "webhooks are signed with HS256, HS512 or EdDSA");
	TRY(apply_bits(op, settings, record));
	if (settings->shared && (!symmetric || record->usage != key_usage_webhook))
		return op_fail(op, VAULT_INVALID_PARAMS, "shared",
			       "only HS* keys of usage webhook are shared");
	if (settings->rotation_period.set && (settings->shared || settings->verify_only))
		return op_fail(op, VAULT_INVALID_PARAMS, "rotation_period",
			       "others hold this key, so it cannot rotate by itself");
	record->shared = settings->shared;
	record->verify_only = settings->verify_only;
	record->overlap = settings->overlap.v;
	record->rotation_period = settings->rotation_period;
	record->publish_ahead = symmetric ? 0 : KEY_PUBLISH_AHEAD;
	if (settings->publish_ahead.set)
		record->publish_ahead = settings->publish_ahead.v;
	return VAULT_OK;
}

enum vault_err
key_edit_new(struct op *op, struct vault_text name, const struct key_settings *settings,
	     struct key_edit *edit)
{
	uint32_t buried;
	uint64_t id;

	edit->row.key = row_key_of(&op->tenant->keys, ROW_KEY, text_bytes(name));
	op->note.target = edit->row.key;
	if (row_linked(op->txn, &edit->row.key, &id) == VAULT_OK)
		return op_fail(op, VAULT_EXISTS, "name", NULL);
	edit->record.name = name;
	edit->record.created_at = op->now.wall;
	TRY(tombstone_last(op, &edit->row.key, &buried));
	edit->record.last_version = buried;
	if (buried > 0)
		edit->record.first_version = (struct vault_opt_int){ buried + INT64_C(1), true };
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

static struct signature_wanted
wanted_of(const struct op *op, const struct key_edit *edit)
{
	return (struct signature_wanted){
		.algorithm = key_signature_algorithm(edit->record.algorithm),
		.bits = edit->record.bits.set ? (unsigned)edit->record.bits.v : RSA_BITS_DEFAULT,
		.cancel = &op->vault->cancel,
	};
}

enum vault_err
key_edit_prepare(struct op *op, const struct key_edit *edit)
{
	struct signature_wanted wanted = wanted_of(op, edit);

	if (!signature_slow(wanted.algorithm))
		return VAULT_OK;
	return signature_generate(&wanted, op->vault->arena, &op->prepared->pair);
}

/* The key may have become another between the lanes: then the request is to be made again. */
static enum vault_err
take_prepared(struct op *op, const struct signature_wanted *wanted, struct pkey_pair *pair)
{
	struct pkey_pair *made = op->prepared == NULL ? NULL : &op->prepared->pair;

	if (made == NULL || made->secret.p == NULL ||
	    pkey_bits(PKEY_RSA, (struct vault_bytes){ made->public_key, made->public_len }) !=
		    wanted->bits)
		return op_fail(op, VAULT_BUSY, NULL, "the key changed meanwhile; try again");
	secret_move(&pair->secret, &made->secret);
	memcpy(pair->public_key, made->public_key, made->public_len);
	pair->public_len = made->public_len;
	return VAULT_OK;
}

enum vault_err
key_edit_generate(struct op *op, struct key_edit *edit, struct key_material *material)
{
	struct signature_wanted wanted = wanted_of(op, edit);

	pkey_pair_free(&edit->made);
	if (signature_slow(wanted.algorithm))
		TRY(take_prepared(op, &wanted, &edit->made));
	else
		TRY(signature_generate(&wanted, op->vault->arena, &edit->made));
	*material = key_material_of(&edit->made);
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

enum vault_err
key_kid_keep(struct op *op, struct vault_text kid, uint64_t row)
{
	struct row_key place;
	uint64_t id;

	if (kid.p == NULL)
		return VAULT_OK;
	place = kid_place(op, kid);
	if (row_linked(op->change->txn, &place, &id) == VAULT_OK)
		return VAULT_EXISTS;
	return row_link(op->change->txn, &place, row);
}

/* The next version number whose kid no imported key has taken. */
static enum vault_err
next_version(struct op *op, const struct key_edit *edit, int64_t *next)
{
	uint32_t version = (uint32_t)edit->record.last_version;
	char kid[KEY_KID_MAX];
	struct row_key place;
	uint64_t id;

	do {
		if (version >= KEY_VERSION_LAST)
			return op_fail(op, VAULT_CONFLICT, NULL, "no more versions can be made");
		version++;
		place = kid_place(
			op, (struct vault_text){ kid, key_kid(edit->record.name, version, kid) });
	} while (row_linked(op->txn, &place, &id) == VAULT_OK);
	*next = version;
	return VAULT_OK;
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

struct version_record *
key_edit_current(struct key_edit *edit, int64_t now)
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
	const struct version_record *current = key_edit_current(edit, now);

	return current != NULL && !current->revoked_at.set;
}

enum vault_err
key_edit_retirement(struct op *op, const struct key_edit *edit, int64_t signs_at,
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
	TRY(key_edit_retirement(op, edit, signs_at, &retires_at));
	/* Versions that come together, as from a JWKS, do not replace each other. */
	for (size_t i = 0; i < edit->loaded; i++)
		if (!edit->versions[i].retires_at.set)
			edit->versions[i].retires_at = retires_at;
	TRY(next_version(op, edit, &version.version));
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

	TRY(key_edit_retirement(op, edit, op->now.wall, &retires_at));
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

	return &edit->versions[index] == key_edit_current(edit, now) || version_waits(&times, now);
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

int64_t
key_edit_next_rotation(struct key_edit *edit, int64_t now)
{
	const struct version_record *newest = NULL;
	int64_t at;

	if (!edit->record.rotation_period.set || edit->record.verify_only)
		return DUE_NEVER;
	/* A key that was revoked is not brought back by its schedule. */
	if (!key_edit_signs(edit, now) && key_edit_next(edit, now) == NULL)
		return DUE_NEVER;
	for (size_t i = 0; i < edit->count; i++)
		if ((newest == NULL || edit->versions[i].version > newest->version) &&
		    !edit->versions[i].revoked_at.set)
			newest = &edit->versions[i];
	if (newest == NULL)
		return DUE_NEVER;
	at = newest->created_at + edit->record.rotation_period.v;
	/* One waits at a time. */
	return at < newest->signs_at && newest->signs_at > now ? newest->signs_at : at;
}

static int64_t
due_time(struct key_edit *edit, int64_t now)
{
	return edit->record.delete_at.set ? edit->record.delete_at.v
					  : key_edit_next_rotation(edit, now);
}

enum vault_err
key_edit_write(struct op *op, struct key_edit *edit)
{
	struct version_record kept[KEY_INLINE_MAX];
	struct key_record written;
	int64_t before = edit->reminder;
	size_t n = 0;

	for (size_t i = 0; i < edit->count; i++) {
		if (stays_inline(edit, i, op->now.wall))
			kept[n++] = edit->versions[i];
		else
			TRY(put_version(op, edit, &edit->versions[i]));
	}
	op->effects.touched = op->tenant->slot;
	TRY(due_set(op, &edit->row.key, due_time(edit, op->now.wall), &edit->record.due));
	written = edit->record;
	written.versions.v = kept;
	written.versions.n = n;
	TRY(sealed_put(op->change, &op->tenant->keys, &edit->row, key_record_type(), &written));
	edit->reminder = reminder_at(&edit->record, kept, n);
	return reminder_move(op, due_kind_key, &edit->row, before, edit->reminder);
}

enum vault_err
key_extend_life(struct op *op, struct vault_text name, int64_t life)
{
	struct version_record *current, *next;
	int64_t until;
	KEY_EDIT_LOCAL(edit);

	TRY(key_edit_open(op, name, &edit));
	current = key_edit_current(&edit, op->now.wall);
	next = key_edit_next(&edit, op->now.wall);
	if (current == NULL || next == NULL || !current->retires_at.set)
		return VAULT_OK;
	until = next->signs_at + life;
	if (until <= current->retires_at.v)
		return VAULT_OK;
	current->retires_at.v = until;
	return key_edit_write(op, &edit);
}
