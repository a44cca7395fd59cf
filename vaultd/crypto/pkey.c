#include "vaultd/crypto/pkey.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

#include "vaultd/crypto/hash.h"
#include "vaultd/crypto/pkey_parts.h"

#define DER_SIGNATURE_MAX 80 /* of P-256; at most 72 bytes are used */

void
pkey_pair_free(struct pkey_pair *pair)
{
	secret_free(&pair->secret);
	*pair = (struct pkey_pair){ 0 };
}

void
pkey_free(struct pkey *pkey)
{
	EVP_PKEY_CTX_free(pkey->sign);
	EVP_PKEY_CTX_free(pkey->verify);
	EVP_PKEY_free(pkey->key);
	*pkey = (struct pkey){ 0 };
}

static bool
set_scheme(const struct pkey *pkey, EVP_PKEY_CTX *context)
{
	OSSL_PARAM digest[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, (char *)"SHA256", 0),
		OSSL_PARAM_construct_end(),
	};

	if (pkey->type == PKEY_RSA && EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) != 1)
		return false;
	return EVP_PKEY_CTX_set_params(context, digest) == 1;
}

static bool
prepare(struct pkey *pkey, bool signs)
{
	pkey->verify = EVP_PKEY_CTX_new_from_pkey(NULL, pkey->key, NULL);
	if (pkey->verify == NULL || EVP_PKEY_verify_init(pkey->verify) != 1 ||
	    !set_scheme(pkey, pkey->verify))
		return false;
	if (!signs)
		return true;
	pkey->sign = EVP_PKEY_CTX_new_from_pkey(NULL, pkey->key, NULL);
	return pkey->sign != NULL && EVP_PKEY_sign_init(pkey->sign) == 1 &&
	       set_scheme(pkey, pkey->sign);
}

enum vault_err
pkey_init(struct pkey *pkey, enum pkey_type type, struct vault_bytes secret,
	  struct vault_bytes public_key)
{
	*pkey = (struct pkey){ .type = type, .key = pkey_make(type, secret, public_key) };
	/* What came with a tenant's export nobody measured: a huge modulus would take a worker's time. */
	if (pkey->key != NULL && EVP_PKEY_get_bits(pkey->key) <= RSA_BITS_MAX &&
	    prepare(pkey, secret.p != NULL))
		return VAULT_OK;
	ERR_clear_error();
	pkey_free(pkey);
	return VAULT_INTEGRITY;
}

static void
hash_of(struct vault_bytes message, uint8_t hash[static SHA256_BYTES])
{
	struct sha256 h;

	sha256_start(&h);
	sha256_add(&h, message.p, message.len);
	sha256_end(&h, hash);
}

/* RFC 7518 section 3.4: both numbers as 32 bytes, not DER. */
static bool
from_der(const uint8_t *der, size_t len, uint8_t signature[static P256_SIGNATURE_BYTES])
{
	ECDSA_SIG *parts = d2i_ECDSA_SIG(NULL, &der, (long)len);
	bool done = parts != NULL &&
		    BN_bn2binpad(ECDSA_SIG_get0_r(parts), signature, P256_BYTES) == P256_BYTES &&
		    BN_bn2binpad(ECDSA_SIG_get0_s(parts), signature + P256_BYTES, P256_BYTES) ==
			    P256_BYTES;

	ECDSA_SIG_free(parts);
	return done;
}

/* 0 where it failed. */
static size_t
to_der(const uint8_t signature[static P256_SIGNATURE_BYTES], uint8_t der[static DER_SIGNATURE_MAX])
{
	ECDSA_SIG *parts = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(signature, P256_BYTES, NULL);
	BIGNUM *s = BN_bin2bn(signature + P256_BYTES, P256_BYTES, NULL);
	int len = 0;

	if (parts != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(parts, r, s) == 1) {
		len = i2d_ECDSA_SIG(parts, &der);
	} else {
		BN_free(r);
		BN_free(s);
	}
	ECDSA_SIG_free(parts);
	return len < 0 ? 0 : (size_t)len;
}

enum vault_err
pkey_sign(const struct pkey *pkey, struct vault_bytes message, uint8_t *signature, size_t *len)
{
	uint8_t hash[SHA256_BYTES], der[DER_SIGNATURE_MAX];
	bool p256 = pkey->type == PKEY_P256;
	size_t made = p256 ? sizeof der : RSA_BYTES_MAX;
	bool done;

	hash_of(message, hash);
	done = pkey->sign != NULL &&
	       EVP_PKEY_sign(pkey->sign, p256 ? der : signature, &made, hash, sizeof hash) == 1;
	if (done && p256) {
		done = from_der(der, made, signature);
		made = P256_SIGNATURE_BYTES;
	}
	if (!done) {
		ERR_clear_error();
		return VAULT_BUSY;
	}
	*len = made;
	return VAULT_OK;
}

