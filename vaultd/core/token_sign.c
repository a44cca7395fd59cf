#include <string.h>

#include "protocol/text.h"
#include "vaultd/base/base64.h"
#include "vaultd/base/bytes.h"
#include "vaultd/core/claims.h"
#include "vaultd/core/domain.h"
#include "vaultd/core/token.h"
#include "vaultd/core/token_id.h"

#define USUAL_NAMES_MAX 128 /* bytes of jti, sub, scope, domain and uses besides their values */

/* Whether a value stands in a list of values, both as they were sent: compared by their JSON. */
static enum vault_err
check_value(struct op *op, struct vault_bytes value, struct vault_bytes allowed)
{
	struct cursor list = { allowed.p, allowed.p + allowed.len };
	struct cursor c = { value.p, value.p + value.len };
	struct buf wanted = { 0 }, candidate = { 0 };
	enum vault_err err = json_put_value(&wanted, &c);
	bool found = false;
	uint32_t n;

	if (err == VAULT_OK && !cursor_array(&list, &n))
		err = VAULT_INTEGRITY;
	for (uint32_t i = 0; err == VAULT_OK && !found && i < n; i++) {
		buf_truncate(&candidate, 0);
		err = json_put_value(&candidate, &list);
		found = err == VAULT_OK && buf_len(&candidate) == buf_len(&wanted) &&
			memcmp(buf_data(&candidate), buf_data(&wanted), buf_len(&wanted)) == 0;
	}
	buf_free(&wanted);
	buf_free(&candidate);
	if (err == VAULT_INVALID_PARAMS || (err == VAULT_OK && !found))
		return op_fail(op, VAULT_INVALID_PARAMS, "claims",
			       "a value that the profile does not allow");
	return err;
}

static enum vault_err
check_claim(struct op *op, const struct profile_record *settings, const struct claim *claim)
{
	struct vault_bytes value;

	if (claim_reserved(claim->name))
		return op_fail(op, VAULT_INVALID_PARAMS, "claims",
			       "only the daemon sets this claim");
	if (!texts_hold(&settings->claims, claim->name) ||
	    claims_find(settings->fixed, claim->name, &value))
		return op_fail(op, VAULT_INVALID_PARAMS, "claims",
			       "a claim that the profile does not allow");
	if (claims_find(settings->values, claim->name, &value))
		return check_value(op, claim->value, value);
	return VAULT_OK;
}

static enum vault_err
check_claims(struct op *op, const struct profile_record *settings, struct vault_map claims)
{
	struct cursor c = { claims.p, claims.p + claims.len };
	struct vault_bytes value;
	struct claim claim;
	uint32_t left = 0;

	if (claims.p == NULL && settings->required_.n == 0)
		return VAULT_OK;
	if (claims.p != NULL && !cursor_map(&c, &left))
		return VAULT_INTERNAL;
	while (claims_next(&c, &left, &claim))
		TRY(check_claim(op, settings, &claim));
	for (size_t i = 0; i < settings->required_.n; i++) {
		struct vault_text name = settings->required_.v[i];

		if (!claims_find(claims, name, &value) &&
		    !claims_find(settings->fixed, name, &value))
			return op_fail(op, VAULT_INVALID_PARAMS, "claims",
				       "a claim that the profile requires is missing");
	}
	return VAULT_OK;
}

/* Under a profile that has domains every token is bound to one, under any other none is. */
static enum vault_err
check_domain(struct op *op, const struct profile_record *settings, struct vault_text domain)
{
	if (domain.p == NULL && settings->domains.n > 0)
		return op_fail(op, VAULT_INVALID_PARAMS, "domain", "the profile requires a domain");
	if (domain.p == NULL)
		return VAULT_OK;
	if (!domain_name(domain))
		return op_fail(op, VAULT_INVALID_PARAMS, "domain", "not a host name");
	for (size_t i = 0; i < settings->domains.n; i++)
		if (domain_matches(settings->domains.v[i], domain))
			return VAULT_OK;
	return op_fail(op, VAULT_INVALID_PARAMS, "domain", "not allowed by the profile");
}

