#include "vaultd/backup/backup_opener.h"

#include <string.h>

#include "vaultd/base/random.h"
#include "vaultd/crypto/half.h"

_Static_assert(BACKUP_NAME_MAX <= HALF_NAME_MAX, "an opener's name is a slot's");
_Static_assert((int)BACKUP_BY_PASSPHRASE == (int)HALF_BY_PASSPHRASE &&
		       (int)BACKUP_BY_KEYFILE == (int)HALF_BY_KEYFILE &&
		       (int)BACKUP_BY_SHARES == (int)HALF_BY_SHARES,
	       "what wraps a slot's private half wraps an opener's");

static struct vault_bytes
opener_ad(const struct backup_opener *opener, const uint8_t *store_id,
	  uint8_t ad[static HALF_AD_MAX])
{
	struct vault_text name = { opener->name, opener->name_len };

	return (struct vault_bytes){ ad, half_ad(store_id, opener->public_key, name, ad) };
}

enum vault_err
backup_opener_seal(struct backup_opener *opener, const struct secret *file_key)
{
	return box_seal(opener->public_key, (struct vault_bytes){ file_key->p, file_key->len },
			opener->file_key);
}

enum vault_err
backup_opener_passphrase(struct backup_opener *opener, const uint8_t store_id[static 16],
			 const struct backup_words *words, const struct secret *file_key)
{
	struct backup_opener made = { .by = BACKUP_BY_PASSPHRASE,
				      .memory = words->memory,
				      .passes = words->passes };
	struct half_wrap wrap = { HALF_BY_PASSPHRASE, made.salt, words->memory, words->passes };
	uint8_t ad[HALF_AD_MAX];
	struct vault_bytes bound;
	SECRET_LOCAL(half);
	SECRET_LOCAL(key);

	random_bytes(made.salt, sizeof made.salt);
	TRY(secret_new(file_key->arena, KDF_KEY_BYTES, &key));
	TRY(half_key(&wrap, words->passphrase, key.p));
	TRY(box_keypair(file_key->arena, made.public_key, &half));
	bound = opener_ad(&made, store_id, ad);
	aead_seal(key.p, made.private_key, bound, (struct vault_bytes){ half.p, half.len },
		  made.private_key + AEAD_NONCE_BYTES);
	TRY(backup_opener_seal(&made, file_key));
	*opener = made;
	return VAULT_OK;
}

static enum vault_err
private_half(const struct backup_header *header, const struct backup_opener *opener,
	     const struct backup_secret *secret, struct secret *half)
{
	const uint8_t *sealed = opener->private_key + AEAD_NONCE_BYTES;
	struct half_wrap wrap = { (enum half_by)opener->by, opener->salt, opener->memory,
				  opener->passes };
	uint8_t ad[HALF_AD_MAX];
	enum vault_err err;
	SECRET_LOCAL(key);

	if (opener->by == BACKUP_BY_IDENTITY) {
		if (secret->bytes.len != half->len)
			return VAULT_DENIED;
		memcpy(half->p, secret->bytes.p, half->len);
		return VAULT_OK;
	}
	TRY(secret_new(half->arena, KDF_KEY_BYTES, &key));
	err = half_key(&wrap, secret->bytes, key.p);
	/* Costs that no opener was ever made with are damage. */
	TRY(err == VAULT_INVALID_PARAMS ? VAULT_INTEGRITY : err);
	/* A wrong secret shows here, and looks the same as damage. */
	return aead_open(key.p, opener->private_key, opener_ad(opener, header->store_id, ad),
			 (struct vault_bytes){ sealed,
					       sizeof opener->private_key - AEAD_NONCE_BYTES },
			 half->p) == VAULT_OK
		       ? VAULT_OK
		       : VAULT_DENIED;
}

static enum vault_err
try_opener(const struct backup_header *header, const struct backup_opener *opener,
	   const struct backup_secret *secret, struct secret *file_key, struct backup_half *opened)
{
	struct vault_bytes sealed = { opener->file_key, sizeof opener->file_key };
	struct arena *arena = file_key->arena;
	SECRET_LOCAL(half);
	enum vault_err err;

	TRY(secret_new(arena, BOX_SECRET_BYTES, &half));
	TRY(private_half(header, opener, secret, &half));
	err = box_open(opener->public_key, &half, sealed, file_key->p);
	if (err == VAULT_OK) {
		memcpy(opened->public_key, opener->public_key, BOX_PUBLIC_BYTES);
		secret_move(&opened->secret, &half);
	}
	/* An identity that is another's cannot be told from damage. */
	return err == VAULT_INTEGRITY && opener->by == BACKUP_BY_IDENTITY ? VAULT_DENIED : err;
}

enum vault_err
backup_open(const struct backup_header *header, struct arena *arena,
	    const struct backup_secret *secret, struct secret *file_key)
{
	struct backup_half half = { 0 };
	enum vault_err err = backup_open_half(header, arena, secret, file_key, &half);

	secret_free(&half.secret);
	return err;
}

enum vault_err
backup_open_half(const struct backup_header *header, struct arena *arena,
		 const struct backup_secret *secret, struct secret *file_key,
		 struct backup_half *half)
{
	struct vault_text name = secret->name;
	enum vault_err err = VAULT_NOT_FOUND;
	SECRET_LOCAL(key);

	TRY(secret_new(arena, BACKUP_FILE_KEY_BYTES, &key));
	for (unsigned i = 0; i < header->opener_count; i++) {
		const struct backup_opener *opener = &header->openers[i];

		if (opener->by != (uint8_t)secret->by ||
		    (name.p != NULL &&
		     (name.len != opener->name_len || memcmp(name.p, opener->name, name.len) != 0)))
			continue;
		err = try_opener(header, opener, secret, &key, half);
		if (err != VAULT_DENIED)
			break;
	}
	TRY(err);
	secret_move(file_key, &key);
	return VAULT_OK;
}
