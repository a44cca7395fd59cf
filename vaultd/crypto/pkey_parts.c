#include "vaultd/crypto/pkey_parts.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>
#include <string.h>

#include "vaultd/base/bytes.h"

#define CURVE "prime256v1"
#define RSA_SECRET_MAX (RSA_NUMBERS * (2 + RSA_BYTES_MAX))

const char *const pkey_rsa_names[RSA_NUMBERS] = {
	OSSL_PKEY_PARAM_RSA_N,	       OSSL_PKEY_PARAM_RSA_E,
	OSSL_PKEY_PARAM_RSA_D,	       OSSL_PKEY_PARAM_RSA_FACTOR1,
	OSSL_PKEY_PARAM_RSA_FACTOR2,   OSSL_PKEY_PARAM_RSA_EXPONENT1,
	OSSL_PKEY_PARAM_RSA_EXPONENT2, OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
};

bool
pkey_next_number(struct vault_bytes *list, struct vault_bytes *number)
{
	size_t len;

	if (list->len < 2)
		return false;
	len = get_be16(list->p);
	if (len > list->len - 2)
		return false;
	*number = (struct vault_bytes){ list->p + 2, len };
	list->p += 2 + len;
	list->len -= 2 + len;
	return true;
}

/* Appends a number of the key behind *len bytes. */
static enum vault_err
put_number(const EVP_PKEY *key, const char *name, uint8_t *out, size_t room, size_t *len)
{
	BIGNUM *number = NULL;
	enum vault_err err = VAULT_INVALID_PARAMS;
	size_t bytes;

	if (EVP_PKEY_get_bn_param(key, name, &number) != 1)
		return err;
	bytes = (size_t)BN_num_bytes(number);
	if (bytes > 0 && *len + 2 + bytes <= room) {
		put_be16(out + *len, (uint16_t)bytes);
		BN_bn2bin(number, out + *len + 2);
		*len += 2 + bytes;
		err = VAULT_OK;
	}
	BN_clear_free(number);
	return err;
}

/* A number as exactly so many bytes. */
static enum vault_err
put_padded(const EVP_PKEY *key, const char *name, uint8_t *out, int bytes)
{
	BIGNUM *number = NULL;
	bool done = EVP_PKEY_get_bn_param(key, name, &number) == 1 &&
		    BN_bn2binpad(number, out, bytes) == bytes;

	BN_clear_free(number);
	return done ? VAULT_OK : VAULT_INVALID_PARAMS;
}

enum vault_err
pkey_read_public(enum pkey_type type, const EVP_PKEY *key, struct pkey_pair *pair)
{
	pair->public_len = 0;
	if (type == PKEY_RSA) {
		for (unsigned i = 0; i < RSA_PUBLIC_NUMBERS; i++)
			TRY(put_number(key, pkey_rsa_names[i], pair->public_key,
				       sizeof pair->public_key, &pair->public_len));
		return VAULT_OK;
	}
	pair->public_key[0] = POINT_CONVERSION_UNCOMPRESSED;
	TRY(put_padded(key, OSSL_PKEY_PARAM_EC_PUB_X, pair->public_key + 1, P256_BYTES));
	TRY(put_padded(key, OSSL_PKEY_PARAM_EC_PUB_Y, pair->public_key + 1 + P256_BYTES,
		       P256_BYTES));
	pair->public_len = P256_POINT_BYTES;
	return VAULT_OK;
}

enum vault_err
pkey_read_secret(enum pkey_type type, const EVP_PKEY *key, struct arena *arena,
		 struct pkey_pair *pair)
{
	size_t len = 0;
	SECRET_LOCAL(whole);

	if (type == PKEY_P256) {
		TRY(secret_new(arena, P256_BYTES, &whole));
		TRY(put_padded(key, OSSL_PKEY_PARAM_PRIV_KEY, whole.p, P256_BYTES));
		secret_move(&pair->secret, &whole);
		return VAULT_OK;
	}
	TRY(secret_new(arena, RSA_SECRET_MAX, &whole));
	for (unsigned i = 0; i < RSA_NUMBERS; i++)
		TRY(put_number(key, pkey_rsa_names[i], whole.p, whole.len, &len));
	return secret_copy(arena, whole.p, len, &pair->secret);
}

/* What a key is made from, until it is made. */
struct parts {
	OSSL_PARAM_BLD *build;
	BIGNUM *numbers[RSA_NUMBERS];
	unsigned n;
};

static bool
parts_number(struct parts *parts, const char *name, struct vault_bytes number)
{
	BIGNUM *value = BN_bin2bn(number.p, (int)number.len, NULL);

	parts->numbers[parts->n++] = value;
	return value != NULL && OSSL_PARAM_BLD_push_BN(parts->build, name, value) == 1;
}

static bool
rsa_parts(struct parts *parts, struct vault_bytes list, unsigned count)
{
	struct vault_bytes number;

	for (unsigned i = 0; i < count; i++)
		if (!pkey_next_number(&list, &number) ||
		    !parts_number(parts, pkey_rsa_names[i], number))
			return false;
	return list.len == 0;
}

static bool
p256_parts(struct parts *parts, struct vault_bytes secret, struct vault_bytes public_key)
{
	if (public_key.len != P256_POINT_BYTES ||
	    OSSL_PARAM_BLD_push_utf8_string(parts->build, OSSL_PKEY_PARAM_GROUP_NAME, CURVE, 0) !=
		    1 ||
	    OSSL_PARAM_BLD_push_octet_string(parts->build, OSSL_PKEY_PARAM_PUB_KEY, public_key.p,
					     public_key.len) != 1)
		return false;
	return secret.p == NULL ||
	       (secret.len == P256_BYTES && parts_number(parts, OSSL_PKEY_PARAM_PRIV_KEY, secret));
}

static EVP_PKEY *
from_parts(enum pkey_type type, const struct parts *parts, bool pair)
{
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(parts->build);
	EVP_PKEY_CTX *context =
		EVP_PKEY_CTX_new_from_name(NULL, type == PKEY_RSA ? "RSA" : "EC", NULL);
	EVP_PKEY *key = NULL;

	if (params != NULL && context != NULL && EVP_PKEY_fromdata_init(context) == 1 &&
	    EVP_PKEY_fromdata(context, &key, pair ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY,
			      params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(context);
	OSSL_PARAM_free(params);
	return key;
}

EVP_PKEY *
pkey_make(enum pkey_type type, struct vault_bytes secret, struct vault_bytes public_key)
{
	struct parts parts = { .build = OSSL_PARAM_BLD_new() };
	EVP_PKEY *key = NULL;
	bool good = parts.build != NULL;

	if (good && type == PKEY_RSA)
		good = secret.p != NULL ? rsa_parts(&parts, secret, RSA_NUMBERS)
					: rsa_parts(&parts, public_key, RSA_PUBLIC_NUMBERS);
	else if (good)
		good = p256_parts(&parts, secret, public_key);
	if (good)
		key = from_parts(type, &parts, secret.p != NULL);
	for (unsigned i = 0; i < parts.n; i++)
		BN_clear_free(parts.numbers[i]);
	OSSL_PARAM_BLD_free(parts.build);
	return key;
}
