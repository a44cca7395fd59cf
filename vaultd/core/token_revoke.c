#include "vaultd/core/token_revoke.h"

#include <string.h>

#include "protocol/text.h"
#include "vaultd/core/expiry.h"
#include "vaultd/core/profile.h"
#include "vaultd/core/token_id.h"
#include "vaultd/core/token_life.h"

static int64_t
later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* The row, or row->key where it is to stand; VAULT_NOT_FOUND. */
static enum vault_err
find(struct op *op, const struct row_key *place, struct row *row)
{
	enum vault_err err = sealed_find(op->txn, &op->tenant->keys, place, row);

	row->key = *place;
	return err;
}

/* Tenants look at a kind of rows only from the first one on. */
static void
tell_kind(struct op *op, enum row_kind kind)
{
	if (!tenant_revokes(op->tenant, kind))
		op->effects.touched = op->tenant->slot;
}

/*
 * On the committer. Told at once, also of what the commit may still fail to write: "maybe" does no
 * harm. Where there is none yet it is made from the rows, this one among them, by who first asks.
 */
static enum vault_err
tell_filter(struct op *op, const struct row_key *place)
{
	struct tenant_slot *slot = op->tenant->slot;
	struct revoked_filter *filter = atomic_load_explicit(&slot->revoked, memory_order_acquire);

	if (filter == NULL || revoked_filter_add(filter, place->tag))
		return VAULT_OK;
	return revoked_filter_build(op->txn, place->tenant, place->kind, &slot->revoked);
}

enum vault_err
token_revoke_id(struct op *op, struct vault_text jti)
{
	struct row_key place = token_id_place(op->tenant, ROW_TOKEN_REVOKED, jti);
	struct token_revoked_record record;
	int64_t before = 0, end;
	enum vault_err err;
	ROW_LOCAL(row);

	TRY(token_life_end(op, &end));
	err = find(op, &place, &row);
	if (err == VAULT_OK)
		err = record_decode(token_revoked_record_type(), row_plain(&row), NULL, &record);
	if (err == VAULT_OK)
		before = record.forget_at;
	else if (err != VAULT_NOT_FOUND)
		return err;
	record = (struct token_revoked_record){ .jti = jti,
						.revoked_at = op->now.wall,
						.forget_at = later(before, end) };
	op->note.jti = jti;
	tell_kind(op, ROW_TOKEN_REVOKED);
	TRY(sealed_put(op->change, &op->tenant->keys, &row, token_revoked_record_type(), &record));
	if (before == 0)
		TRY(tell_filter(op, &row.key));
	return expiry_put(op, &row.key, row.id, before, record.forget_at);
}

static struct vault_opt_int
widen(struct vault_opt_int there, struct vault_opt_int more)
{
	if (!more.set)
		return there;
	return (struct vault_opt_int){ later(there.v, more.v), true };
}

enum vault_err
token_rule_add(struct op *op, const struct row_key *place, const struct token_rule_record *more)
{
	struct token_rule_record rule = { .name = more->name };
	int64_t forgotten = 0, end;
	enum vault_err err;
	ROW_LOCAL(row);

	TRY(token_life_end(op, &end));
	err = find(op, place, &row);
	if (err == VAULT_OK)
		err = record_decode(token_rule_record_type(), row_plain(&row), NULL, &rule);
	if (err == VAULT_OK)
		forgotten = rule.forget_at;
	else if (err != VAULT_NOT_FOUND)
		return err;
	rule.forget_at = later(forgotten, end);
	rule.number = widen(rule.number, more->number);
	rule.issued_at = widen(rule.issued_at, more->issued_at);
	rule.before = widen(rule.before, more->before);
	tell_kind(op, (enum row_kind)place->kind);
	TRY(sealed_put(op->change, &op->tenant->keys, &row, token_rule_record_type(), &rule));
	return expiry_put(op, &row.key, row.id, forgotten, rule.forget_at);
}

static int64_t
or_none(struct vault_opt_int v)
{
	return v.set ? v.v : -1;
}

static enum vault_err
revoke_all(struct op *op, enum row_kind kind, struct vault_text name, struct vault_opt_int before)
{
	struct row_key place = row_key_of(&op->tenant->keys, kind, text_bytes(name));
	struct token_rule_record more = { .name = name, .before = before };
	uint64_t number;

	if (!before.set) {
		TRY(tenant_next_number(op, &number));
		more.number = (struct vault_opt_int){ (int64_t)number, true };
		more.issued_at = (struct vault_opt_int){ op->now.wall, true };
	}
	if (kind == ROW_SUBJECT_REVOKED)
		op->note.target = place;
	op_note_again(op, or_none(more.number));
	op_note_again(op, or_none(more.issued_at));
	op_note_again(op, or_none(more.before));
	return token_rule_add(op, &place, &more);
}

/* A name with a mistake in it would revoke nothing, and nobody would notice. */
static enum vault_err
require_profile(struct op *op, struct vault_text name)
{
	struct row_key place = row_key_of(&op->tenant->keys, ROW_PROFILE, text_bytes(name));
	uint64_t id;
	enum vault_err err = row_linked(op->txn, &place, &id);

	if (err == VAULT_NOT_FOUND)
		return op_fail(op, err, "profile", "there is no such profile");
	if (err == VAULT_OK)
		op->note.target = place;
	return err;
}

