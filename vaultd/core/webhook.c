#include "vaultd/core/webhook.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "protocol/text.h"
#include "vaultd/base/base64.h"
#include "vaultd/core/webhook_headers.h"

#define ID_PREFIX "msg_"
#define ID_BYTES 16 /* random bytes of an id made here */
#define PREFIX_MAX (WEBHOOK_ID_MAX + WEBHOOK_TIMESTAMP_MAX + 2)

_Static_assert(WEBHOOK_SIGNATURE_BYTES == ED25519_SIGNATURE_BYTES, "the longest signature");
_Static_assert(WEBHOOK_SIGNATURE_BYTES <= SIGNATURE_MAX, "room for a version's signature");

/* What is signed: the payload behind what the scheme puts before it. */
struct content {
	char prefix[PREFIX_MAX];
	size_t len;
	struct vault_bytes payload;
	struct vault_bytes whole; /* for Ed25519, which reads it twice */
};

static enum vault_err
require_algorithm(struct op *op, const struct key *key, enum webhook_scheme scheme)
{
	if (key->algorithm == key_algorithm_HS256 ||
	    (key->algorithm == key_algorithm_EdDSA && scheme == webhook_scheme_standard))
		return VAULT_OK;
	return op_fail(op, VAULT_CONFLICT, "scheme",
		       scheme == webhook_scheme_standard ? "this scheme takes HS256 and EdDSA keys"
							 : "this scheme takes HS256 keys");
}

static void
prefix_add(struct content *content, struct vault_text part)
{
	if (part.p == NULL)
		return;
	memcpy(content->prefix + content->len, part.p, part.len);
	content->len += part.len;
	content->prefix[content->len++] = '.';
}

/* The claim's id and timestamp are within their bounds. */
static enum vault_err
content_of(struct op *op, const struct key *key, const struct webhook_claim *claim,
	   struct vault_bytes payload, struct content *content)
{
	uint8_t *whole;

	content->len = 0;
	content->payload = payload;
	prefix_add(content, claim->id);
	prefix_add(content, claim->timestamp);
	if (key->algorithm != key_algorithm_EdDSA)
		return VAULT_OK;
	whole = scratch_room(op->scratch, content->len + payload.len);
	if (whole == NULL)
		return VAULT_BUSY;
	memcpy(whole, content->prefix, content->len);
	if (payload.len > 0)
		memcpy(whole + content->len, payload.p, payload.len);
	content->whole = (struct vault_bytes){ whole, content->len + payload.len };
	return VAULT_OK;
}

static void
mac_of(const struct key_live *live, const struct content *content, uint8_t *tag)
{
	struct mac_state state;

	mac_start(&live->signature.mac, &state);
	mac_add(&live->signature.mac, &state, content->prefix, content->len);
	mac_add(&live->signature.mac, &state, content->payload.p, content->payload.len);
	mac_end(&live->signature.mac, &state, tag);
}

static enum vault_err
sign_with(const struct key *key, const struct key_live *live, const struct content *content,
	  struct webhook_claim *claim)
{
	struct webhook_signature *signature = &claim->signatures[claim->n++];

	if (key->algorithm == key_algorithm_EdDSA) {
		uint8_t bytes[SIGNATURE_MAX];

		TRY(key_live_sign(live, content->whole, bytes, &signature->len));
		memcpy(signature->bytes, bytes, signature->len);
		return VAULT_OK;
	}
	mac_of(live, content, signature->bytes);
	signature->len = mac_bytes(live->signature.mac.hash);
	return VAULT_OK;
}

/* While they retire, receivers may know the older versions only. */
static enum vault_err
sign_with_retiring(struct op *op, const struct key *key, const struct content *content,
		   struct webhook_claim *claim)
{
	for (size_t i = 0; i < key->count && claim->n < WEBHOOK_SIGNATURES_MAX; i++)
		if (key_live_state(key, &key->versions[i], op->now.wall) == version_state_retiring)
			TRY(sign_with(key, &key->versions[i], content, claim));
	return VAULT_OK;
}

static enum vault_err
make_id(struct op *op, struct vault_text *id)
{
	size_t prefix = sizeof ID_PREFIX - 1;
	char *text = scratch_room(op->scratch, prefix + BASE64_LENGTH(ID_BYTES));
	uint8_t bytes[ID_BYTES];

	if (text == NULL)
		return VAULT_BUSY;
	random_pool_take(op->random, bytes, sizeof bytes);
	memcpy(text, ID_PREFIX, prefix);
	*id = (struct vault_text){ text,
				   prefix + base64url_encode(bytes, ID_BYTES, text + prefix) };
	return VAULT_OK;
}

