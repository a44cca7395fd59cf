#include "vaultd/core/token_check.h"

#include <string.h>
#include <strings.h>

#include "protocol/text.h"
#include "vaultd/core/claims.h"
#include "vaultd/core/domain.h"

#define SLOT(member, kind, field)                                                                  \
	{                                                                                          \
		TEXT_LITERAL(member), kind, field                                                  \
	}

enum verify_reason
check_read_claims(struct check *check)
{
	const struct member_slot slots[] = {
		SLOT("prf", MEMBER_TEXT, &check->prf),
		SLOT("tid", MEMBER_TEXT, &check->tid),
		SLOT("iss", MEMBER_TEXT, &check->iss),
		SLOT("aud", MEMBER_ANY, &check->aud),
		SLOT("iat", MEMBER_DATE, &check->iat),
		SLOT("nbf", MEMBER_DATE, &check->nbf),
		SLOT("exp", MEMBER_DATE, &check->exp),
		SLOT("jti", MEMBER_TEXT, &check->jti),
		SLOT("sub", MEMBER_TEXT, &check->sub),
		SLOT("scope", MEMBER_TEXT, &check->scope),
		SLOT("domain", MEMBER_TEXT, &check->domain),
		SLOT("uses", MEMBER_COUNT, &check->uses),
	};

	if (!members_read(check->parts.claims, slots, sizeof slots / sizeof slots[0]))
		return verify_reason_malformed;
	if (!check->exp.set || (!check->iat.set && !check->legacy) || check->jti.len > JTI_MAX)
		return verify_reason_malformed;
	return verify_reason_none;
}

enum verify_reason
check_type(struct check *check)
{
	struct cursor value = { check->typ.p, check->typ.p + check->typ.len };
	struct vault_text wanted = check->settings->typ, typ = { 0 };

	/* Media type names know no case (RFC 7515 section 4.1.9). */
	if (!cursor_str(&value, &typ) || typ.len != wanted.len ||
	    strncasecmp(typ.p, wanted.p, typ.len) != 0)
		return verify_reason_typ;
	if (check->prf.p != NULL && !text_equal(check->prf, check->settings->name))
		return verify_reason_typ;
	return verify_reason_none;
}

enum verify_reason
check_issuer(struct check *check)
{
	if (check->settings->issuer.p != NULL && !text_equal(check->iss, check->settings->issuer))
		return verify_reason_issuer;
	return verify_reason_none;
}

/* A text, or a list that has it among others. */
static bool
audience_holds(struct vault_bytes aud, struct vault_text wanted)
{
	struct cursor c = { aud.p, aud.p + aud.len };
	struct vault_text one;
	uint32_t n;

	if (cursor_str(&c, &one))
		return text_equal(wanted, one);
	if (cursor_type(&c) != CURSOR_ARRAY || !cursor_array(&c, &n))
		return false;
	while (n-- > 0) {
		if (!cursor_str(&c, &one))
			(void)cursor_skip(&c, NULL);
		else if (text_equal(wanted, one))
			return true;
	}
	return false;
}

/* Any of those asked for, or else any of the profile's. */
enum verify_reason
check_audience(struct check *check)
{
	const struct vault_texts *wanted =
		check->req->audience.n > 0 ? &check->req->audience : &check->settings->audience;

	if (wanted->n == 0)
		return verify_reason_none;
	for (size_t i = 0; i < wanted->n; i++)
		if (audience_holds(check->aud, wanted->v[i]))
			return verify_reason_none;
	return verify_reason_audience;
}

enum verify_reason
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

enum verify_reason
check_scope(struct check *check)
{
	for (size_t i = 0; i < check->req->scope.n; i++)
		if (check->scope.p == NULL || !scope_holds(check->scope, check->req->scope.v[i]))
			return verify_reason_scope;
	return verify_reason_none;
}

/*
 * Bound to a domain, a token is good only where that domain is named, and while the profile allows
 * it; one that is bound to none is good where none is named.
 */
enum verify_reason
check_domain(struct check *check)
{
	const struct vault_texts *allowed = &check->settings->domains;

	if (check->domain.p == NULL && check->req->domain.p == NULL && allowed->n == 0)
		return verify_reason_none;
	if (check->domain.p == NULL || check->req->domain.p == NULL ||
	    !domain_same(check->domain, check->req->domain))
		return verify_reason_domain;
	for (size_t i = 0; i < allowed->n; i++)
		if (domain_matches(allowed->v[i], check->domain))
			return verify_reason_none;
	return allowed->n == 0 ? verify_reason_none : verify_reason_domain;
}

enum verify_reason
check_tenant(struct check *check)
{
	if (check->tid.p == NULL)
		return check->settings->tenant_claim && !check->legacy ? verify_reason_tenant
								       : verify_reason_none;
	return text_equal(check->tid, check->req->tenant) ? verify_reason_none
							  : verify_reason_tenant;
}

/* A claim with a list of allowed values has one of them, if it is there. */
static bool
claim_allowed(struct check *check, const struct claim *rule)
{
	struct cursor list = { rule->value.p, rule->value.p + rule->value.len };
	struct vault_bytes claim;
	uint32_t n;

	if (!claims_find(check->parts.claims, rule->name, &claim))
		return true;
	if (!cursor_array(&list, &n))
		return false;
	for (uint32_t i = 0; i < n; i++) {
		struct vault_bytes value;

		if (!cursor_skip(&list, &value))
			return false;
		if (claims_equal(claim, value))
			return true;
	}
	return false;
}

typedef bool (*claim_rule)(struct check *check, const struct claim *rule);

static bool
claim_fixed(struct check *check, const struct claim *rule)
{
	struct vault_bytes claim;

	return claims_find(check->parts.claims, rule->name, &claim) &&
	       claims_equal(claim, rule->value);
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
enum verify_reason
check_profile(struct check *check)
{
	const struct profile_record *settings = check->settings;
	int64_t from = check->iat.set ? check->iat.v : check->op->now.wall;
	struct vault_bytes claim;

	if (check->exp.v - from > settings->max_ttl)
		return verify_reason_malformed;
	if (check->sub.p == NULL && settings->subject == subject_need_required)
		return verify_reason_malformed;
	for (size_t i = 0; i < settings->required_.n; i++)
		if (!claims_find(check->parts.claims, settings->required_.v[i], &claim))
			return verify_reason_malformed;
	if (!all_follow(check, settings->fixed, claim_fixed) ||
	    !all_follow(check, settings->values, claim_allowed))
		return verify_reason_malformed;
	return verify_reason_none;
}
