#include "vaultd/crypto/public_key.h"

#include <jansson.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/text.h"
#include "vaultd/base/base64.h"

#define PUBLIC_KEY_TEXT_MAX 65536 /* bytes of a JWK, JWKS or PEM that are looked at */
#define PEM_DER_MAX 1024	  /* bytes of a SubjectPublicKeyInfo; RSA of 4096 bits has 550 */

/* How a JWK of an algorithm looks, and what is said of one that does not. */
struct form {
	const char *kty, *crv; /* crv NULL: has none */
	const char *alg, *also_alg;
	const char *first, *second; /* members with the key's numbers; second NULL: has one */
	const char *wrong_alg, *wrong_member, *none, *no_pem;
};

static const struct form form_eddsa = {
	"OKP",
	"Ed25519",
	"EdDSA",
	"Ed25519", /* RFC 9864 section 2.2 */
	"x",
	NULL,
	"alg is not EdDSA",
	"x is not 32 bytes in base64url",
	"no Ed25519 key",
	"the PEM holds no Ed25519 key",
};
static const struct form form_es256 = {
	"EC",
	"P-256",
	"ES256",
	"ES256",
	"x",
	"y",
	"alg is not ES256",
	"x and y are not 32 bytes each in base64url",
	"no P-256 key",
	"the PEM holds no P-256 key",
};
static const struct form form_rs256 = {
	"RSA",
	NULL,
	"RS256",
	"RS256",
	"n",
	"e",
	"alg is not RS256",
	"n or e is not base64url of an RSA key of 2048 to 4096 bits",
	"no RSA key",
	"the PEM holds no RSA key",
};

static const struct form *
form_of(enum signature_algorithm algorithm)
{
	if (algorithm == SIGNATURE_EDDSA)
		return &form_eddsa;
	return algorithm == SIGNATURE_ES256 ? &form_es256 : &form_rs256;
}

/* What is read, and why it failed. */
struct reading {
	const struct public_wanted *wanted;
	const struct form *form;
	bool set; /* one of several keys */
	struct public_key *keys;
	size_t n;
	const char *why;
};

static enum vault_err
refuse(struct reading *reading, const char *why)
{
	reading->why = why;
	return VAULT_INVALID_PARAMS;
}

static bool
is_string(const json_t *value, const char *s)
{
	return json_is_string(value) && strcmp(json_string_value(value), s) == 0;
}

static bool
list_has(const json_t *list, const char *s)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (is_string(json_array_get(list, i), s))
			return true;
	return false;
}

static enum vault_err
take_key(struct reading *reading, struct vault_bytes bytes, const char *kid)
{
	struct public_key *key;

	for (size_t i = 0; i < reading->n; i++)
		if (kid[0] != '\0' && strcmp(reading->keys[i].kid, kid) == 0)
			return refuse(reading, "two keys have the same kid");
	if (reading->n == PUBLIC_KEYS_MAX)
		return refuse(reading, "more than 32 keys");
	key = &reading->keys[reading->n++];
	memset(key, 0, sizeof *key);
	memcpy(key->bytes, bytes.p, bytes.len);
	key->len = bytes.len;
	memcpy(key->kid, kid, strlen(kid));
	return VAULT_OK;
}

static enum vault_err
take_point(struct reading *reading, const uint8_t point[static ED25519_PUBLIC_BYTES],
	   const char *kid)
{
	if (crypto_core_ed25519_is_valid_point(point) != 1)
		return refuse(reading, "the point is not on the curve or of small order");
	return take_key(reading, (struct vault_bytes){ point, ED25519_PUBLIC_BYTES }, kid);
}

/*
 * What the key says of its own use must allow verifying with the algorithm (RFC 7517 section 4.2 to
 * 4.4); NULL where it does.
 */
static const char *
wrong_purpose(const struct form *form, const json_t *jwk)
{
	const json_t *use = json_object_get(jwk, "use"), *alg = json_object_get(jwk, "alg");
	const json_t *key_ops = json_object_get(jwk, "key_ops");

	if (use != NULL && !is_string(use, "sig"))
		return "use is not sig";
	if (alg != NULL && !is_string(alg, form->alg) && !is_string(alg, form->also_alg))
		return form->wrong_alg;
	if (key_ops != NULL && !list_has(key_ops, "verify"))
		return "key_ops does not have verify";
	return NULL;
}