static enum vault_err
check_request(struct op *op, const struct profile_record *settings,
	      const struct token_sign_req *req)
{
	if (req->subject.p == NULL && settings->subject == subject_need_required)
		return op_fail(op, VAULT_INVALID_PARAMS, "subject",
			       "the profile requires a subject");
	if (req->ttl.set && req->ttl.v > settings->max_ttl)
		return op_fail(op, VAULT_INVALID_PARAMS, "ttl", "above the profile's max_ttl");
	TRY(profile_require_subset(op, "audience", &req->audience, &settings->audience));
	TRY(profile_require_subset(op, "scope", &req->scope, &settings->scopes));
	TRY(check_domain(op, settings, req->domain));
	if (req->max_uses.set && settings->max_uses.set && req->max_uses.v > settings->max_uses.v)
		return op_fail(op, VAULT_INVALID_PARAMS, "max_uses",
			       "above the profile's max_uses");
	return check_claims(op, settings, req->claims);
}

/* Of the profile's own audience and lifetime, like most. */
static bool
is_ordinary(const struct token_sign_req *req)
{
	return req->audience.n == 0 && !req->ttl.set;
}

static inline char *
write_bytes(char *at, const char *p, size_t n)
{
	memcpy(at, p, n);
	return at + n;
}

#define WRITE_LITERAL(at, literal) write_bytes(at, literal, sizeof(literal) - 1)

/* One space-separated string; a scope needs no escaping. */
static char *
write_scope(char *at, const struct vault_texts *scope)
{
	at = WRITE_LITERAL(at, ",\"scope\":\"");
	for (size_t i = 0; i < scope->n; i++) {
		if (i > 0)
			*at++ = ' ';
		at = write_bytes(at, scope->v[i].p, scope->v[i].len);
	}
	*at++ = '"';
	return at;
}

/* A host name needs no escaping; it stands as it is compared. */
static char *
write_domain(char *at, struct vault_text domain)
{
	at = WRITE_LITERAL(at, ",\"domain\":\"");
	at += domain_fold(domain, at).len;
	*at++ = '"';
	return at;
}

/* What most tokens say of themselves, into room made once. */
static enum vault_err
usual_members(struct buf *out, const struct token_sign_req *req, struct vault_text jti)
{
	size_t most =
		USUAL_NAMES_MAX + jti.len + JSON_STRING_MAX(req->subject.len) + req->domain.len;
	char *at;

	for (size_t i = 0; i < req->scope.n; i++)
		most += req->scope.v[i].len + 1;
	TRY(buf_reserve(out, most));
	at = (char *)out->p + out->tail;
	at = WRITE_LITERAL(at, ",\"jti\":\"");
	at = write_bytes(at, jti.p, jti.len);
	*at++ = '"';
	if (req->subject.p != NULL) {
		at = WRITE_LITERAL(at, ",\"sub\":");
		at = json_write_string(at, req->subject);
	}
	if (req->scope.n > 0)
		at = write_scope(at, &req->scope);
	if (req->domain.p != NULL)
		at = write_domain(at, req->domain);
	out->tail = (size_t)(at - (char *)out->p);
	return VAULT_OK;
}

/* The token's own limit, or else the profile's. */
static enum vault_err
put_uses(struct buf *out, const struct profile_record *settings, const struct token_sign_req *req)
{
	const struct vault_opt_int *uses = req->max_uses.set ? &req->max_uses : &settings->max_uses;

	if (!uses->set)
		return VAULT_OK;
	TRY(json_put_text(out, ",\"uses\":"));
	return json_put_integer(out, uses->v);
}

