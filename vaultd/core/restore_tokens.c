/*
 * Tokens and profiles after a backup: revocations and uses.
 */
#include <string.h>

#include "protocol/text.h"
#include "vaultd/base/base64.h"
#include "vaultd/core/profile.h"
#include "vaultd/core/restore_replay.h"
#include "vaultd/core/token_revoke.h"
#include "vaultd/core/token_uses.h"

/* Ids that may have been given out since the backup: more than a host makes in hours at full speed. */
#define NUMBERS_SKIPPED (INT64_C(1) << 36)

/* In the operation's memory; p NULL where the record has none. */
static enum vault_err
jti_of(struct op *op, const struct audit_record *rec, struct vault_text *jti)
{
	char text[BASE64_LENGTH(AUDIT_JTI_BYTES)];

	*jti = rec->jti_text;
	if (rec->jti.p == NULL)
		return VAULT_OK;
	*jti = (struct vault_text){ text, base64url_encode(rec->jti.p, rec->jti.len, text) };
	return op_keep_text(op, *jti, jti);
}

static struct vault_opt_int
opt_of(int64_t v)
{
	return (struct vault_opt_int){ v, v >= 0 };
}

/* Everything that may have been issued until now. */
static enum vault_err
rule_of_all(struct op *op, struct token_rule_record *rule)
{
	uint64_t number;

	TRY(tenant_reserved(op, &number));
	rule->number = opt_of((int64_t)number);
	rule->issued_at = opt_of(op->now.wall);
	return VAULT_OK;
}

static struct row_key
place_of(const struct op *op, const struct audit_record *rec, enum row_kind kind)
{
	struct row_key place = { .tenant = op->tenant->keys.tenant, .kind = (uint8_t)kind };

	memcpy(place.tag, rec->name_tag, sizeof place.tag);
	return place;
}

/* A profile's name, by its row; VAULT_NOT_FOUND. In the operation's memory. */
static enum vault_err
profile_name(struct op *op, const struct row_key *place, struct vault_text *name)
{
	struct profile_record record;
	ROW_LOCAL(row);

	TRY(sealed_find(op->txn, &op->tenant->keys, place, &row));
	TRY(record_decode(profile_record_type(), row_plain(&row), op->scratch, &record));
	return op_keep_text(op, record.name, name);
}

static enum vault_err
refuse_profile(struct op *op, struct vault_text name, struct token_rule_record *rule)
{
	struct row_key place = row_key_of(&op->tenant->keys, ROW_PROFILE_REVOKED, text_bytes(name));

	rule->name = name;
	return token_rule_add(op, &place, rule);
}

/* As many names as there are profiles, in the operation's memory. */
static enum vault_err
list_profiles(struct op *op, struct vault_text **names, size_t *n)
{
	struct row_walk walk;
	struct row_key place;
	size_t room = 0;
	enum vault_err err;
	uint64_t id;

	*n = 0;
	*names = NULL;
	TRY(row_walk_open(op->txn, op->tenant->keys.tenant, ROW_PROFILE, NULL, &walk));
	while ((err = row_walk_next(&walk, &place, &id, NULL)) == VAULT_OK) {
		if (*n == room) {
			struct vault_text *more;

			room = room == 0 ? 16 : 2 * room;
			more = scratch_alloc(op->scratch, room * sizeof *more);
			err = more == NULL ? VAULT_BUSY : VAULT_OK;
			if (err == VAULT_OK && *n > 0)
				memcpy(more, *names, *n * sizeof *more);
			*names = more;
		}
		if (err == VAULT_OK)
			err = profile_name(op, &place, &(*names)[*n]);
		if (err != VAULT_OK)
			break;
		++*n;
	}
	row_walk_close(&walk);
	return err == VAULT_NOT_FOUND ? VAULT_OK : err;
}

/* Every token of the tenant that was issued until now: each verifies under some profile. */
static enum vault_err
refuse_all(struct op *op)
{
	struct token_rule_record rule = { 0 };
	struct vault_text *names;
	size_t n;

	TRY(rule_of_all(op, &rule));
	TRY(list_profiles(op, &names, &n));
	for (size_t i = 0; i < n; i++)
		TRY(refuse_profile(op, names[i], &rule));
	return VAULT_OK;
}

static enum vault_err
replay_rule(struct op *op, const struct audit_record *rec, bool *refused)
{
	struct restore_again again = restore_again_of(rec);
	struct row_key place = place_of(op, rec, (enum row_kind)rec->kind);
	struct token_rule_record rule = { .name = TEXT_LITERAL("") };
	struct vault_text name;

	if (again.n == 3) {
		rule.number = opt_of(again.v[0]);
		rule.issued_at = opt_of(again.v[1]);
		rule.before = opt_of(again.v[2]);
	} else {
		*refused = true;
		TRY(rule_of_all(op, &rule));
	}
	if (rec->kind == ROW_SUBJECT_REVOKED)
		return token_rule_add(op, &place, &rule);
	TRY(profile_name(op, &place, &name));
	return refuse_profile(op, name, &rule);
}

static enum vault_err
replay_revoke(struct op *op, const struct audit_record *rec, bool *refused)
{
	struct vault_text jti;

	TRY(jti_of(op, rec, &jti));
	if (jti.p != NULL)
		return token_revoke_id(op, jti);
	if (rec->kind == ROW_SUBJECT_REVOKED || rec->kind == ROW_PROFILE)
		return replay_rule(op, rec, refused);
	/* Older builds did not tell whose tokens were revoked. */
	*refused = true;
	return refuse_all(op);
}

/* A verify that wrote a row counted a use. */
static enum vault_err
replay_use(struct op *op, const struct audit_record *rec)
{
	struct vault_text jti;

	TRY(jti_of(op, rec, &jti));
	return rec->row_hash.p == NULL || jti.p == NULL ? VAULT_NOT_FOUND
							: token_uses_spend(op, jti);
}

enum vault_err
restore_replay_token(struct op *op, const struct audit_record *rec, enum op_id id, bool *refused)
{
	struct row_key place = place_of(op, rec, ROW_PROFILE);
	struct vault_text name;

	if (id == OP_token_verify)
		return replay_use(op, rec);
	if (id == OP_token_revoke)
		return replay_revoke(op, rec, refused);
	TRY(profile_name(op, &place, &name));
	return profile_delete(op, name);
}

enum vault_err
restore_raise_numbers(struct op *op)
{
	struct row_key place = { .tenant = op->tenant->keys.tenant, .kind = ROW_ISSUANCE };
	struct issuance_record record = { 0 };
	enum vault_err err;
	ROW_LOCAL(row);

	err = sealed_find(op->txn, &op->tenant->keys, &place, &row);
	if (err == VAULT_OK)
		err = record_decode(issuance_record_type(), row_plain(&row), NULL, &record);
	if (err != VAULT_OK && err != VAULT_NOT_FOUND)
		return err;
	if (record.reserved > INT64_MAX - NUMBERS_SKIPPED)
		return VAULT_INTEGRITY;
	row.key = place;
	record.reserved += NUMBERS_SKIPPED;
	return sealed_put(op->change, &op->tenant->keys, &row, issuance_record_type(), &record);
}

enum vault_err
restore_close_gap(struct op *op, uint64_t *keys)
{
	TRY(refuse_all(op));
	return restore_disable_limited(op, keys);
}