/* What the scheme signs besides the payload; time: room for a timestamp. */
static enum vault_err
claim_made(struct op *op, const struct webhook_sign_req *req,
	   char time[static WEBHOOK_TIMESTAMP_MAX + 1], struct webhook_claim *claim)
{
	claim->time = req->timestamp.set ? req->timestamp.v : op->now.wall;
	if (req->id.p != NULL && !webhook_id(req->id))
		return op_fail(op, VAULT_INVALID_PARAMS, "id",
			       "an id is printable ASCII without spaces and full stops");
	if (req->scheme.v == webhook_scheme_github)
		return VAULT_OK;
	claim->timestamp = (struct vault_text){ time, 0 };
	claim->timestamp.len =
		(size_t)snprintf(time, WEBHOOK_TIMESTAMP_MAX + 1, "%" PRId64, claim->time);
	if (req->scheme.v != webhook_scheme_standard)
		return VAULT_OK;
	claim->id = req->id;
	return req->id.p != NULL ? VAULT_OK : make_id(op, &claim->id);
}

enum vault_err
webhook_sign(struct op *op, const struct key *key, const struct webhook_sign_req *req,
	     struct vault_map *headers)
{
	enum webhook_scheme scheme = (enum webhook_scheme)req->scheme.v;
	char time[WEBHOOK_TIMESTAMP_MAX + 1];
	struct webhook_claim claim = { .n = 0 };
	const struct key_live *live;
	struct content content;

	TRY(require_algorithm(op, key, scheme));
	TRY(key_signer_version(op, key, req->version, &live));
	TRY(claim_made(op, req, time, &claim));
	TRY(content_of(op, key, &claim, req->payload, &content));
	TRY(sign_with(key, live, &content, &claim));
	if (!req->version.set && scheme != webhook_scheme_github)
		TRY(sign_with_retiring(op, key, &content, &claim));
	op->note.version = live->times.version;
	op->note.id = claim.id;
	return webhook_headers_write(op, scheme, &claim, headers);
}

/* Whether any of the signatures is this version's. */
static bool
signed_by(const struct key *key, const struct key_live *live, const struct content *content,
	  const struct webhook_claim *claim)
{
	bool asymmetric = key->algorithm == key_algorithm_EdDSA;
	uint8_t tag[MAC_BYTES_MAX];
	bool found = false;

	if (!asymmetric)
		mac_of(live, content, tag);
	for (size_t i = 0; i < claim->n; i++) {
		struct vault_bytes given = { claim->signatures[i].bytes, claim->signatures[i].len };

		if (asymmetric)
			found |= given.len == ED25519_SIGNATURE_BYTES &&
				 key_live_verify(live, content->whole, given);
		else
			found |= given.len == mac_bytes(live->signature.mac.hash) &&
				 mac_equal(tag, given.p, given.len);
	}
	secret_wipe(tag, sizeof tag);
	return found;
}

static bool
signed_by_any(struct op *op, const struct key *key, const struct content *content,
	      const struct webhook_claim *claim)
{
	for (size_t i = 0; i < key->count; i++) {
		const struct key_live *live = &key->versions[i];
		enum version_state state = key_live_state(key, live, op->now.wall);

		if (state == version_state_revoked || state == version_state_retired ||
		    !signed_by(key, live, content, claim))
			continue;
		op->note.version = live->times.version;
		return true;
	}
	return false;
}

static bool
in_time(const struct op *op, const struct webhook_claim *claim, int64_t tolerance)
{
	int64_t off = op->now.wall - claim->time;

	return claim->timestamp.p == NULL || (off <= tolerance && -off <= tolerance);
}

enum vault_err
webhook_verify(struct op *op, const struct key *key, const struct webhook_verify_req *req,
	       enum webhook_reason *reason)
{
	enum webhook_scheme scheme = (enum webhook_scheme)req->scheme.v;
	struct webhook_claim claim;
	struct content content;
	bool well_formed;

	TRY(require_algorithm(op, key, scheme));
	TRY(webhook_headers_read(op, scheme, req->headers, &claim, &well_formed));
	*reason = webhook_reason_malformed;
	if (!well_formed)
		return VAULT_OK;
	TRY(content_of(op, key, &claim, req->payload, &content));
	*reason = webhook_reason_signature;
	if (claim.n == 0 || !signed_by_any(op, key, &content, &claim))
		return VAULT_OK;
	op->note.id = claim.id;
	*reason = in_time(op, &claim, req->tolerance.v) ? webhook_reason_none
							: webhook_reason_timestamp;
	return VAULT_OK;
}
