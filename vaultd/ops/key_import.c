#include <string.h>

#include "protocol/text.h"
#include "vaultd/base/base64.h"
#include "vaultd/core/key_change.h"
#include "vaultd/ops/ops.h"

/* What a request brings: one secret, or public keys that become one version each. */
struct brought {
	struct key_material material[PUBLIC_KEYS_MAX];
	size_t n;
	bool shared;	  /* came as whsec_, so its receiver knows it */
	bool verify_only; /* came without private halves */
};

static enum vault_err
exactly_one(struct op *op, const struct key_import_req *req)
{
	int given = (req->key.p != NULL) + (req->secret.p != NULL) + (req->public_.p != NULL);

	if (given == 1)
		return VAULT_OK;
	return op_fail(op, VAULT_INVALID_PARAMS,
		       given == 0		? "key"
		       : req->public_.p != NULL ? "public"
						: "secret",
		       "give exactly one of key, secret and public");
}

static enum vault_err
bring_hmac(struct op *op, const struct key_import_req *req, struct brought *brought)
{
	if (req->key.len < KEY_HMAC_MIN || req->key.len > KEY_HMAC_MAX)
		return op_fail(op, VAULT_INVALID_PARAMS, "key", "an HMAC key has 32 to 1024 bytes");
	brought->material[0].secret = req->key;
	return VAULT_OK;
}

static enum vault_err
bring_cipher(struct op *op, const struct key_import_req *req, struct brought *brought)
{
	if (req->key.len != KEY_CIPHER_BYTES)
		return op_fail(op, VAULT_INVALID_PARAMS, "key", "an XC20P key has 32 bytes");
	brought->material[0].secret = req->key;
	return VAULT_OK;
}

static enum vault_err
bring_seed(struct op *op, const struct key_import_req *req, struct brought *brought)
{
	struct ed25519_key pair = { 0 };
	struct vault_bytes public_key;
	enum vault_err err;

	if (req->key.len != ED25519_SEED_BYTES)
		return op_fail(op, VAULT_INVALID_PARAMS, "key", "an Ed25519 seed has 32 bytes");
	TRY(ed25519_from_seed(&pair, op->vault->arena, req->key.p));
	err = op_keep_bytes(op, (struct vault_bytes){ pair.public_key, ED25519_PUBLIC_BYTES },
			    &public_key);
	ed25519_free(&pair);
	TRY(err);
	brought->material[0].secret = req->key;
	brought->material[0].public_key = public_key;
	return VAULT_OK;
}

static enum vault_err
bring_shared(struct op *op, const struct key_import_req *req, struct key_edit *edit,
	     struct brought *brought)
{
	size_t prefix = sizeof KEY_SHARED_PREFIX - 1, len = 0;
	int64_t usage = edit->row.id != 0 ? edit->record.usage : req->usage.v;
	bool token = usage != key_usage_webhook && usage != key_usage_raw;

	if (req->algorithm != key_algorithm_HS256 && req->algorithm != key_algorithm_HS512)
		return op_fail(op, VAULT_INVALID_PARAMS, "secret",
			       "a shared secret is for HS256 and HS512");
	if (req->secret.len <= prefix || memcmp(req->secret.p, KEY_SHARED_PREFIX, prefix) != 0)
		return op_fail(op, VAULT_INVALID_PARAMS, "secret", "begins with whsec_");
	TRY(secret_new(op->vault->arena, req->secret.len, &edit->made));
	if (!base64_decode_secret(req->secret.p + prefix, req->secret.len - prefix, edit->made.p,
				  &len) ||
	    len < KEY_SHARED_MIN || len > KEY_SHARED_MAX)
		return op_fail(op, VAULT_INVALID_PARAMS, "secret",
			       "whsec_ is followed by base64 of 24 to 64 bytes");
	if (token && len < KEY_HMAC_MIN)
		return op_fail(op, VAULT_INVALID_PARAMS, "secret",
			       "a token key has at least 32 bytes");
	brought->material[0].secret = (struct vault_bytes){ edit->made.p, len };
	brought->shared = usage == key_usage_webhook;
	return VAULT_OK;
}

