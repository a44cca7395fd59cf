#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/text.h"
#include "vaultd/base/base64.h"
#include "vaultd/crypto/public_key.h"

const uint8_t spki_ed25519[SPKI_ED25519_PREFIX] = { 0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
						    0x2b, 0x65, 0x70, 0x03, 0x21, 0x00 };

#define PEM_LINE 64 /* characters of base64 in a line (RFC 7468 section 2) */

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

static bool
set_bytes(json_t *object, const char *name, struct vault_bytes bytes)
{
	char text[BASE64_LENGTH(RSA_BYTES_MAX)];
	size_t len;

	if (bytes.len > RSA_BYTES_MAX)
		return false;
	len = base64url_encode(bytes.p, bytes.len, text);
	return json_object_set_new(object, name, json_stringn(text, len)) == 0;
}

/* The members that are the key. */
static bool
set_key(json_t *object, enum signature_algorithm algorithm, struct vault_bytes public_key)
{
	struct vault_bytes first, second;

	if (algorithm == SIGNATURE_EDDSA)
		return json_object_set_new(object, "kty", json_string("OKP")) == 0 &&
		       json_object_set_new(object, "crv", json_string("Ed25519")) == 0 &&
		       set_bytes(object, "x", public_key);
	if (!pkey_numbers(signature_pkey_type(algorithm), public_key, &first, &second))
		return false;
	if (algorithm == SIGNATURE_RS256)
		return json_object_set_new(object, "kty", json_string("RSA")) == 0 &&
		       set_bytes(object, "n", first) && set_bytes(object, "e", second);
	return json_object_set_new(object, "kty", json_string("EC")) == 0 &&
	       json_object_set_new(object, "crv", json_string("P-256")) == 0 &&
	       set_bytes(object, "x", first) && set_bytes(object, "y", second);
}

static const char *
name_of(enum signature_algorithm algorithm)
{
	if (algorithm == SIGNATURE_EDDSA)
		return "EdDSA";
	return algorithm == SIGNATURE_ES256 ? "ES256" : "RS256";
}

enum vault_err
jwks_add(struct buf *out, enum signature_algorithm algorithm, struct vault_text kid,
	 struct vault_bytes public_key)
{
	json_t *object;
	enum vault_err err = VAULT_BUSY;

	if (!text_utf8(kid.p, kid.len))
		return VAULT_INVALID_PARAMS;
	object = json_pack("{s:s, s:s}", "use", "sig", "alg", name_of(algorithm));
	if (object == NULL)
		return VAULT_BUSY;
	if (set_key(object, algorithm, public_key) &&
	    (kid.len == 0 || json_object_set_new(object, "kid", json_stringn(kid.p, kid.len)) == 0))
		err = append_object(out, object);
	json_decref(object);
	return err;
}

static enum vault_err
spki(enum signature_algorithm algorithm, struct vault_bytes public_key,
     uint8_t der[static PKEY_SPKI_MAX], size_t *len)
{
	if (algorithm != SIGNATURE_EDDSA)
		return pkey_spki(signature_pkey_type(algorithm), public_key, der, len);
	if (public_key.len != ED25519_PUBLIC_BYTES)
		return VAULT_INTEGRITY;
	memcpy(der, spki_ed25519, sizeof spki_ed25519);
	memcpy(der + sizeof spki_ed25519, public_key.p, ED25519_PUBLIC_BYTES);
	*len = sizeof spki_ed25519 + ED25519_PUBLIC_BYTES;
	return VAULT_OK;
}

enum vault_err
pem_add(struct buf *out, enum signature_algorithm algorithm, struct vault_bytes public_key)
{
	char body[BASE64_PADDED_LENGTH(PKEY_SPKI_MAX)];
	uint8_t der[PKEY_SPKI_MAX];
	size_t der_len, len;

	TRY(spki(algorithm, public_key, der, &der_len));
	len = base64_encode_secret(der, der_len, body);
	TRY(buf_reserve(out, len + len / PEM_LINE + sizeof PEM_BEGIN + sizeof PEM_END + 3));
	TRY(append(out, PEM_BEGIN "\n"));
	for (size_t i = 0; i < len; i += PEM_LINE) {
		TRY(buf_append(out, body + i, len - i < PEM_LINE ? len - i : PEM_LINE));
		TRY(append(out, "\n"));
	}
	return append(out, PEM_END "\n");
}
