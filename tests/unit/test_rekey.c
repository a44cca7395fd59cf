/*
 * What a new root key is made of, without a daemon: slots, the store's keys, tenants' keys, the
 * audit's wrapping keys.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/unit/lib/keys.h"
#include "vaultd/crypto/kdf.h"

#define KEYFILE "0123456789abcdef0123456789abcdef"
#define OTHER "another key file, which is as long"

static const struct slot_cost least = { KDF_MEMORY_MIN, KDF_PASSES_MIN };

static struct slot_draft
draft_of(struct test_keys *t, const struct slot_secret *secret)
{
	struct slot_draft draft = { 0 };

	assert_ok(slot_draft_make(t->arena, secret, &least, &draft));
	return draft;
}

static enum vault_err
put(struct test_keys *t, const char *name, const struct slot_secret *secret, bool replace)
{
	struct slot_draft draft = draft_of(t, secret);
	struct slot_put put = {
		.name = text_of(name), .draft = &draft, .now = 1000, .replace = replace
	};
	enum vault_err err = slots_put(&t->change, &t->keyring, &put);

	slot_draft_free(&draft);
	return err;
}

static enum vault_err
put_keyfile(struct test_keys *t, const char *name, const char *keyfile, bool replace)
{
	struct slot_secret secret = { .kind = SLOT_KEYFILE, .bytes = test_bytes(keyfile) };

	return put(t, name, &secret, replace);
}

static void
create(struct test_keys *t)
{
	struct slot_secret secret = { .kind = SLOT_KEYFILE, .bytes = test_bytes(KEYFILE) };
	struct slot_draft draft = draft_of(t, &secret);

	assert_ok(slots_create(t->txn, &t->keyring, "initial", &draft, 1000));
	slot_draft_free(&draft);
}

/* Opens by a key file; the root key that is found must be the keyring's, or its next one. */
static enum vault_err
open_by(struct test_keys *t, const char *keyfile, const char *slot, uint32_t *generation)
{
	struct slot_secret secret = { .kind = SLOT_KEYFILE, .bytes = test_bytes(keyfile) };
	struct slot_opened opened = { 0 };
	enum vault_err err;

	if (slot != NULL)
		secret.slot = text_of(slot);
	err = slots_open(t->txn, t->arena, &secret, &opened);
	if (err == VAULT_OK && generation != NULL)
		*generation = opened.generation;
	if (err == VAULT_OK)
		assert_true(secret_equal(&opened.root, t->keyring.root.p, ROOT_KEY_BYTES));
	secret_free(&opened.root);
	return err;
}

static void
test_adding_and_removing(void **state)
{
	struct test_keys *t = *state;
	char name[] = "slot-a";

	create(t);
	assert_int_equal(put_keyfile(t, "initial", OTHER, false), VAULT_EXISTS);
	assert_int_equal(put_keyfile(t, "none", OTHER, true), VAULT_NOT_FOUND);
	for (unsigned i = 1; i < SLOTS_MAX; i++, name[5]++)
		assert_ok(put_keyfile(t, name, OTHER, false));
	assert_int_equal(put_keyfile(t, "more", OTHER, false), VAULT_CONFLICT);
	assert_ok(put_keyfile(t, "slot-c", KEYFILE, true));
	assert_ok(slots_check(t->txn, &t->keyring));
	assert_ok(open_by(t, KEYFILE, "slot-c", NULL));
	assert_int_equal(open_by(t, OTHER, "slot-c", NULL), VAULT_DENIED);
	assert_int_equal(slots_remove(&t->change, &t->keyring, text_of("none")), VAULT_NOT_FOUND);
	for (name[5] = 'a'; name[5] < 'a' + SLOTS_MAX - 1; name[5]++)
		assert_ok(slots_remove(&t->change, &t->keyring, text_of(name)));
	assert_int_equal(slots_remove(&t->change, &t->keyring, text_of("initial")), VAULT_CONFLICT);
	assert_ok(open_by(t, KEYFILE, NULL, NULL));
	assert_ok(slots_check(t->txn, &t->keyring));
}

/* Each change of the table is in the hash that the audit has of the change. */
static void
test_changes_are_counted(void **state)
{
	struct test_keys *t = *state;
	unsigned before = t->change.count;

	create(t);
	assert_int_equal(t->change.count, before);
	assert_ok(put_keyfile(t, "other", OTHER, false));
	assert_int_equal(t->change.count, before + 1);
	assert_ok(slots_remove(&t->change, &t->keyring, text_of("other")));
	assert_int_equal(t->change.count, before + 2);
}