/* What the prefix does not say yet, in the operation's work buffer. */
static enum vault_err
token_tail(struct op *op, const struct profile *profile, const struct token_sign_req *req,
	   const struct token_sign_res *res)
{
	struct buf *out = op->work;

	out->head = out->tail = 0;
	if (!is_ordinary(req)) {
		TRY(json_put_audience(out, req->audience.n > 0 ? &req->audience
							       : &profile->settings.audience));
		TRY(json_put_times(out, op->now.wall, res->expires_at));
	}
	TRY(usual_members(out, req, res->jti));
	TRY(put_uses(out, &profile->settings, req));
	if (req->claims.p != NULL && json_put_members(out, req->claims) != VAULT_OK)
		return op_fail(op, VAULT_INVALID_PARAMS, "claims",
			       "a value that a claim cannot hold");
	return json_put_text(out, "}");
}

static enum vault_err
make_jti(struct op *op, struct vault_text *jti)
{
	char *text = scratch_room(op->scratch, BASE64_LENGTH(JTI_BYTES));
	uint8_t *bytes = scratch_room(op->scratch, JTI_BYTES);
	uint64_t number;

	if (text == NULL || bytes == NULL)
		return VAULT_BUSY;
	TRY(tenant_issue(op, &number));
	put_be64(bytes, number);
	random_pool_take(op->random, bytes + sizeof number, JTI_BYTES - sizeof number);
	*jti = (struct vault_text){ text, base64url_encode(bytes, JTI_BYTES, text) };
	op->note.jti_bytes = bytes;
	return VAULT_OK;
}

static enum vault_err
sign_bytes(const struct key_live *live, const struct token_prefix *prefix, struct vault_text input,
	   uint8_t signature[static SIGNATURE_MAX], size_t *len)
{
	const struct mac_key *mac = &live->signature.mac;
	struct mac_state state;

	if (!signature_symmetric(live->signature.algorithm))
		return key_live_sign(live, text_bytes(input), signature, len);
	memcpy(&state, prefix->state.p, sizeof state);
	mac_add(mac, &state, input.p + prefix->len, input.len - prefix->len);
	mac_end(mac, &state, signature);
	*len = mac_bytes(mac->hash);
	return VAULT_OK;
}

/*
 * prefix, tail and signature, each in base64url, put together where the reply will take them from.
 */
static enum vault_err
assemble(struct op *op, const struct key_live *live, const struct token_prefix *prefix,
	 struct vault_text *token)
{
	size_t tail = buf_len(op->work), n = prefix->len;
	uint8_t signature[SIGNATURE_MAX];
	char *text = scratch_room(op->scratch,
				  n + BASE64_LENGTH(tail) + 1 + BASE64_LENGTH(SIGNATURE_MAX));
	size_t signature_len;

	if (text == NULL)
		return VAULT_BUSY;
	memcpy(text, prefix->text, n);
	n += base64url_encode(buf_data(op->work), tail, text + n);
	TRY(sign_bytes(live, prefix, (struct vault_text){ text, n }, signature, &signature_len));
	text[n++] = '.';
	n += base64url_encode(signature, signature_len, text + n);
	if (n > TOKEN_MAX)
		return op_fail(op, VAULT_INVALID_PARAMS, "claims",
			       "the token would be longer than 16 KiB");
	*token = (struct vault_text){ text, n };
	return VAULT_OK;
}

enum vault_err
token_sign(struct op *op, const struct token_sign_req *req, struct token_sign_res *res)
{
	const struct token_prefix *prefix;
	const struct key_live *live;
	struct profile *profile;

	TRY(profile_get(op, req->profile, &profile));
	TRY(check_request(op, &profile->settings, req));
	TRY(profile_prepare(op, profile, is_ordinary(req), &live, &prefix));
	TRY(make_jti(op, &res->jti));
	res->expires_at = op->now.wall + (req->ttl.set ? req->ttl.v : profile->settings.ttl);
	TRY(token_tail(op, profile, req, res));
	TRY(assemble(op, live, prefix, &res->token));
	op->note.version = live->times.version;
	return VAULT_OK;
}
