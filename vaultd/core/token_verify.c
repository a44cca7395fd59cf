#include "protocol/text.h"
#include "vaultd/core/domain.h"
#include "vaultd/core/token.h"
#include "vaultd/core/token_check.h"
#include "vaultd/core/token_revoke.h"

/* A check answers verify_reason_none to go on. */
typedef enum verify_reason (*check_step)(struct check *check);

/* A version that may verify: next, current or retiring. */
static bool
live(const struct check *check, const struct key_live *version)
{
	enum version_state state = key_live_state(check->key, version, check->op->now.wall);

	return state == version_state_next || state == version_state_current ||
	       state == version_state_retiring;
}

static bool
signature_of(const struct check *check, const struct key_live *version)
{
	return key_live_verify(version, check->parts.input, check->parts.signature);
}

/* alg, kid and typ are looked at; what else a header says of keys is not (RFC 8725 section 3.10). */
static bool
read_header(struct check *check)
{
	const struct member_slot slots[] = {
		{ TEXT_LITERAL("alg"), MEMBER_TEXT, &check->alg },
		{ TEXT_LITERAL("kid"), MEMBER_TEXT, &check->kid },
		{ TEXT_LITERAL("typ"), MEMBER_ANY, &check->typ },
	};

	return members_read(check->parts.header, slots, sizeof slots / sizeof slots[0]) &&
	       check->alg.p != NULL;
}

static enum verify_reason
check_signature(struct check *check)
{
	const struct key_live *version;

	if (!read_header(check))
		return verify_reason_malformed;
	if (!text_equal(check->alg, key_algorithm_name(check->key->algorithm)))
		return verify_reason_algorithm;
	if (check->kid.p != NULL) {
		check->err = key_by_kid(check->op, check->key, check->kid, &version);
		if (check->err != VAULT_OK)
			return verify_reason_signature;
		if (version != NULL && version->times.revoked_at != 0)
			return verify_reason_key_revoked;
		if (version == NULL || !live(check, version) || !signature_of(check, version))
			return verify_reason_signature;
		check->op->note.version = version->times.version;
		return verify_reason_none;
	}
	for (size_t i = 0; i < check->key->count; i++) {
		version = &check->key->versions[i];
		if (!live(check, version) || !signature_of(check, version))
			continue;
		check->op->note.version = version->times.version;
		return verify_reason_none;
	}
	return verify_reason_signature;
}

static enum verify_reason
check_revoked(struct check *check)
{
	const struct token_claimed claimed = {
		.jti = check->jti,
		.subject = check->sub,
		.profile = check->settings->name,
		.issued_at = check->iat,
	};
	bool revoked = false;

	check->err = token_is_revoked(check->op, &claimed, &revoked);
	return revoked ? verify_reason_revoked : verify_reason_none;
}

/* The token's own limit and the profile's, whichever is less; 0: neither has one. */
static int64_t
limit_of(const struct check *check)
{
	const struct vault_opt_int *most = &check->settings->max_uses;

	if (most->set && (!check->uses.set || most->v < check->uses.v))
		return most->v;
	return check->uses.set ? check->uses.v : 0;
}

static enum verify_reason
check_uses(struct check *check)
{
	bool named = check->jti.len > 0;

	/* Uses are counted by the id. */
	if (!named && check->req->consume.v)
		return verify_reason_malformed;
	check->use = (struct token_use){
		.jti = check->jti,
		.use = check->req->use,
		.limit = named ? limit_of(check) : 0,
		.expires_at = check->exp.v,
	};
	if (check->use.limit == 0)
		return verify_reason_none;
	check->err = token_uses_find(check->op, &check->use);
	return check->use.left > 0 || check->use.counted ? verify_reason_none
							 : verify_reason_used_up;
}

/*
 * In the contract's order, so that a token with several faults is told the first; but no use of one
 * is looked at that is not good otherwise.
 */
static const check_step steps[] = {
	check_signature, check_read_claims, check_type,	   check_issuer,
	check_audience,	 check_times,	    check_scope,   check_domain,
	check_revoked,	 check_tenant,	    check_profile, check_uses,
};

static enum vault_err
answer_valid(struct check *check, struct token_verify_res *res)
{
	struct op *op = check->op;

	if (check->req->consume.v && check->use.limit > 0 && !check->use.counted)
		TRY(token_uses_count(op, &check->use));
	res->claims = check->parts.claims;
	res->jti = check->jti;
	res->valid = true;
	res->expires_at = check->exp;
	if (check->use.limit > 0)
		res->uses_left = (struct vault_opt_int){ check->use.left, true };
	op->note.jti = res->jti;
	return VAULT_OK;
}

static void
answer_invalid(struct op *op, enum verify_reason reason, struct token_verify_res *res)
{
	res->reason = (struct vault_opt_enum){ (int)reason, true };
	op->note.reason = (uint8_t)reason;
}

static enum vault_err
check_request(struct op *op, const struct profile_record *settings,
	      const struct token_verify_req *req)
{
	TRY(profile_require_subset(op, "audience", &req->audience, &settings->audience));
	TRY(profile_require_subset(op, "scope", &req->scope, &settings->scopes));
	if (req->domain.p != NULL && !domain_name(req->domain))
		return op_fail(op, VAULT_INVALID_PARAMS, "domain", "not a host name");
	return VAULT_OK;
}

enum vault_err
token_verify(struct op *op, const struct token_verify_req *req, struct token_verify_res *res)
{
	struct check check = { .op = op, .req = req };
	struct profile *profile;
	bool form;

	TRY(profile_get(op, req->profile, &profile));
	TRY(check_request(op, &profile->settings, req));
	TRY(key_get(op, "profile", profile->settings.key, &check.key));
	op->note.target = profile->place;
	TRY(token_parse(op, req->token, &check.parts, &form));
	if (!form) {
		answer_invalid(op, verify_reason_malformed, res);
		return VAULT_OK;
	}
	check.settings = &profile->settings;
	check.legacy = profile->settings.legacy_until.set &&
		       profile->settings.legacy_until.v > op->now.wall;
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		enum verify_reason reason = steps[i](&check);

		TRY(check.err);
		if (reason != verify_reason_none) {
			answer_invalid(op, reason, res);
			return VAULT_OK;
		}
	}
	return answer_valid(&check, res);
}