static void
test_a_new_root_key_for_every_slot(void **state)
{
	struct test_keys *t = *state;
	uint32_t generation = 0;
	SECRET_LOCAL(first);

	create(t);
	assert_ok(put_keyfile(t, "other", OTHER, false));
	assert_ok(secret_copy(t->arena, t->keyring.root.p, ROOT_KEY_BYTES, &first));
	assert_ok(keyring_next(&t->keyring));
	assert_ok(keyring_rewrap(&t->keyring, t->txn));
	assert_ok(slots_reseal(&t->change, &t->keyring));
	keyring_switch(&t->keyring);
	assert_false(secret_equal(&first, t->keyring.root.p, ROOT_KEY_BYTES));
	assert_int_equal(t->keyring.root_generation, 2);
	assert_null(t->keyring.next.root.p);
	assert_ok(slots_check(t->txn, &t->keyring));
	assert_ok(open_by(t, KEYFILE, "initial", &generation));
	assert_int_equal(generation, 2);
	assert_ok(open_by(t, OTHER, "other", &generation));
	assert_int_equal(generation, 2);
}

/* Somebody else's slot is never sealed a new root key, nor made a slot of ours. */
static void
test_a_foreign_slot_stops_it(void **state)
{
	struct test_keys *t = *state;
	struct vault_bytes bytes;
	uint8_t copy[4096];

	create(t);
	assert_ok(meta_get(t->txn, META_SLOTS, &bytes));
	assert_true(bytes.len < sizeof copy);
	memcpy(copy, bytes.p, bytes.len);
	for (size_t at = 0; at < bytes.len; at += 7) {
		copy[at] ^= 1;
		assert_ok(meta_put(t->txn, META_SLOTS, (struct vault_bytes){ copy, bytes.len }));
		assert_ok(keyring_next(&t->keyring));
		assert_int_not_equal(slots_reseal(&t->change, &t->keyring), VAULT_OK);
		keyring_drop_next(&t->keyring);
		assert_int_not_equal(put_keyfile(t, "other", OTHER, false), VAULT_OK);
		assert_int_not_equal(slots_remove(&t->change, &t->keyring, text_of("initial")),
				     VAULT_OK);
		copy[at] ^= 1;
	}
}

static void
test_tenants_keys(void **state)
{
	struct test_keys *t = *state;
	struct wrap_use use = { "tenant key", 7, 1, t->keyring.store.store_id };
	uint8_t wrapped[WRAPPED_BYTES], again[WRAPPED_BYTES];
	struct tenant_wrapped from = { 7, 1, { wrapped, sizeof wrapped } };
	struct tenant_wrapped to = { 7, 2, { again, sizeof again } };
	SECRET_LOCAL(key);
	SECRET_LOCAL(read);

	assert_ok(secret_random(t->arena, AEAD_KEY_BYTES, &key));
	key_wrap(&t->keyring.wrap, &use, key.p, wrapped);
	assert_ok(keyring_next(&t->keyring));
	assert_ok(keyring_rewrap_tenant(&t->keyring, &from, again));
	/* Between the commit and the switch both are good; afterwards the new one alone. */
	assert_ok(keyring_open_tenant(&t->keyring, &from, t->arena, &read));
	secret_free(&read);
	assert_ok(keyring_open_tenant(&t->keyring, &to, t->arena, &read));
	assert_true(secret_equal(&key, read.p, read.len));
	secret_free(&read);
	to.number = 8;
	assert_int_equal(keyring_open_tenant(&t->keyring, &to, t->arena, &read), VAULT_INTEGRITY);
	to.number = 7;
	keyring_switch(&t->keyring);
	assert_int_equal(keyring_open_tenant(&t->keyring, &from, t->arena, &read), VAULT_INTEGRITY);
	assert_ok(keyring_open_tenant(&t->keyring, &to, t->arena, &read));
	assert_true(secret_equal(&key, read.p, read.len));
	assert_int_equal(keyring_rewrap_tenant(&t->keyring, &from, again), VAULT_INTEGRITY);
}

static void
test_a_rekey_that_comes_to_nothing(void **state)
{
	struct test_keys *t = *state;
	SECRET_LOCAL(root);

	assert_ok(secret_copy(t->arena, t->keyring.root.p, ROOT_KEY_BYTES, &root));
	assert_ok(keyring_next(&t->keyring));
	keyring_drop_next(&t->keyring);
	keyring_switch(&t->keyring); /* nothing is there to go over to */
	assert_true(secret_equal(&root, t->keyring.root.p, ROOT_KEY_BYTES));
	assert_int_equal(t->keyring.root_generation, 1);
}

