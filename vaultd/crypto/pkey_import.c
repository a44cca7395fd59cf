/*
 * Keys that others made: read strictly, tested for what makes a key weak, and kept in the records'
 * own form, so that nothing of how they came is relied on later.
 */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <string.h>

#include "vaultd/base/bytes.h"
#include "vaultd/crypto/pkey_parts.h"

#define HALF_SLACK 16	 /* bits by which a prime may be shorter than half the modulus */
#define FERMAT_SLACK 100 /* FIPS 186-4 appendix B.3.1: |p - q| > 2^(bits/2 - 100) */

static enum vault_err
refuse(const char **why, const char *reason)
{
	ERR_clear_error();
	*why = reason;
	return VAULT_INVALID_PARAMS;
}

/* One DER value from the first byte to the last. */
static bool
der_whole(const uint8_t *p, size_t len)
{
	const unsigned char *at = p;
	long inside;
	int tag, class;

	if (len == 0 || len > INT32_MAX)
		return false;
	/* 0: definite length and not longer than what is there. */
	if ((ASN1_get_object(&at, &inside, &tag, &class, (long)len) & ~V_ASN1_CONSTRUCTED) != 0)
		return false;
	return (size_t)(at - p) + (size_t)inside == len;
}

/* RSA as such, or P-256 by its name: no parameters of one's own, no key bound to RSA-PSS. */
static bool
algorithm_fits(enum pkey_type type, const X509_ALGOR *algorithm)
{
	const ASN1_OBJECT *object;
	const void *parameters;
	int kind;

	X509_ALGOR_get0(&object, &kind, &parameters, algorithm);
	if (type == PKEY_RSA)
		return OBJ_obj2nid(object) == NID_rsaEncryption && kind == V_ASN1_NULL;
	return OBJ_obj2nid(object) == NID_X9_62_id_ecPublicKey && kind == V_ASN1_OBJECT &&
	       OBJ_obj2nid(parameters) == NID_X9_62_prime256v1;
}

static const char *
wrong_algorithm(enum pkey_type type)
{
	return type == PKEY_RSA ? "not an RSA key" : "not a key on the named curve P-256";
}

/* An OpenSSL test of the whole key, or of its public half. */
static bool
libcrypto_checks(EVP_PKEY *key, int (*test)(EVP_PKEY_CTX *))
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	bool good = context != NULL && test(context) == 1;

	EVP_PKEY_CTX_free(context);
	ERR_clear_error();
	return good;
}

static enum vault_err
check_rsa_public(const struct pkey_pair *pair, const char **why)
{
	struct vault_bytes public_key = { pair->public_key, pair->public_len }, n, e;
	unsigned bits = pkey_bits(PKEY_RSA, public_key);
	uint64_t exponent;

	if (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX ||
	    !pkey_numbers(PKEY_RSA, public_key, &n, &e))
		return refuse(why, "an RSA key has 2048 to 4096 bits");
	if (e.len > RSA_EXPONENT_BITS_MAX / 8)
		return refuse(why, "the exponent is longer than 64 bits");
	exponent = get_be(e.p, e.len);
	if (exponent < RSA_EXPONENT_MIN || exponent % 2 == 0)
		return refuse(why, "the exponent is even or below 65537");
	if (n.p[n.len - 1] % 2 == 0)
		return refuse(why, "the modulus is even");
	return VAULT_OK;
}

static bool
primes_fit(const BIGNUM *p, const BIGNUM *q, unsigned bits)
{
	int half = (int)bits / 2;
	BIGNUM *difference = BN_secure_new();
	bool fit = difference != NULL && BN_num_bits(p) >= half - HALF_SLACK &&
		   BN_num_bits(q) >= half - HALF_SLACK && BN_sub(difference, p, q) == 1 &&
		   BN_num_bits(difference) > half - FERMAT_SLACK;

	BN_clear_free(difference);
	return fit;
}

/* Two primes of about the same length, and not next to each other. */
static enum vault_err
check_primes(const EVP_PKEY *key, unsigned bits, const char **why)
{
	BIGNUM *p = NULL, *q = NULL, *third = NULL;
	enum vault_err err = VAULT_OK;

	if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_FACTOR3, &third) == 1)
		err = refuse(why, "an RSA key of more than two primes");
	else if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_FACTOR1, &p) != 1 ||
		 EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_FACTOR2, &q) != 1 ||
		 !primes_fit(p, q, bits))
		err = refuse(why, "the primes do not fit the key");
	BN_clear_free(p);
	BN_clear_free(q);
	BN_clear_free(third);
	ERR_clear_error();
	return err;
}

static enum vault_err
check_private(enum pkey_type type, EVP_PKEY *key, enum pkey_effort effort,
	      const struct pkey_pair *pair, const char **why)
{
	struct vault_bytes public_key = { pair->public_key, pair->public_len };

	if (type == PKEY_RSA) {
		TRY(check_rsa_public(pair, why));
		TRY(check_primes(key, pkey_bits(type, public_key), why));
		if (effort == PKEY_QUICK)
			return VAULT_OK;
	}
	if (!libcrypto_checks(key, EVP_PKEY_check))
		return refuse(why, "the parts of the key do not belong together");
	return VAULT_OK;
}

