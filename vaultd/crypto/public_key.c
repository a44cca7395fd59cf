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
#define PEM_BEGIN "-----BEGIN PUBLIC KEY-----"
#define PEM_END "-----END PUBLIC KEY-----"

/*
 * What stands before the 32 bytes in a SubjectPublicKeyInfo of an Ed25519 key (RFC 8410 section 4,
 * DER).
 */
static const uint8_t spki_prefix[] = { 0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
				       0x2b, 0x65, 0x70, 0x03, 0x21, 0x00 };

/* What is read, and why it failed. */
struct reading {
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
take_point(struct reading *reading, const uint8_t point[static ED25519_PUBLIC_BYTES],
	   const char *kid)
{
	struct public_key *key;

	if (crypto_core_ed25519_is_valid_point(point) != 1)
		return refuse(reading, "the point is not on the curve or of small order");
	for (size_t i = 0; i < reading->n; i++)
		if (kid[0] != '\0' && strcmp(reading->keys[i].kid, kid) == 0)
			return refuse(reading, "two keys have the same kid");
	if (reading->n == PUBLIC_KEYS_MAX)
		return refuse(reading, "more than 32 keys");
	key = &reading->keys[reading->n++];
	memset(key, 0, sizeof *key);
	memcpy(key->ed25519, point, ED25519_PUBLIC_BYTES);
	memcpy(key->kid, kid, strlen(kid));
	return VAULT_OK;
}

/*
 * What the key says of its own use must allow verifying EdDSA (RFC 7517 section 4.2 to 4.4; RFC
 * 9864 section 2.2).
 */
static enum vault_err
check_purpose(struct reading *reading, const json_t *jwk)
{
	const json_t *use = json_object_get(jwk, "use"), *alg = json_object_get(jwk, "alg");
	const json_t *key_ops = json_object_get(jwk, "key_ops");

	if (use != NULL && !is_string(use, "sig"))
		return refuse(reading, "use is not sig");
	if (alg != NULL && !is_string(alg, "EdDSA") && !is_string(alg, "Ed25519"))
		return refuse(reading, "alg is not EdDSA");
	if (key_ops != NULL && !list_has(key_ops, "verify"))
		return refuse(reading, "key_ops does not have verify");
	return VAULT_OK;
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

static enum vault_err
read_ed25519(struct reading *reading, const json_t *jwk)
{
	const json_t *x = json_object_get(jwk, "x");
	uint8_t point[ED25519_PUBLIC_BYTES];
	const char *kid;
	size_t len;

	TRY(check_purpose(reading, jwk));
	TRY(read_kid(reading, jwk, &kid));
	if (!json_is_string(x) || json_string_length(x) != BASE64_LENGTH(ED25519_PUBLIC_BYTES) ||
	    !base64url_decode(json_string_value(x), json_string_length(x), point, &len))
		return refuse(reading, "x is not 32 bytes in base64url");
	return take_point(reading, point, kid);
}

/*
 * Keys of other types are passed over, but not if they are secret: whoever sent one should hear of
 * it.
 */
static enum vault_err
read_jwk(struct reading *reading, const json_t *jwk)
{
	const json_t *kty = json_object_get(jwk, "kty");

	if (!json_is_string(kty))
		return refuse(reading, "kty is missing");
	if (json_object_get(jwk, "d") != NULL || is_string(kty, "oct"))
		return refuse(reading, "a private or symmetric key");
	if (!is_string(kty, "OKP") || !is_string(json_object_get(jwk, "crv"), "Ed25519"))
		return VAULT_OK;
	return read_ed25519(reading, jwk);
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

/* A PEM may ask for a password; libcrypto would ask the terminal for it. */
static int
/* NOLINTNEXTLINE(readability-non-const-parameter): libcrypto gives the type */
no_password(char *out, int size, int writing, void *data)
{
	(void)out;
	(void)size;
	(void)writing;
	(void)data;
	return -1;
}

/* The raw bytes of the Ed25519 key in a PEM block. */
static bool
decode_pem(struct vault_text text, uint8_t point[static ED25519_PUBLIC_BYTES])
{
	BIO *bio = BIO_new_mem_buf(text.p, (int)text.len);
	EVP_PKEY *pkey = bio == NULL ? NULL : PEM_read_bio_PUBKEY(bio, NULL, no_password, NULL);
	size_t len = ED25519_PUBLIC_BYTES;
	bool good = pkey != NULL && EVP_PKEY_get_id(pkey) == EVP_PKEY_ED25519 &&
		    EVP_PKEY_get_raw_public_key(pkey, point, &len) == 1 &&
		    len == ED25519_PUBLIC_BYTES;

	EVP_PKEY_free(pkey);
	BIO_free(bio);
	ERR_clear_error();
	return good;
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
	uint8_t point[ED25519_PUBLIC_BYTES];
	size_t end = strlen(PEM_END);

	if (contains(text, "PRIVATE KEY"))
		return refuse(reading, "a private or symmetric key");
	if (text.len < end || memcmp(text.p + text.len - end, PEM_END, end) != 0 ||
	    contains(inside, PEM_BEGIN))
		return refuse(reading, "not one PEM public key");
	if (!decode_pem(text, point))
		return refuse(reading, "the PEM holds no Ed25519 key");
	return take_point(reading, point, "");
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
	return reading->n > 0 ? VAULT_OK : refuse(reading, "no Ed25519 key");
}

enum vault_err
public_keys_read(struct vault_text text, struct public_key keys[static PUBLIC_KEYS_MAX], size_t *n,
		 const char **why)
{
	struct public_key found[PUBLIC_KEYS_MAX] = { 0 };
	struct reading reading = { .keys = found };
	enum vault_err err = read_any(&reading, text);

	if (err != VAULT_OK) {
		*why = reading.why;
		return err;
	}
	memcpy(keys, found, reading.n * sizeof found[0]);
	*n = reading.n;
	return VAULT_OK;
}

static enum vault_err
append(struct buf *out, const char *s)
{
	return buf_append(out, s, strlen(s));
}

enum vault_err
jwks_start(struct buf *out)
{
	return append(out, "{\"keys\":[");
}

enum vault_err
jwks_end(struct buf *out)
{
	return append(out, "]}");
}

/* Appends a JSON object, or nothing. */
static enum vault_err
append_object(struct buf *out, const json_t *object)
{
	char *text = json_dumps(object, JSON_COMPACT);
	size_t before = buf_len(out);
	enum vault_err err;

	if (text == NULL)
		return VAULT_BUSY;
	err = before > 0 && buf_data(out)[before - 1] == '}' ? append(out, ",") : VAULT_OK;
	if (err == VAULT_OK)
		err = append(out, text);
	if (err != VAULT_OK)
		buf_truncate(out, before);
	free(text);
	return err;
}

enum vault_err
jwks_add_ed25519(struct buf *out, struct vault_text kid,
		 const uint8_t key[static ED25519_PUBLIC_BYTES])
{
	char x[BASE64_LENGTH(ED25519_PUBLIC_BYTES)];
	json_t *object;
	enum vault_err err;

	if (!text_utf8(kid.p, kid.len))
		return VAULT_INVALID_PARAMS;
	base64url_encode(key, ED25519_PUBLIC_BYTES, x);
	object = json_pack("{s:s, s:s, s:s, s:s, s:s%}", "kty", "OKP", "crv", "Ed25519", "use",
			   "sig", "alg", "EdDSA", "x", x, sizeof x);
	if (object == NULL)
		return VAULT_BUSY;
	if (kid.len > 0 && json_object_set_new(object, "kid", json_stringn(kid.p, kid.len)) != 0)
		err = VAULT_BUSY;
	else
		err = append_object(out, object);
	json_decref(object);
	return err;
}

enum vault_err
pem_ed25519(struct buf *out, const uint8_t key[static ED25519_PUBLIC_BYTES])
{
	uint8_t der[sizeof spki_prefix + ED25519_PUBLIC_BYTES];
	char body[BASE64_PADDED_LENGTH(sizeof der) + 1];

	memcpy(der, spki_prefix, sizeof spki_prefix);
	memcpy(der + sizeof spki_prefix, key, ED25519_PUBLIC_BYTES);
	body[base64_encode_secret(der, sizeof der, body)] = '\0';
	TRY(buf_reserve(out, sizeof body + 2 * sizeof PEM_BEGIN + 3));
	TRY(append(out, PEM_BEGIN "\n"));
	TRY(append(out, body));
	return append(out, "\n" PEM_END "\n");
}