/* The keys of all root keys there were, the newest first, whatever they were wrapped under. */
static void
test_audit_keys(void **state)
{
	struct test_keys *t = *state;
	uint8_t due[20][KDF_KEY_BYTES];

	for (unsigned n = 0; n < 20; n++) {
		SECRET_LOCAL(keys);
		SECRET_LOCAL(next);

		memcpy(due[n], t->keyring.audit_wrap.p, KDF_KEY_BYTES);
		assert_ok(keyring_audit_keys(&t->keyring, t->txn, &keys));
		assert_int_equal(keys.len, (n + 1) * KDF_KEY_BYTES);
		for (unsigned i = 0; i <= n; i++)
			assert_memory_equal(keys.p + i * KDF_KEY_BYTES, due[n - i], KDF_KEY_BYTES);
		assert_ok(keyring_next(&t->keyring));
		assert_ok(keyring_rewrap_audit(&t->keyring, t->txn, n, &next));
		assert_int_equal(next.len, (n + 2) * KDF_KEY_BYTES);
		assert_memory_equal(next.p + KDF_KEY_BYTES, keys.p, keys.len);
		keyring_switch(&t->keyring);
	}
}

/* A store that has had as many root keys as there may be: all are read, and no other can be made. */
static void
test_as_many_audit_keys_as_there_may_be(void **state)
{
	struct test_keys *t = *state;
	struct audit_wrap *list = calloc(AUDIT_WRAPS_MAX, sizeof *list);
	uint8_t(*wrapped)[WRAPPED_BYTES] = calloc(AUDIT_WRAPS_MAX, WRAPPED_BYTES);
	struct audit_wraps wraps = { .keys = { list, AUDIT_WRAPS_MAX - 1 } };
	struct buf buf = { 0 };
	SECRET_LOCAL(keys);

	assert_non_null(list);
	assert_non_null(wrapped);
	t->keyring.root_generation = AUDIT_WRAPS_MAX;
	for (unsigned i = 0; i < AUDIT_WRAPS_MAX - 1; i++) {
		struct wrap_use use = { "audit wrapping key", 0, AUDIT_WRAPS_MAX - 1 - i,
					t->keyring.store.store_id };
		uint8_t key[KDF_KEY_BYTES] = { (uint8_t)i, (uint8_t)(i >> 8) };

		key_wrap(&t->keyring.wrap, &use, key, wrapped[i]);
		list[i] = (struct audit_wrap){ use.generation, 1, { wrapped[i], WRAPPED_BYTES } };
	}
	assert_ok(record_encode(audit_wraps_type(), &wraps, &buf));
	assert_ok(meta_put(t->txn, "audit_wraps",
			   (struct vault_bytes){ buf_data(&buf), buf_len(&buf) }));
	assert_ok(keyring_next(&t->keyring));
	assert_ok(keyring_rewrap_audit(&t->keyring, t->txn, 1, &keys));
	/* A block of the arena is a power of two. */
	assert_int_equal(keys.len, 512 * 1024);
	secret_free(&keys);
	keyring_switch(&t->keyring);
	assert_ok(keyring_audit_keys(&t->keyring, t->txn, &keys));
	assert_int_equal(keys.len, (AUDIT_WRAPS_MAX + 1) * KDF_KEY_BYTES);
	assert_int_equal(keys.p[2 * KDF_KEY_BYTES], 0);
	assert_int_equal(keys.p[(2 + 0x1234) * KDF_KEY_BYTES], 0x34);
	secret_free(&keys);
	assert_ok(keyring_next(&t->keyring));
	assert_int_equal(keyring_rewrap_audit(&t->keyring, t->txn, 1, &keys), VAULT_CONFLICT);
	buf_free(&buf);
	free(wrapped);
	free(list);
}

static void
test_damaged_audit_keys(void **state)
{
	struct test_keys *t = *state;
	struct vault_bytes bytes;
	uint8_t copy[256];
	SECRET_LOCAL(keys);

	assert_ok(keyring_next(&t->keyring));
	assert_ok(keyring_rewrap_audit(&t->keyring, t->txn, 1, &keys));
	secret_free(&keys);
	keyring_switch(&t->keyring);
	assert_ok(meta_get(t->txn, "audit_wraps", &bytes));
	assert_true(bytes.len < sizeof copy);
	memcpy(copy, bytes.p, bytes.len);
	copy[bytes.len - 1] ^= 1;
	assert_ok(meta_put(t->txn, "audit_wraps", (struct vault_bytes){ copy, bytes.len }));
	assert_int_equal(keyring_audit_keys(&t->keyring, t->txn, &keys), VAULT_INTEGRITY);
	copy[bytes.len - 1] ^= 1;
	assert_ok(meta_put(t->txn, "audit_wraps", (struct vault_bytes){ copy, bytes.len - 1 }));
	assert_int_equal(keyring_audit_keys(&t->keyring, t->txn, &keys), VAULT_INTEGRITY);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, test_keys_setup, test_keys_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_adding_and_removing),
		TEST(test_changes_are_counted),
		TEST(test_a_new_root_key_for_every_slot),
		TEST(test_a_foreign_slot_stops_it),
		TEST(test_tenants_keys),
		TEST(test_a_rekey_that_comes_to_nothing),
		TEST(test_audit_keys),
		TEST(test_as_many_audit_keys_as_there_may_be),
		TEST(test_damaged_audit_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
