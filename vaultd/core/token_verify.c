#include <string.h>
#include <strings.h>

#include "protocol/text.h"
#include "vaultd/core/claims.h"
#include "vaultd/core/token_parse.h"
#include "vaultd/core/token.h"

/* One verification: what was asked, what the token says, and what is to be reported. */
struct check {
	struct op *op;
	const struct token_verify_req *req;
	const struct profile_record *settings;
	const struct key *key;
	const struct token_parts *parts;
	bool legacy;	    /* a missing tid or iat passes */
	enum vault_err err; /* the store failed, so there is no answer */
	/* Claims; absent where p is NULL or set is false. */
	struct vault_text iss, sub, jti, tid, prf, scope, domain;
	struct vault_opt_int iat, nbf, exp;
};

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
	return key_live_verify(version, check->parts->input, check->parts->signature);
}

static enum verify_reason
check_signature(struct check *check)
{
	bool typed = true;
	struct vault_text alg = json_member_text(check->parts->header, "alg", &typed);
	struct vault_text kid = json_member_text(check->parts->header, "kid", &typed);
	const struct key_live *version;

	if (!typed || alg.p == NULL)
		return verify_reason_malformed;
	if (!text_equal(alg, key_algorithm_name(check->key->algorithm)))
		return verify_reason_algorithm;
	if (kid.p != NULL) {
		check->err = key_by_kid(check->op, check->key, kid, &version);
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
read_claims(struct check *check)
{
	const json_t *claims = check->parts->claims;
	bool ok = true;

	check->iss = json_member_text(claims, "iss", &ok);
	check->sub = json_member_text(claims, "sub", &ok);
	check->jti = json_member_text(claims, "jti", &ok);
	check->tid = json_member_text(claims, "tid", &ok);
	check->prf = json_member_text(claims, "prf", &ok);
	check->scope = json_member_text(claims, "scope", &ok);
	check->domain = json_member_text(claims, "domain", &ok);
	check->iat = json_member_date(claims, "iat", &ok);
	check->nbf = json_member_date(claims, "nbf", &ok);
	check->exp = json_member_date(claims, "exp", &ok);
	if (!ok || !check->exp.set || (!check->iat.set && !check->legacy))
		return verify_reason_malformed;
	return verify_reason_none;
}

static enum verify_reason
check_type(struct check *check)
{
	bool ok = true;
	struct vault_text typ = json_member_text(check->parts->header, "typ", &ok);
	struct vault_text wanted = check->settings->typ;

	/* Media type names know no case (RFC 7515 section 4.1.9). */
	if (!ok || typ.len != wanted.len ||
	    (typ.len > 0 && strncasecmp(typ.p, wanted.p, typ.len) != 0))
		return verify_reason_typ;
	if (check->prf.p != NULL && !text_equal(check->prf, check->settings->name))
		return verify_reason_typ;
	return verify_reason_none;
}

static enum verify_reason
check_issuer(struct check *check)
{
	if (check->settings->issuer.p != NULL && !text_equal(check->iss, check->settings->issuer))
		return verify_reason_issuer;
	return verify_reason_none;
}

static bool
audience_holds(const json_t *aud, struct vault_text wanted)
{
	const json_t *member;
	size_t i;

	if (json_is_string(aud))
		return text_equal(wanted, (struct vault_text){ json_string_value(aud),
							       json_string_length(aud) });
	json_array_foreach(
		aud, i,
		member) if (json_is_string(member) &&
			    text_equal(wanted, (struct vault_text){
						       json_string_value(member),
						       json_string_length(member) })) return true;
	return false;
}

/* Any of those asked for, or else any of the profile's. */
static enum verify_reason
check_audience(struct check *check)
{
	const struct vault_texts *wanted =
		check->req->audience.n > 0 ? &check->req->audience : &check->settings->audience;
	const json_t *aud = json_object_get(check->parts->claims, "aud");

	if (wanted->n == 0)
		return verify_reason_none;
	for (size_t i = 0; i < wanted->n; i++)
		if (audience_holds(aud, wanted->v[i]))
			return verify_reason_none;
	return verify_reason_audience;
}

static enum verify_reason
check_times(struct check *check)
{
	int64_t now = check->op->now.wall, leeway = check->settings->leeway;

	if (now >= check->exp.v + leeway)
		return verify_reason_expired;
	if ((check->nbf.set && check->nbf.v > now + leeway) ||
	    (check->iat.set && check->iat.v > now + leeway))
		return verify_reason_not_yet;
	return verify_reason_none;
}

static bool
scope_holds(struct vault_text scope, struct vault_text wanted)
{
	size_t from = 0;

	for (size_t i = 0; i <= scope.len; i++) {
		if (i < scope.len && scope.p[i] != ' ')
			continue;
		if (i - from == wanted.len && memcmp(scope.p + from, wanted.p, wanted.len) == 0)
			return true;
		from = i + 1;
	}
	return false;
}

static enum verify_reason
check_scope(struct check *check)
{
	for (size_t i = 0; i < check->req->scope.n; i++)
		if (check->scope.p == NULL || !scope_holds(check->scope, check->req->scope.v[i]))
			return verify_reason_scope;
	return verify_reason_none;
}

/* Bound to a domain, a token is good only where that domain is named. */
static enum verify_reason
check_domain(struct check *check)
{
	return check->domain.p != NULL ? verify_reason_domain : verify_reason_none;
}

static enum verify_reason
check_tenant(struct check *check)
{
	if (check->tid.p == NULL)
		return check->settings->tenant_claim && !check->legacy ? verify_reason_tenant
								       : verify_reason_none;
	return text_equal(check->tid, check->req->tenant) ? verify_reason_none
							  : verify_reason_tenant;
}

static bool
claim_equals(struct check *check, struct vault_text name, struct vault_bytes value)
{
	json_t *wanted = json_from_value(check->op, value);
	json_t *claim = json_object_getn(check->parts->claims, name.p, name.len);
	bool equal = wanted != NULL && claim != NULL && json_equal(wanted, claim);

	json_decref(wanted);
	return equal;
}

/* A claim with a list of allowed values has one of them, if it is there. */
static bool
claim_allowed(struct check *check, const struct claim *rule)
{
	struct cursor list = { rule->value.p, rule->value.p + rule->value.len };
	uint32_t n;

	if (json_object_getn(check->parts->claims, rule->name.p, rule->name.len) == NULL)
		return true;
	if (!cursor_array(&list, &n))
		return false;
	for (uint32_t i = 0; i < n; i++) {
		struct vault_bytes value;

		if (!cursor_skip(&list, &value))
			return false;
		if (claim_equals(check, rule->name, value))
			return true;
	}
	return false;
}

typedef bool (*claim_rule)(struct check *check, const struct claim *rule);

static bool
claim_fixed(struct check *check, const struct claim *rule)
{
	return claim_equals(check, rule->name, rule->value);
}

static bool
all_follow(struct check *check, struct vault_map rules, claim_rule follows)
{
	struct cursor c = { rules.p, rules.p + rules.len };
	struct claim rule;
	uint32_t left;

	if (rules.p == NULL || !cursor_map(&c, &left))
		return true;
	while (claims_next(&c, &left, &rule))
		if (!follows(check, &rule))
			return false;
	return true;
}

/* What the profile says of any token under it. */
static enum verify_reason
check_profile(struct check *check)
{
	const struct profile_record *settings = check->settings;
	int64_t from = check->iat.set ? check->iat.v : check->op->now.wall;

	if (check->exp.v - from > settings->max_ttl)
		return verify_reason_malformed;
	if (check->sub.p == NULL && settings->subject == subject_need_required)
		return verify_reason_malformed;
	for (size_t i = 0; i < settings->required_.n; i++)
		if (json_object_getn(check->parts->claims, settings->required_.v[i].p,
				     settings->required_.v[i].len) == NULL)
			return verify_reason_malformed;
	if (!all_follow(check, settings->fixed, claim_fixed) ||
	    !all_follow(check, settings->values, claim_allowed))
		return verify_reason_malformed;
	return verify_reason_none;
}

/* In the contract's order, so that a token with several faults is told the first. */
static const check_step steps[] = {
	check_signature, read_claims, check_type,   check_issuer, check_audience,
	check_times,	 check_scope, check_domain, check_tenant, check_profile,
};

static enum vault_err
answer_valid(const struct check *check, struct token_verify_res *res)
{
	struct op *op = check->op;

	TRY(json_to_map(op, check->parts->claims, &res->claims));
	TRY(op_keep_text(op, check->jti, &res->jti));
	res->valid = true;
	res->expires_at = check->exp;
	op->note.jti = res->jti;
	return VAULT_OK;
}

static void
answer_invalid(struct op *op, enum verify_reason reason, struct token_verify_res *res)
{
	res->reason = (struct vault_opt_enum){ (int)reason, true };
	op->note.reason = (uint8_t)reason;
}

enum vault_err
token_verify(struct op *op, const struct token_verify_req *req, struct token_verify_res *res)
{
	struct check check = { .op = op, .req = req };
	struct profile *profile;
	TOKEN_PARTS_LOCAL(parts);
	bool form;

	TRY(profile_get(op, req->profile, &profile));
	TRY(profile_require_subset(op, "audience", &req->audience, &profile->settings.audience));
	TRY(profile_require_subset(op, "scope", &req->scope, &profile->settings.scopes));
	TRY(key_get(op, "profile", profile->settings.key, &check.key));
	op->note.target = profile->place;
	TRY(token_parse(op, req->token, &parts, &form));
	if (!form) {
		answer_invalid(op, verify_reason_malformed, res);
		return VAULT_OK;
	}
	check.settings = &profile->settings;
	check.parts = &parts;
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