static enum vault_err
read_kid(struct reading *reading, const json_t *jwk, const char **kid)
{
	const json_t *value = json_object_get(jwk, "kid");

	*kid = "";
	if (value == NULL)
		return VAULT_OK;
	if (!json_is_string(value) || json_string_length(value) > KID_MAX)
		return refuse(reading, "kid is not text of at most 256 bytes");
	*kid = json_string_value(value);
	return VAULT_OK;
}

/* A member with a number, at most max bytes of it. */
static bool
member_bytes(const json_t *jwk, const char *name, size_t max, uint8_t *out, size_t *len)
{
	const json_t *value = json_object_get(jwk, name);

	return json_is_string(value) && json_string_length(value) <= BASE64_LENGTH(max) &&
	       base64url_decode(json_string_value(value), json_string_length(value), out, len);
}

static struct pkey_task
task_of(const struct reading *reading)
{
	return (struct pkey_task){ .type = signature_pkey_type(reading->wanted->algorithm),
				   .effort = reading->wanted->effort,
				   .why = reading->why };
}

static enum vault_err
read_numbers(struct reading *reading, const json_t *jwk)
{
	uint8_t first[RSA_BYTES_MAX + 1], second[RSA_BYTES_MAX + 1];
	const struct form *form = reading->form;
	struct pkey_pair pair = { 0 };
	size_t first_len, second_len;
	struct pkey_task task;
	enum vault_err err;
	const char *kid;

	TRY(read_kid(reading, jwk, &kid));
	if (!member_bytes(jwk, form->first, sizeof first, first, &first_len))
		return refuse(reading, form->wrong_member);
	if (form->second == NULL)
		return first_len == ED25519_PUBLIC_BYTES ? take_point(reading, first, kid)
							 : refuse(reading, form->wrong_member);
	if (!member_bytes(jwk, form->second, sizeof second, second, &second_len))
		return refuse(reading, form->wrong_member);
	task = task_of(reading);
	err = pkey_from_numbers(&task, (struct vault_bytes){ first, first_len },
				(struct vault_bytes){ second, second_len }, &pair);
	reading->why = task.why;
	TRY(err);
	return take_key(reading, (struct vault_bytes){ pair.public_key, pair.public_len }, kid);
}

/*
 * Keys of other types are passed over, but not if they are secret: whoever sent one should hear of
 * it. So are keys of a set that are for something else, such as a peer's for encryption.
 */
static enum vault_err
read_jwk(struct reading *reading, const json_t *jwk)
{
	const json_t *kty = json_object_get(jwk, "kty");
	const struct form *form = reading->form;
	const char *wrong;

	if (!json_is_string(kty))
		return refuse(reading, "kty is missing");
	if (json_object_get(jwk, "d") != NULL || is_string(kty, "oct"))
		return refuse(reading, "a private or symmetric key");
	if (!is_string(kty, form->kty) ||
	    (form->crv != NULL && !is_string(json_object_get(jwk, "crv"), form->crv)))
		return VAULT_OK;
	wrong = wrong_purpose(form, jwk);
	if (wrong != NULL)
		return reading->set ? VAULT_OK : refuse(reading, wrong);
	return read_numbers(reading, jwk);
}

static enum vault_err
read_document(struct reading *reading, const json_t *document)
{
	const json_t *keys = json_object_get(document, "keys");

	if (!json_is_object(document))
		return refuse(reading, "neither a JWK, a JWKS nor a PEM public key");
	if (keys == NULL)
		return read_jwk(reading, document);
	if (!json_is_array(keys))
		return refuse(reading, "keys is not an array");
	reading->set = true;
	for (size_t i = 0; i < json_array_size(keys); i++)
		TRY(read_jwk(reading, json_array_get(keys, i)));
	return VAULT_OK;
}

static enum vault_err
read_json(struct reading *reading, struct vault_text text)
{
	json_error_t error;
	json_t *document = json_loadb(text.p, text.len, JSON_REJECT_DUPLICATES, &error);
	enum vault_err err;

	if (document == NULL && json_error_code(&error) == json_error_duplicate_key)
		return refuse(reading, "a member stands twice");
	if (document == NULL)
		return refuse(reading, "neither a JWK, a JWKS nor a PEM public key");
	err = read_document(reading, document);
	json_decref(document);
	return err;
}