static enum vault_err
check_request(struct op *op, const struct token_revoke_req *req)
{
	int given = (req->jti.p != NULL) + (req->subject.p != NULL) + (req->profile.p != NULL);

	if (given != 1)
		return op_fail(op, VAULT_INVALID_PARAMS, given == 0 ? "jti" : "subject",
			       "give one of jti, subject and profile");
	if (req->before.set && req->jti.p != NULL)
		return op_fail(op, VAULT_INVALID_PARAMS, "before",
			       "one token is refused whenever it was issued");
	if (req->before.set && req->before.v > op->now.wall)
		return op_fail(op, VAULT_INVALID_PARAMS, "before", "a time to come");
	return VAULT_OK;
}

enum vault_err
token_revoke(struct op *op, const struct token_revoke_req *req)
{
	TRY(check_request(op, req));
	TRY(expiry_sweep(op, EXPIRY_SWEEP_CHANGE));
	if (req->jti.p != NULL)
		return token_revoke_id(op, req->jti);
	if (req->subject.p != NULL)
		return revoke_all(op, ROW_SUBJECT_REVOKED, req->subject, req->before);
	TRY(require_profile(op, req->profile));
	return revoke_all(op, ROW_PROFILE_REVOKED, req->profile, req->before);
}

/*
 * Whether the id may be revoked. The first question since the start goes to the committer, which
 * makes the filter: whoever else made it could miss what is being written meanwhile.
 */
static enum vault_err
may_be_revoked(struct op *op, const struct row_key *place, bool *maybe)
{
	struct tenant_slot *slot = op->tenant->slot;
	const struct revoked_filter *filter =
		atomic_load_explicit(&slot->revoked, memory_order_acquire);

	*maybe = true;
	if (filter != NULL) {
		*maybe = revoked_filter_maybe(filter, place->tag);
		return VAULT_OK;
	}
	if (op->change == NULL) {
		op->deferred = true;
		return VAULT_BUSY;
	}
	if (!tenant_revokes(op->tenant, ROW_TOKEN_REVOKED))
		return VAULT_OK;
	return revoked_filter_build(op->txn, place->tenant, place->kind, &slot->revoked);
}

/* The tag was found; the row says whether it is that id. */
static enum vault_err
id_revoked(struct op *op, struct vault_text jti, bool *revoked)
{
	struct row_key place = token_id_place(op->tenant, ROW_TOKEN_REVOKED, jti);
	struct token_revoked_record record;
	enum vault_err err;
	bool maybe;
	ROW_LOCAL(row);

	TRY(may_be_revoked(op, &place, &maybe));
	if (!maybe)
		return VAULT_OK;
	err = find(op, &place, &row);
	if (err == VAULT_OK)
		err = record_decode(token_revoked_record_type(), row_plain(&row), NULL, &record);
	*revoked = err == VAULT_OK && text_equal(record.jti, jti);
	return err == VAULT_NOT_FOUND ? VAULT_OK : err;
}

/*
 * A token of ours by its number, so that one made after the rule is good in spite of times that are
 * whole seconds; a peer's by when it says that it was issued, and refused where it does not say.
 */
static enum vault_err
rule_refuses(struct op *op, const struct token_rule_record *rule, const struct token_claimed *token,
	     bool *refuses)
{
	const struct vault_opt_int *iat = &token->issued_at;
	uint64_t number;
	bool ours = false;

	if (rule->before.set && (!iat->set || iat->v < rule->before.v)) {
		*refuses = true;
		return VAULT_OK;
	}
	if (!rule->number.set)
		return VAULT_OK;
	TRY(token_id_ours(op, token->jti, &number, &ours));
	if (ours)
		*refuses = number < (uint64_t)rule->number.v;
	else
		*refuses = !iat->set || iat->v <= rule->issued_at.v;
	return VAULT_OK;
}

static enum vault_err
all_revoked(struct op *op, enum row_kind kind, struct vault_text name,
	    const struct token_claimed *token, bool *revoked)
{
	struct row_key place = row_key_of(&op->tenant->keys, kind, text_bytes(name));
	struct token_rule_record rule;
	enum vault_err err;
	ROW_LOCAL(row);

	err = find(op, &place, &row);
	if (err == VAULT_NOT_FOUND)
		return VAULT_OK;
	TRY(err);
	TRY(record_decode(token_rule_record_type(), row_plain(&row), NULL, &rule));
	/* One that a restore read in the audit has no name: the tag, 96 bits of a keyed hash, decides. */
	return rule.name.len == 0 || text_equal(rule.name, name)
		       ? rule_refuses(op, &rule, token, revoked)
		       : VAULT_OK;
}

/* On the committer also what the same group wrote, which no tenant was told of yet. */
static bool
to_look_at(const struct op *op, enum row_kind kind)
{
	return op->change != NULL || tenant_revokes(op->tenant, kind);
}

enum vault_err
token_is_revoked(struct op *op, const struct token_claimed *token, bool *revoked)
{
	*revoked = false;
	if (token->jti.p != NULL && to_look_at(op, ROW_TOKEN_REVOKED))
		TRY(id_revoked(op, token->jti, revoked));
	if (!*revoked && token->subject.p != NULL && to_look_at(op, ROW_SUBJECT_REVOKED))
		TRY(all_revoked(op, ROW_SUBJECT_REVOKED, token->subject, token, revoked));
	if (!*revoked && to_look_at(op, ROW_PROFILE_REVOKED))
		TRY(all_revoked(op, ROW_PROFILE_REVOKED, token->profile, token, revoked));
	return VAULT_OK;
}