bool
pkey_verify(const struct pkey *pkey, struct vault_bytes message, struct vault_bytes signature)
{
	uint8_t hash[SHA256_BYTES], der[DER_SIGNATURE_MAX];
	bool good;

	if (pkey->type == PKEY_P256) {
		if (signature.len != P256_SIGNATURE_BYTES)
			return false;
		signature = (struct vault_bytes){ der, to_der(signature.p, der) };
	}
	hash_of(message, hash);
	good = EVP_PKEY_verify(pkey->verify, signature.p, signature.len, hash, sizeof hash) == 1;
	if (!good)
		ERR_clear_error();
	return good;
}

/* libcrypto asks between the steps of a search for primes. */
static int
go_on(EVP_PKEY_CTX *context)
{
	const atomic_bool *cancel = EVP_PKEY_CTX_get_app_data(context);

	return cancel == NULL || !atomic_load(cancel);
}

static EVP_PKEY *
generate(const struct pkey_wanted *wanted)
{
	bool rsa = wanted->type == PKEY_RSA;
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, rsa ? "RSA" : "EC", NULL);
	EVP_PKEY *key = NULL;

	if (context != NULL && EVP_PKEY_keygen_init(context) == 1 &&
	    (rsa ? EVP_PKEY_CTX_set_rsa_keygen_bits(context, (int)wanted->bits)
		 : EVP_PKEY_CTX_set_group_name(context, "prime256v1")) == 1) {
		EVP_PKEY_CTX_set_app_data(context, (void *)(uintptr_t)wanted->cancel);
		EVP_PKEY_CTX_set_cb(context, go_on);
		if (EVP_PKEY_generate(context, &key) != 1)
			key = NULL;
	}
	EVP_PKEY_CTX_free(context);
	ERR_clear_error();
	return key;
}

enum vault_err
pkey_generate(const struct pkey_wanted *wanted, struct arena *arena, struct pkey_pair *pair)
{
	EVP_PKEY_LOCAL(key);

	key = generate(wanted);
	if (key == NULL)
		return VAULT_BUSY;
	if (pkey_read_public(wanted->type, key, pair) != VAULT_OK)
		return VAULT_INTERNAL;
	return pkey_read_secret(wanted->type, key, arena, pair);
}

bool
pkey_numbers(enum pkey_type type, struct vault_bytes public_key, struct vault_bytes *first,
	     struct vault_bytes *second)
{
	if (type == PKEY_RSA)
		return pkey_next_number(&public_key, first) &&
		       pkey_next_number(&public_key, second) && public_key.len == 0;
	if (public_key.len != P256_POINT_BYTES)
		return false;
	*first = (struct vault_bytes){ public_key.p + 1, P256_BYTES };
	*second = (struct vault_bytes){ public_key.p + 1 + P256_BYTES, P256_BYTES };
	return true;
}

unsigned
pkey_bits(enum pkey_type type, struct vault_bytes public_key)
{
	struct vault_bytes n, e;
	unsigned bits;

	if (type == PKEY_P256)
		return P256_BYTES * 8;
	if (!pkey_numbers(type, public_key, &n, &e) || n.len == 0)
		return 0;
	bits = (unsigned)n.len * 8;
	for (uint8_t top = n.p[0]; (top & 0x80) == 0 && bits > 0; top = (uint8_t)(top << 1))
		bits--;
	return bits;
}

enum vault_err
pkey_spki(enum pkey_type type, struct vault_bytes public_key, uint8_t der[static PKEY_SPKI_MAX],
	  size_t *len)
{
	const struct vault_bytes none = { 0 };
	unsigned char *made = NULL;
	int n;
	EVP_PKEY_LOCAL(key);

	key = pkey_make(type, none, public_key);
	n = key == NULL ? -1 : i2d_PUBKEY(key, &made);
	if (n > 0 && n <= PKEY_SPKI_MAX)
		memcpy(der, made, (size_t)n);
	OPENSSL_free(made);
	ERR_clear_error();
	if (n <= 0 || n > PKEY_SPKI_MAX)
		return VAULT_INTEGRITY;
	*len = (size_t)n;
	return VAULT_OK;
}