/* NULL, and why, where the bytes are not a key of that type. */
static EVP_PKEY *
decode_private(enum pkey_type type, struct vault_bytes der, const char **why)
{
	const unsigned char *at = der.p, *inside;
	PKCS8_PRIV_KEY_INFO *info;
	const X509_ALGOR *algorithm;
	EVP_PKEY *key = NULL;
	int len;

	*why = "not a PKCS#8 private key, DER and not encrypted";
	info = der_whole(der.p, der.len) ? d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)der.len) : NULL;
	if (info != NULL && PKCS8_pkey_get0(NULL, &inside, &len, &algorithm, info) == 1) {
		if (!algorithm_fits(type, algorithm))
			*why = wrong_algorithm(type);
		else if (der_whole(inside, (size_t)len))
			key = EVP_PKCS82PKEY(info);
	}
	PKCS8_PRIV_KEY_INFO_free(info);
	ERR_clear_error();
	return key;
}

enum vault_err
pkey_import(struct pkey_task *task, struct vault_bytes der, struct arena *arena,
	    struct pkey_pair *pair)
{
	enum pkey_type type = task->type;
	const char **why = &task->why;
	EVP_PKEY_LOCAL(key);

	key = decode_private(type, der, why);
	if (key == NULL)
		return VAULT_INVALID_PARAMS;
	if (pkey_read_public(type, key, pair) != VAULT_OK)
		return refuse(why, type == PKEY_RSA ? "an RSA key has 2048 to 4096 bits"
						    : wrong_algorithm(type));
	TRY(check_private(type, key, task->effort, pair, why));
	if (pkey_read_secret(type, key, arena, pair) != VAULT_OK)
		return pair->secret.p == NULL ? refuse(why, "parts of the key are missing")
					      : VAULT_BUSY;
	return VAULT_OK;
}

static enum vault_err
check_public(enum pkey_type type, EVP_PKEY *key, enum pkey_effort effort,
	     const struct pkey_pair *pair, const char **why)
{
	if (type == PKEY_RSA)
		TRY(check_rsa_public(pair, why));
	if (type == PKEY_RSA && effort == PKEY_QUICK)
		return VAULT_OK;
	if (!libcrypto_checks(key, EVP_PKEY_public_check))
		return refuse(why, type == PKEY_RSA ? "the modulus is no product of large primes"
						    : "the point is not on the curve");
	return VAULT_OK;
}

enum vault_err
pkey_import_public(struct pkey_task *task, struct vault_bytes der, struct pkey_pair *pair)
{
	enum pkey_type type = task->type;
	const char **why = &task->why;
	const unsigned char *at = der.p;
	X509_PUBKEY *info;
	X509_ALGOR *algorithm;
	bool fits;
	EVP_PKEY_LOCAL(key);

	info = der_whole(der.p, der.len) ? d2i_X509_PUBKEY(NULL, &at, (long)der.len) : NULL;
	if (info == NULL)
		return refuse(why, "not a SubjectPublicKeyInfo");
	X509_PUBKEY_get0_param(NULL, NULL, NULL, &algorithm, info);
	fits = algorithm_fits(type, algorithm);
	key = fits ? X509_PUBKEY_get(info) : NULL;
	X509_PUBKEY_free(info);
	if (key == NULL || pkey_read_public(type, key, pair) != VAULT_OK)
		return refuse(why, wrong_algorithm(type));
	return check_public(type, key, task->effort, pair, why);
}

static bool
put_numbers(enum pkey_type type, struct vault_bytes first, struct vault_bytes second,
	    struct pkey_pair *pair)
{
	uint8_t *out = pair->public_key;

	if (type == PKEY_P256) {
		if (first.len != P256_BYTES || second.len != P256_BYTES)
			return false;
		*out = 4; /* uncompressed */
		memcpy(out + 1, first.p, P256_BYTES);
		memcpy(out + 1 + P256_BYTES, second.p, P256_BYTES);
		pair->public_len = P256_POINT_BYTES;
		return true;
	}
	if (first.len == 0 || first.len > RSA_BYTES_MAX || first.p[0] == 0 || second.len == 0 ||
	    second.len > RSA_EXPONENT_BITS_MAX / 8 || second.p[0] == 0)
		return false;
	out = put_bytes(put_be16(out, (uint16_t)first.len), first.p, first.len);
	put_bytes(put_be16(out, (uint16_t)second.len), second.p, second.len);
	pair->public_len = 4 + first.len + second.len;
	return true;
}

enum vault_err
pkey_from_numbers(struct pkey_task *task, struct vault_bytes first, struct vault_bytes second,
		  struct pkey_pair *pair)
{
	enum pkey_type type = task->type;
	const char **why = &task->why;
	const struct vault_bytes none = { 0 };
	EVP_PKEY_LOCAL(key);

	if (!put_numbers(type, first, second, pair))
		return refuse(why, type == PKEY_RSA
					   ? "n or e is too long, or begins with a zero byte"
					   : "x and y are not 32 bytes each");
	key = pkey_make(type, none, (struct vault_bytes){ pair->public_key, pair->public_len });
	if (key == NULL)
		return refuse(why,
			      type == PKEY_RSA ? "no RSA key" : "the point is not on the curve");
	return check_public(type, key, task->effort, pair, why);
}
