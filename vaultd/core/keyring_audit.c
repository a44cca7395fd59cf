/*
 * The audit's wrapping keys: the present root key's, derived, and those of the root keys before it,
 * kept in meta.
 */
#include <string.h>

#include "vaultd/core/keyring.h"
#include "vaultd/crypto/kdf.h"

#define META_AUDIT_WRAPS "audit_wraps"
#define WRAPS_SCRATCH (AUDIT_WRAPS_MAX * sizeof(struct audit_wrap) + 4096)

/* Bound to the generation of the root key that it came of; what it is wrapped under opens it. */
static struct wrap_use
old_use(const struct keyring *keyring, int64_t generation)
{
	return (struct wrap_use){ "audit wrapping key", 0, (uint32_t)generation,
				  keyring->store.store_id };
}

/* What meta has; none before the first rekey. */
static enum vault_err
read_wraps(struct txn *txn, struct scratch *scratch, struct audit_wraps *wraps)
{
	struct vault_bytes bytes;
	enum vault_err err = meta_get(txn, META_AUDIT_WRAPS, &bytes);

	*wraps = (struct audit_wraps){ 0 };
	if (err == VAULT_NOT_FOUND)
		return VAULT_OK;
	TRY(err);
	TRY(record_decode(audit_wraps_type(), bytes, scratch, wraps));
	return wraps->keys.n <= AUDIT_WRAPS_MAX ? VAULT_OK : VAULT_INTEGRITY;
}

/* out: as many keys as wraps has. */
static enum vault_err
open_wraps(const struct keyring *keyring, const struct audit_wraps *wraps, uint8_t *out)
{
	for (size_t i = 0; i < wraps->keys.n; i++) {
		const struct audit_wrap *old = &wraps->keys.v[i];
		struct wrap_use use = old_use(keyring, old->root_generation);
		SECRET_LOCAL(key);

		TRY(key_unwrap(&keyring->wrap, &use, old->wrapped, keyring->root.arena, &key));
		memcpy(out + i * KDF_KEY_BYTES, key.p, KDF_KEY_BYTES);
	}
	return VAULT_OK;
}

static enum vault_err
load(const struct keyring *keyring, struct txn *txn, struct scratch *scratch, struct secret *keys)
{
	struct audit_wraps wraps;
	SECRET_LOCAL(read);

	TRY(read_wraps(txn, scratch, &wraps));
	TRY(secret_new(keyring->root.arena, (wraps.keys.n + 1) * KDF_KEY_BYTES, &read));
	memcpy(read.p, keyring->audit_wrap.p, KDF_KEY_BYTES);
	TRY(open_wraps(keyring, &wraps, read.p + KDF_KEY_BYTES));
	secret_move(keys, &read);
	return VAULT_OK;
}

enum vault_err
keyring_audit_keys(const struct keyring *keyring, struct txn *txn, struct secret *keys)
{
	struct scratch scratch;
	enum vault_err err;

	TRY(scratch_init(&scratch, 4096, WRAPS_SCRATCH));
	err = load(keyring, txn, &scratch, keys);
	scratch_free(&scratch);
	return err;
}

/* The list behind a new first entry, all of it wrapped under the next root key. */
struct rewrapped {
	struct audit_wrap *v;
	uint8_t (*wrapped)[WRAPPED_BYTES];
};

static enum vault_err
put_wraps(const struct keyring *keyring, struct txn *txn, const struct secret *keys,
	  const struct rewrapped *list)
{
	struct audit_wraps wraps = { 0 };
	struct buf buf = { 0 };
	enum vault_err err;

	wraps.keys.v = list->v;
	wraps.keys.n = keys->len / KDF_KEY_BYTES - 1;
	for (size_t i = 0; i < wraps.keys.n; i++) {
		struct wrap_use use = old_use(keyring, list->v[i].root_generation);

		key_wrap(&keyring->next.wrap, &use, keys->p + (i + 1) * KDF_KEY_BYTES,
			 list->wrapped[i]);
		list->v[i].wrapped = (struct vault_bytes){ list->wrapped[i], WRAPPED_BYTES };
	}
	err = record_encode(audit_wraps_type(), &wraps, &buf);
	if (err == VAULT_OK)
		err = meta_put(txn, META_AUDIT_WRAPS,
			       (struct vault_bytes){ buf_data(&buf), buf_len(&buf) });
	buf_free(&buf);
	return err;
}

static enum vault_err
rewrap(const struct keyring *keyring, struct txn *txn, struct scratch *scratch,
       const struct audit_wrap *first, struct secret *keys)
{
	struct audit_wraps wraps;
	struct rewrapped list;
	SECRET_LOCAL(made);
	size_t n;

	TRY(read_wraps(txn, scratch, &wraps));
	n = wraps.keys.n + 1;
	if (n > AUDIT_WRAPS_MAX)
		return VAULT_CONFLICT;
	list.v = scratch_alloc(scratch, n * sizeof *list.v);
	list.wrapped = scratch_alloc(scratch, n * sizeof *list.wrapped);
	if (list.v == NULL || list.wrapped == NULL)
		return VAULT_BUSY;
	TRY(secret_new(keyring->root.arena, (n + 1) * KDF_KEY_BYTES, &made));
	memcpy(made.p, keyring->next.audit_wrap.p, KDF_KEY_BYTES);
	memcpy(made.p + KDF_KEY_BYTES, keyring->audit_wrap.p, KDF_KEY_BYTES);
	TRY(open_wraps(keyring, &wraps, made.p + 2 * KDF_KEY_BYTES));
	list.v[0] = *first;
	if (wraps.keys.n > 0)
		memcpy(list.v + 1, wraps.keys.v, wraps.keys.n * sizeof *list.v);
	TRY(put_wraps(keyring, txn, &made, &list));
	secret_move(keys, &made);
	return VAULT_OK;
}

enum vault_err
keyring_rewrap_audit(const struct keyring *keyring, struct txn *txn, uint64_t segment,
		     struct secret *keys)
{
	struct audit_wrap first = { .root_generation = keyring->root_generation,
				    .last_segment = (int64_t)segment };
	struct scratch scratch;
	enum vault_err err;

	TRY(scratch_init(&scratch, 4096, 2 * WRAPS_SCRATCH + AUDIT_WRAPS_MAX * WRAPPED_BYTES));
	err = rewrap(keyring, txn, &scratch, &first, keys);
	scratch_free(&scratch);
	return err;
}
