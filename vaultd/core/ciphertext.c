#include "vaultd/core/ciphertext.h"

#include <string.h>

#include "vaultd/base/bytes.h"
#include "vaultd/crypto/aead.h"

#define FORMAT 1
#define VERSION_AT 1
#define NONCE_AT 5
#define SEALED_AT (NONCE_AT + AEAD_NONCE_BYTES)
#define LENGTH_BYTES 8

static const char purpose[] = "vaultd crypto";

_Static_assert(SEALED_AT + AEAD_TAG_BYTES == CRYPTO_OVERHEAD, "what a ciphertext adds");
_Static_assert(KEY_CIPHER_BYTES == AEAD_KEY_BYTES, "key size");

static uint8_t *
put_part(uint8_t *at, const void *p, size_t n)
{
	at = put_be64(at, n);
	return n == 0 ? at : put_bytes(at, p, n);
}

/* head: format and version, as they stand before the nonce. */
static enum vault_err
associated_data(struct op *op, const struct ciphertext_use *use, const uint8_t *head,
		struct vault_bytes *ad)
{
	size_t most =
		4 * LENGTH_BYTES + sizeof purpose - 1 + NONCE_AT + KEY_ID_BYTES + use->context.len;
	uint8_t *p = scratch_room(op->scratch, most), *at = p;

	if (p == NULL)
		return VAULT_BUSY;
	at = put_part(at, purpose, sizeof purpose - 1);
	at = put_part(at, head, NONCE_AT);
	at = put_part(at, use->key->id, KEY_ID_BYTES);
	at = put_part(at, use->context.p, use->context.len);
	*ad = (struct vault_bytes){ p, (size_t)(at - p) };
	return VAULT_OK;
}

/* Seals what stands behind the head, where it stands; len: of the plaintext. */
static enum vault_err
seal_in_place(struct op *op, const struct ciphertext_use *use, const struct key_live *live,
	      uint8_t *out, size_t len)
{
	struct vault_bytes ad;

	out[0] = FORMAT;
	put_be32(out + VERSION_AT, live->times.version);
	TRY(associated_data(op, use, out, &ad));
	aead_seal(live->cipher.p, out + NONCE_AT, ad, (struct vault_bytes){ out + SEALED_AT, len },
		  out + SEALED_AT);
	op->note.version = live->times.version;
	return VAULT_OK;
}

enum vault_err
ciphertext_seal(struct op *op, const struct ciphertext_use *use, struct vault_bytes plain,
		struct vault_bytes *sealed)
{
	const struct key_live *live;
	uint8_t *out;

	TRY(key_signer(op, use->key, &live));
	out = scratch_room(op->scratch, plain.len + CRYPTO_OVERHEAD);
	if (out == NULL)
		return VAULT_BUSY;
	if (plain.len > 0)
		memcpy(out + SEALED_AT, plain.p, plain.len);
	TRY(seal_in_place(op, use, live, out, plain.len));
	*sealed = (struct vault_bytes){ out, plain.len + CRYPTO_OVERHEAD };
	return VAULT_OK;
}

static enum vault_err
not_ours(struct op *op)
{
	(void)op_fail(op, VAULT_INTEGRITY, "ciphertext",
		      "not a ciphertext of this key and context, or not as it was made");
	return VAULT_INTEGRITY;
}

/* The version that a ciphertext names, where the key has it and it may still decrypt. */
static enum vault_err
opener(struct op *op, const struct ciphertext_use *use, struct vault_bytes sealed,
       const struct key_live **live)
{
	enum vault_err err;
	uint32_t version;

	if (sealed.len < CRYPTO_OVERHEAD || sealed.p[0] != FORMAT)
		return not_ours(op);
	version = get_be32(sealed.p + VERSION_AT);
	if (version == 0)
		return not_ours(op);
	err = key_version(op, use->key, version, live);
	if (err == VAULT_NOT_FOUND)
		return not_ours(op);
	TRY(err);
	if ((*live)->times.revoked_at != 0)
		return op_fail(op, VAULT_CONFLICT, "ciphertext",
			       "the version of the key that made it is revoked");
	return VAULT_OK;
}

/* Opens to where out has room for the plaintext. */
static enum vault_err
open_to(struct op *op, const struct ciphertext_use *use, struct vault_bytes sealed, uint8_t *out)
{
	const struct key_live *live;
	struct vault_bytes ad, body;
	enum vault_err err;

	TRY(opener(op, use, sealed, &live));
	TRY(associated_data(op, use, sealed.p, &ad));
	body = (struct vault_bytes){ sealed.p + SEALED_AT, sealed.len - SEALED_AT };
	err = aead_open(live->cipher.p, sealed.p + NONCE_AT, ad, body, out);
	if (err == VAULT_INTEGRITY)
		return not_ours(op);
	op->note.version = live->times.version;
	return err;
}

enum vault_err
ciphertext_open(struct op *op, const struct ciphertext_use *use, struct vault_bytes sealed,
		struct vault_bytes *plain)
{
	uint8_t *out = scratch_room(op->scratch, sealed.len + 1);

	if (out == NULL)
		return VAULT_BUSY;
	TRY(open_to(op, use, sealed, out));
	*plain = (struct vault_bytes){ out, sealed.len - CRYPTO_OVERHEAD };
	return VAULT_OK;
}

enum vault_err
ciphertext_rewrap(struct op *op, const struct ciphertext_use *use, struct vault_bytes sealed,
		  struct vault_bytes *again)
{
	uint8_t *out = scratch_room(op->scratch, sealed.len + CRYPTO_OVERHEAD);
	const struct key_live *live;
	size_t len;

	if (out == NULL)
		return VAULT_BUSY;
	/* Before anything is opened: from there on nothing must fail but for want of memory. */
	TRY(key_signer(op, use->key, &live));
	TRY(open_to(op, use, sealed, out + SEALED_AT));
	len = sealed.len - CRYPTO_OVERHEAD;
	if (seal_in_place(op, use, live, out, len) != VAULT_OK) {
		secret_wipe(out + SEALED_AT, len);
		return VAULT_BUSY;
	}
	*again = (struct vault_bytes){ out, sealed.len };
	return VAULT_OK;
}