static enum vault_err
bring_public(struct op *op, const struct key_import_req *req, struct brought *brought)
{
	struct public_key *keys = scratch_alloc(op->scratch, PUBLIC_KEYS_MAX * sizeof *keys);
	const char *why = NULL;
	enum vault_err err;

	if (keys == NULL)
		return VAULT_BUSY;
	if (req->algorithm != key_algorithm_EdDSA)
		return op_fail(op, VAULT_INVALID_PARAMS, "public",
			       "a symmetric key has no public half");
	err = public_keys_read(req->public_, keys, &brought->n, &why);
	if (err == VAULT_INVALID_PARAMS)
		return op_fail(op, err, "public", why);
	TRY(err);
	brought->verify_only = true;
	for (size_t i = 0; i < brought->n; i++) {
		brought->material[i].public_key =
			(struct vault_bytes){ keys[i].ed25519, ED25519_PUBLIC_BYTES };
		if (keys[i].kid[0] != '\0')
			brought->material[i].kid = text_of(keys[i].kid);
	}
	return VAULT_OK;
}

static enum vault_err
bring(struct op *op, const struct key_import_req *req, struct key_edit *edit,
      struct brought *brought)
{
	brought->n = 1;
	TRY(exactly_one(op, req));
	if (req->public_.p != NULL)
		TRY(bring_public(op, req, brought));
	else if (req->secret.p != NULL)
		TRY(bring_shared(op, req, edit, brought));
	else if (req->algorithm == key_algorithm_EdDSA)
		TRY(bring_seed(op, req, brought));
	else if (req->algorithm == key_algorithm_XC20P)
		TRY(bring_cipher(op, req, brought));
	else
		TRY(bring_hmac(op, req, brought));
	if (req->kid.p == NULL)
		return VAULT_OK;
	if (brought->n > 1)
		return op_fail(op, VAULT_INVALID_PARAMS, "kid", "several keys cannot have one kid");
	brought->material[0].kid = req->kid;
	return VAULT_OK;
}

static enum vault_err
new_record(struct op *op, const struct key_import_req *req, const struct brought *brought,
	   struct key_edit *edit)
{
	struct key_settings settings = {
		.algorithm = req->algorithm,
		.usage = req->usage,
		.rotation_period = req->rotation_period,
		.overlap = req->overlap,
		.publish_ahead = req->publish_ahead,
		.shared = brought->shared,
		.verify_only = brought->verify_only,
	};

	return key_edit_new(op, req->name, &settings, edit);
}

/* A name that is there gains a version; what it is must stay what it was. */
static enum vault_err
known_record(struct op *op, const struct key_import_req *req, const struct brought *brought,
	     struct key_edit *edit)
{
	const struct key_record *record = &edit->record;

	if (record->algorithm != req->algorithm)
		return op_fail(op, VAULT_CONFLICT, "algorithm", "the key has another algorithm");
	if (req->usage.set && record->usage != req->usage.v)
		return op_fail(op, VAULT_CONFLICT, "usage", "the key is of another usage");
	if (record->verify_only != brought->verify_only)
		return op_fail(op, VAULT_CONFLICT, NULL, "a key either signs or only verifies");
	if (record->usage == key_usage_token && brought->material[0].secret.p != NULL &&
	    brought->material[0].secret.len < KEY_HMAC_MIN)
		return op_fail(op, VAULT_INVALID_PARAMS, "secret",
			       "a token key has at least 32 bytes");
	return VAULT_OK;
}

/* A JWKS that is imported again brings what is there already. */
static bool
brought_before(const struct key_edit *edit, const struct key_material *material)
{
	for (size_t i = 0; i < edit->loaded; i++) {
		struct vault_bytes there = edit->versions[i].public_key;

		if (material->secret.p == NULL && !edit->versions[i].revoked_at.set &&
		    text_equal(edit->versions[i].kid, material->kid) &&
		    there.len == material->public_key.len &&
		    memcmp(there.p, material->public_key.p, there.len) == 0)
			return true;
	}
	return false;
}

enum vault_err
op_key_import(struct op *op, const struct key_import_req *req, struct key_import_res *res)
{
	struct brought *brought = scratch_alloc(op->scratch, sizeof *brought);
	enum vault_err err;
	KEY_EDIT_LOCAL(edit);

	if (brought == NULL)
		return VAULT_BUSY;
	TRY(key_require_algorithm(op, req->algorithm));
	err = key_edit_open(op, req->name, &edit);
	if (err != VAULT_OK && err != VAULT_NOT_FOUND)
		return err;
	TRY(bring(op, req, &edit, brought));
	TRY(err == VAULT_OK ? known_record(op, req, brought, &edit)
			    : new_record(op, req, brought, &edit));
	for (size_t i = 0; i < brought->n; i++)
		if (!brought_before(&edit, &brought->material[i]))
			TRY(key_edit_add(op, &edit, &brought->material[i], op->now.wall));
	TRY(key_edit_write(op, &edit));
	res->name = req->name;
	res->algorithm = req->algorithm;
	res->usage = (int)edit.record.usage;
	res->version = edit.record.last_version;
	return VAULT_OK;
}