/* The block's bytes; 0 where there are none. */
static size_t
decode_pem(struct vault_text text, uint8_t der[static PEM_DER_MAX])
{
	BIO *bio = BIO_new_mem_buf(text.p, (int)text.len);
	char *name = NULL, *header = NULL;
	unsigned char *data = NULL;
	long len = 0;

	/* A header would say that it is encrypted. */
	if (bio == NULL || PEM_read_bio(bio, &name, &header, &data, &len) != 1 ||
	    header[0] != '\0' || len > PEM_DER_MAX)
		len = 0;
	if (len > 0)
		memcpy(der, data, (size_t)len);
	OPENSSL_free(name);
	OPENSSL_free(header);
	OPENSSL_free(data);
	BIO_free(bio);
	ERR_clear_error();
	return (size_t)len;
}

static enum vault_err
take_spki(struct reading *reading, struct vault_bytes der)
{
	enum signature_algorithm algorithm = reading->wanted->algorithm;
	struct pkey_pair pair = { 0 };
	struct pkey_task task;
	enum vault_err err;

	if (algorithm == SIGNATURE_EDDSA) {
		if (der.len != sizeof spki_ed25519 + ED25519_PUBLIC_BYTES ||
		    memcmp(der.p, spki_ed25519, sizeof spki_ed25519) != 0)
			return refuse(reading, reading->form->no_pem);
		return take_point(reading, der.p + sizeof spki_ed25519, "");
	}
	reading->why = reading->form->no_pem;
	task = task_of(reading);
	err = pkey_import_public(&task, der, &pair);
	reading->why = task.why;
	TRY(err);
	return take_key(reading, (struct vault_bytes){ pair.public_key, pair.public_len }, "");
}

static bool
contains(struct vault_text text, const char *s)
{
	return memmem(text.p, text.len, s, strlen(s)) != NULL;
}

static struct vault_text
trim(struct vault_text text)
{
	while (text.len > 0 && strchr(" \t\r\n", text.p[0]) != NULL && text.p[0] != '\0') {
		text.p++;
		text.len--;
	}
	while (text.len > 0 && strchr(" \t\r\n", text.p[text.len - 1]) != NULL &&
	       text.p[text.len - 1] != '\0')
		text.len--;
	return text;
}

/*
 * One block and nothing around it: libcrypto would skip what it does not look for, a private key
 * too.
 */
static enum vault_err
read_pem(struct reading *reading, struct vault_text text)
{
	struct vault_text inside = { text.p + 1, text.len - 1 };
	size_t end = strlen(PEM_END), len;
	uint8_t der[PEM_DER_MAX];

	if (contains(text, "PRIVATE KEY"))
		return refuse(reading, "a private or symmetric key");
	if (text.len < end || memcmp(text.p + text.len - end, PEM_END, end) != 0 ||
	    contains(inside, PEM_BEGIN))
		return refuse(reading, "not one PEM public key");
	len = decode_pem(text, der);
	if (len == 0)
		return refuse(reading, reading->form->no_pem);
	return take_spki(reading, (struct vault_bytes){ der, len });
}

static enum vault_err
read_any(struct reading *reading, struct vault_text text)
{
	if (text.len > PUBLIC_KEY_TEXT_MAX)
		return refuse(reading, "longer than 65536 bytes");
	text = trim(text);
	if (text.len >= strlen("-----BEGIN ") &&
	    memcmp(text.p, "-----BEGIN ", strlen("-----BEGIN ")) == 0)
		TRY(read_pem(reading, text));
	else
		TRY(read_json(reading, text));
	return reading->n > 0 ? VAULT_OK : refuse(reading, reading->form->none);
}

enum vault_err
public_keys_read(const struct public_wanted *wanted, struct vault_text text,
		 struct public_key keys[static PUBLIC_KEYS_MAX], size_t *n, const char **why)
{
	struct public_key found[PUBLIC_KEYS_MAX] = { 0 };
	struct reading reading = { .wanted = wanted,
				   .form = form_of(wanted->algorithm),
				   .keys = found };
	enum vault_err err = read_any(&reading, text);

	if (err != VAULT_OK) {
		*why = reading.why;
		return err;
	}
	memcpy(keys, found, reading.n * sizeof found[0]);
	*n = reading.n;
	return VAULT_OK;
}
