#include "vaultd/base/random.h"
#include "vaultd/core/ciphertext.h"
#include "vaultd/ops/ops.h"

static enum vault_err
use_of(struct op *op, struct vault_text name, struct vault_bytes context,
       struct ciphertext_use *use)
{
	use->context = context;
	TRY(key_get(op, "name", name, &use->key));
	return key_require_usage(op, use->key, key_usage_encrypt);
}

enum vault_err
op_crypto_encrypt(struct op *op, const struct crypto_encrypt_req *req,
		  struct crypto_encrypt_res *res)
{
	struct ciphertext_use use;

	TRY(use_of(op, req->name, req->context, &use));
	TRY(ciphertext_seal(op, &use, req->plaintext, &res->ciphertext));
	res->version = op->note.version;
	return VAULT_OK;
}

enum vault_err
op_crypto_decrypt(struct op *op, const struct crypto_decrypt_req *req,
		  struct crypto_decrypt_res *res)
{
	struct ciphertext_use use;

	TRY(use_of(op, req->name, req->context, &use));
	TRY(ciphertext_open(op, &use, req->ciphertext, &res->plaintext));
	res->version = op->note.version;
	return VAULT_OK;
}

enum vault_err
op_crypto_rewrap(struct op *op, const struct crypto_rewrap_req *req, struct crypto_rewrap_res *res)
{
	struct ciphertext_use use;

	TRY(use_of(op, req->name, req->context, &use));
	TRY(ciphertext_rewrap(op, &use, req->ciphertext, &res->ciphertext));
	res->version = op->note.version;
	return VAULT_OK;
}

enum vault_err
op_crypto_datakey(struct op *op, const struct crypto_datakey_req *req,
		  struct crypto_datakey_res *res)
{
	uint8_t *plain = scratch_room(op->scratch, CRYPTO_DATAKEY_MAX);
	struct ciphertext_use use;

	if (plain == NULL)
		return VAULT_BUSY;
	TRY(use_of(op, req->name, req->context, &use));
	random_bytes(plain, (size_t)req->bytes.v);
	res->plaintext = (struct vault_bytes){ plain, (size_t)req->bytes.v };
	TRY(ciphertext_seal(op, &use, res->plaintext, &res->ciphertext));
	res->version = op->note.version;
	return VAULT_OK;
}
