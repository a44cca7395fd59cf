#include <string.h>

#include "protocol/text.h"
#include "vaultd/base/base64.h"
#include "vaultd/core/key_change.h"
#include "vaultd/core/prepared.h"
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
bring_seed(struct op *op, const struct key_import_req *req, struct key_edit *edit)
{
	struct ed25519_key key = { 0 };

	if (req->key.len != ED25519_SEED_BYTES)
		return op_fail(op, VAULT_INVALID_PARAMS, "key", "an Ed25519 seed has 32 bytes");
	TRY(secret_copy(op->vault->arena, req->key.p, req->key.len, &edit->made.secret));
	TRY(ed25519_from_seed(&key, op->vault->arena, req->key.p));
	memcpy(edit->made.public_key, key.public_key, ED25519_PUBLIC_BYTES);
	edit->made.public_len = ED25519_PUBLIC_BYTES;
	ed25519_free(&key);
	return VAULT_OK;
}

/* What the slow lane has tested is not tested again. */
static enum pkey_effort
effort_of(const struct op *op)
{
	return op->prepared != NULL && op->prepared->tested ? PKEY_QUICK : PKEY_THOROUGH;
}

static enum vault_err
bring_pkcs8(struct op *op, const struct key_import_req *req, struct key_edit *edit)
{
	struct pkey_task task = {
		.type = signature_pkey_type(key_signature_algorithm(req->algorithm)),
		.effort = effort_of(op),
	};
	enum vault_err err = pkey_import(&task, req->key, op->vault->arena, &edit->made);

	return err == VAULT_INVALID_PARAMS ? op_fail(op, err, "key", task.why) : err;
}

/* An asymmetric pair, from its private half. */
static enum vault_err
bring_pair(struct op *op, const struct key_import_req *req, struct key_edit *edit,
	   struct brought *brought)
{
	if (req->algorithm == key_algorithm_EdDSA)
		TRY(bring_seed(op, req, edit));
	else
		TRY(bring_pkcs8(op, req, edit));
	brought->material[0] = key_material_of(&edit->made);
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
	TRY(secret_new(op->vault->arena, req->secret.len, &edit->made.secret));
	if (!base64_decode_secret(req->secret.p + prefix, req->secret.len - prefix,
				  edit->made.secret.p, &len) ||
	    len < KEY_SHARED_MIN || len > KEY_SHARED_MAX)
		return op_fail(op, VAULT_INVALID_PARAMS, "secret",
			       "whsec_ is followed by base64 of 24 to 64 bytes");
	if (token && len < KEY_HMAC_MIN)
		return op_fail(op, VAULT_INVALID_PARAMS, "secret",
			       "a token key has at least 32 bytes");
	brought->material[0].secret = (struct vault_bytes){ edit->made.secret.p, len };
	brought->shared = usage == key_usage_webhook;
	return VAULT_OK;
}

static enum vault_err
bring_public(struct op *op, const struct key_import_req *req, struct brought *brought)
{
	struct public_key *keys = scratch_alloc(op->scratch, PUBLIC_KEYS_MAX * sizeof *keys);
	struct public_wanted wanted = { key_signature_algorithm(req->algorithm), effort_of(op) };
	const char *why = NULL;
	enum vault_err err;

	if (keys == NULL)
		return VAULT_BUSY;
	if (!key_asymmetric(req->algorithm))
		return op_fail(op, VAULT_INVALID_PARAMS, "public",
			       "a symmetric key has no public half");
	err = public_keys_read(&wanted, req->public_, keys, &brought->n, &why);
	if (err == VAULT_INVALID_PARAMS)
		return op_fail(op, err, "public", why);
	TRY(err);
	brought->verify_only = true;
	for (size_t i = 0; i < brought->n; i++) {
		brought->material[i].public_key =
			(struct vault_bytes){ keys[i].bytes, keys[i].len };
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
	else if (key_asymmetric(req->algorithm))
		TRY(bring_pair(op, req, edit, brought));
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

static int64_t
bits_made_like(const struct brought *brought)
{
	unsigned bits = pkey_bits(PKEY_RSA, brought->material[0].public_key);

	return bits - bits % RSA_BITS_STEP;
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

	TRY(key_edit_new(op, req->name, &settings, edit));
	/* Later versions that are made here are as long. */
	if (req->algorithm == key_algorithm_RS256)
		edit->record.bits = (struct vault_opt_int){ bits_made_like(brought), true };
	return VAULT_OK;
}

/* A name that is there gains a version; what it is must stay what it was. */
static enum vault_err
known_record(struct op *op, const struct key_import_req *req, const struct brought *brought,
	     struct key_edit *edit)
{
	const struct key_record *record = &edit->record;

	TRY(key_edit_require_kept(op, edit));
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
		    (there.len == 0 || memcmp(there.p, material->public_key.p, there.len) == 0))
			return true;
	}
	return false;
}

bool
slow_key_import(struct op *op, const struct key_import_req *req)
{
	(void)op;
	return signature_slow(key_signature_algorithm(req->algorithm)) && req->secret.p == NULL;
}

/* Only tests what is brought; it is read again where it is stored. */
enum vault_err
prepare_key_import(struct op *op, const struct key_import_req *req)
{
	struct brought *brought = scratch_alloc(op->scratch, sizeof *brought);
	KEY_EDIT_LOCAL(edit);

	if (brought == NULL)
		return VAULT_BUSY;
	TRY(bring(op, req, &edit, brought));
	if (op->prepared != NULL)
		op->prepared->tested = true;
	return VAULT_OK;
}

enum vault_err
op_key_import(struct op *op, const struct key_import_req *req, struct key_import_res *res)
{
	struct brought *brought = scratch_alloc(op->scratch, sizeof *brought);
	enum vault_err err;
	KEY_EDIT_LOCAL(edit);

	if (brought == NULL)
		return VAULT_BUSY;
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
