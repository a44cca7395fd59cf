/* A row opens where it was sealed, as it was sealed, and nowhere else. */
#include "vaultd/core/sealed.h"

#include <stdlib.h>

#include "tests/unit/lib/keys.h"
#include "vaultd/crypto/aead.h"

static const struct tombstone_record record = { .name = { "name", 4 }, .deleted_at = 77 };

/* Seals the record under a name of the store's own tenant and gives a copy of the row. */
static struct row_key
seal(struct test_keys *t, const char *name, struct row *row, struct vault_bytes *sealed)
{
	struct row_key key = row_key_of(&t->keyring.store, ROW_PROFILE, test_bytes(name));
	struct vault_bytes found;
	uint8_t *copy;
	uint64_t id;

	row->key = key;
	row->version = 3;
	assert_ok(sealed_put(&t->change, &t->keyring.store, row, tombstone_record_type(), &record));
	assert_ok(row_find(t->txn, &key, &id, &found));
	assert_int_equal(id, row->id);
	copy = malloc(found.len);
	assert_non_null(copy);
	memcpy(copy, found.p, found.len);
	*sealed = (struct vault_bytes){ copy, found.len };
	return key;
}

static void
drop(struct vault_bytes bytes)
{
	free((void *)(uintptr_t)bytes.p);
}

static void
refuse(const struct row_keys *keys, const struct row_key *key, struct vault_bytes sealed)
{
	ROW_LOCAL(row);

	assert_int_equal(sealed_open(keys, key, sealed, &row), VAULT_INTEGRITY);
	assert_null(row.plain.p);
}

static void
test_put_and_find(void **state)
{
	struct test_keys *t = *state;
	struct tombstone_record read;
	struct vault_bytes sealed;
	struct row_key key;
	ROW_LOCAL(put);
	ROW_LOCAL(row);

	key = seal(t, "name", &put, &sealed);
	assert_ok(sealed_find(t->txn, &t->keyring.store, &key, &row));
	assert_int_equal(row.id, put.id);
	assert_int_equal(row.version, 3);
	assert_int_equal(row.revision, 1);
	assert_ok(record_decode(tombstone_record_type(),
				(struct vault_bytes){ row.plain.p, row.plain.len }, NULL, &read));
	assert_true(text_is(read.name, "name") && read.deleted_at == 77);
	/* Written again it is the same row, one revision on, and not the same bytes. */
	assert_ok(
		sealed_put(&t->change, &t->keyring.store, &row, tombstone_record_type(), &record));
	assert_int_equal(row.id, put.id);
	assert_ok(sealed_find(t->txn, &t->keyring.store, &key, &put));
	assert_int_equal(put.revision, 2);
	assert_int_equal(t->change.count, 2);
	assert_ok(sealed_delete(&t->change, &put));
	assert_int_equal(sealed_find(t->txn, &t->keyring.store, &key, &row), VAULT_NOT_FOUND);
	assert_int_equal(t->change.count, 3);
	drop(sealed);
}

static uint8_t *
add_part(uint8_t *p, const void *part, uint8_t len)
{
	*p++ = len;
	memcpy(p, part, len);
	return p + len;
}

/*
 * A row as it was written before heads were short: format, algorithm, key generation (2), version
 * (4), revision (8), nonce, ciphertext and tag. Gives its length.
 */
static size_t
seal_fixed(const struct row_keys *keys, const struct row_key *key, struct vault_bytes plain,
	   uint8_t *out)
{
	uint8_t head[16] = { 1, 1, (uint8_t)keys->generation, 0, 3, 0, 0, 0, 9 };
	const uint8_t tenant[4] = { (uint8_t)key->tenant };
	uint8_t ad[96], *p = ad;

	p = add_part(p, head, 2);
	p = add_part(p, keys->store_id, STORE_ID_BYTES);
	p = add_part(p, &key->kind, 1);
	p = add_part(p, tenant, 4);
	p = add_part(p, key->tag, ROW_TAG_BYTES);
	p = add_part(p, head + 4, 4);
	p = add_part(p, head + 2, 2);
	p = add_part(p, head + 8, 8);
	memcpy(out, head, sizeof head);
	aead_seal(keys->record.p, out + sizeof head, (struct vault_bytes){ ad, (size_t)(p - ad) },
		  plain, out + sizeof head + AEAD_NONCE_BYTES);
	return sizeof head + AEAD_NONCE_BYTES + plain.len + AEAD_TAG_BYTES;
}

static void
test_rows_of_the_first_format(void **state)
{
	struct test_keys *t = *state;
	const struct row_keys *keys = &t->keyring.store;
	struct row_key key = row_key_of(keys, ROW_PROFILE, test_bytes("old"));
	uint8_t bytes[128];
	struct vault_bytes sealed = { bytes, 0 }, plain;
	struct scratch scratch;
	ROW_LOCAL(row);

	assert_ok(scratch_init(&scratch, 256, 1024));
	sealed.len = seal_fixed(keys, &key, test_bytes("as it was"), bytes);
	assert_ok(sealed_open(keys, &key, sealed, &row));
	assert_int_equal(row.version, 3);
	assert_int_equal(row.revision, 9);
	assert_int_equal(row.plain.len, 9);
	assert_memory_equal(row.plain.p, "as it was", 9);
	assert_ok(sealed_open_plain(keys, sealed, &scratch, &row, &plain));
	assert_memory_equal(plain.p, "as it was", 9);
	scratch_free(&scratch);
	/* The same bytes under the other format are no row. */
	bytes[0] = 2;
	refuse(keys, &key, sealed);
}

/* Neither the name nor what stands in the record can be seen. */
static void
test_nothing_shows(void **state)
{
	struct test_keys *t = *state;
	struct vault_bytes sealed, again;
	struct row_key key;
	ROW_LOCAL(put);
	ROW_LOCAL(other);

	key = seal(t, "name", &put, &sealed);
	assert_null(memmem(sealed.p, sealed.len, "name", 4));
	assert_null(memmem(key.tag, sizeof key.tag, "name", 4));
	seal(t, "other", &other, &again);
	assert_int_equal(sealed.len, again.len);
	assert_memory_not_equal(sealed.p + 16, again.p + 16, 24);
	assert_memory_not_equal(sealed.p + 40, again.p + 40, sealed.len - 40);
	drop(sealed);
	drop(again);
}

/* A name has one tag in a tenant and kind, and another in each other. */
static void
test_tags(void **state)
{
	struct test_keys *t = *state;
	struct row_key a = row_key_of(&t->keyring.store, ROW_KEY, test_bytes("name"));
	struct row_key same = row_key_of(&t->keyring.store, ROW_KEY, test_bytes("name"));
	struct row_key kind = row_key_of(&t->keyring.store, ROW_PROFILE, test_bytes("name"));
	struct row_key name = row_key_of(&t->keyring.store, ROW_KEY, test_bytes("name2"));
	struct row_keys tenant = { .tenant = 9 };
	struct row_key elsewhere;

	assert_ok(secret_random(t->arena, AEAD_KEY_BYTES, &tenant.name));
	elsewhere = row_key_of(&tenant, ROW_KEY, test_bytes("name"));
	assert_memory_equal(a.tag, same.tag, sizeof a.tag);
	assert_memory_not_equal(a.tag, kind.tag, sizeof a.tag);
	assert_memory_not_equal(a.tag, name.tag, sizeof a.tag);
	assert_memory_not_equal(a.tag, elsewhere.tag, sizeof a.tag);
	assert_int_equal(elsewhere.tenant, 9);
	row_keys_free(&tenant);
}

static void
test_moved_to_another_place(void **state)
{
	struct test_keys *t = *state;
	struct vault_bytes sealed;
	struct row_key key, other;
	ROW_LOCAL(put);
	ROW_LOCAL(row);

	key = seal(t, "name", &put, &sealed);
	other = key;
	other.tenant++;
	refuse(&t->keyring.store, &other, sealed);
	other = key;
	other.kind = ROW_KEY;
	refuse(&t->keyring.store, &other, sealed);
	for (size_t i = 0; i < sizeof other.tag; i++) {
		other = key;
		other.tag[i] ^= 1;
		refuse(&t->keyring.store, &other, sealed);
	}
	assert_ok(sealed_open(&t->keyring.store, &key, sealed, &row));
	drop(sealed);
}

/* The same key bytes, but another store, or another generation of the tenant's key. */
static void
test_moved_to_other_keys(void **state)
{
	struct test_keys *t = *state;
	struct row_keys *keys = &t->keyring.store;
	struct vault_bytes sealed;
	struct row_key key;
	ROW_LOCAL(put);
	ROW_LOCAL(row);

	key = seal(t, "name", &put, &sealed);
	keys->store_id[3] ^= 1;
	refuse(keys, &key, sealed);
	keys->store_id[3] ^= 1;
	keys->generation++;
	refuse(keys, &key, sealed);
	keys->generation--;
	keys->record.p[0] ^= 1;
	refuse(keys, &key, sealed);
	keys->record.p[0] ^= 1;
	assert_ok(sealed_open(keys, &key, sealed, &row));
	drop(sealed);
}

/* Version, revision, generation, nonce, ciphertext and tag: no bit of a row can be changed. */
static void
test_every_bit(void **state)
{
	struct test_keys *t = *state;
	struct vault_bytes sealed;
	struct row_key key;
	uint8_t *bytes;
	ROW_LOCAL(put);
	ROW_LOCAL(row);

	key = seal(t, "name", &put, &sealed);
	bytes = (uint8_t *)(uintptr_t)sealed.p;
	for (size_t bit = 0; bit < 8 * sealed.len; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		refuse(&t->keyring.store, &key, sealed);
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	/* The generation in the row and the keys' own, moved together. */
	bytes[2] ^= 2;
	t->keyring.store.generation ^= 2;
	refuse(&t->keyring.store, &key, sealed);
	bytes[2] ^= 2;
	t->keyring.store.generation ^= 2;
	assert_ok(sealed_open(&t->keyring.store, &key, sealed, &row));
	drop(sealed);
}

static void
test_every_length(void **state)
{
	struct test_keys *t = *state;
	struct vault_bytes sealed;
	struct row_key key;
	uint8_t *longer;
	ROW_LOCAL(put);

	key = seal(t, "name", &put, &sealed);
	for (size_t len = 0; len < sealed.len; len++) {
		uint8_t *cut = malloc(len + 1);

		assert_non_null(cut);
		memcpy(cut, sealed.p, len);
		refuse(&t->keyring.store, &key, (struct vault_bytes){ cut, len });
		free(cut);
	}
	longer = calloc(1, sealed.len + 1);
	assert_non_null(longer);
	memcpy(longer, sealed.p, sealed.len);
	refuse(&t->keyring.store, &key, (struct vault_bytes){ longer, sealed.len + 1 });
	free(longer);
	drop(sealed);
}

/* The hash that goes into the audit tells apart what was written, where, and in which order. */
static void
test_hash_of_rows(void **state)
{
	struct test_keys *t = *state;
	uint8_t empty[SHA256_BYTES], one[SHA256_BYTES], both[SHA256_BYTES];
	struct vault_bytes sealed, again;
	struct sha256 copy;
	ROW_LOCAL(a);
	ROW_LOCAL(b);

	copy = t->change.rows;
	sha256_end(&copy, empty);
	seal(t, "a", &a, &sealed);
	copy = t->change.rows;
	sha256_end(&copy, one);
	seal(t, "b", &b, &again);
	copy = t->change.rows;
	sha256_end(&copy, both);
	assert_memory_not_equal(empty, one, sizeof one);
	assert_memory_not_equal(one, both, sizeof one);
	drop(sealed);
	drop(again);
}

/* What the keys become when a tenant is given a new record key: the old one opens, the new one seals. */
static void
add_generation(struct test_keys *t)
{
	struct row_keys *keys = &t->keyring.store;

	secret_move(&keys->other, &keys->record);
	keys->other_generation = keys->generation;
	keys->generation++;
	assert_ok(secret_random(t->arena, AEAD_KEY_BYTES, &keys->record));
}

static void
drop_old_generation(struct row_keys *keys)
{
	secret_free(&keys->other);
	keys->other_generation = 0;
}

static void
test_renew(void **state)
{
	struct test_keys *t = *state;
	struct row_keys *keys = &t->keyring.store;
	struct vault_bytes sealed, found;
	struct row_key key;
	bool renewed;
	ROW_LOCAL(put);
	ROW_LOCAL(row);

	key = seal(t, "name", &put, &sealed);
	add_generation(t);
	/* Opens as it was under the other key, is sealed again once, and then opens without it. */
	assert_ok(sealed_open(keys, &key, sealed, &row));
	assert_ok(sealed_renew(&t->change, keys, &put, sealed, &renewed));
	assert_true(renewed);
	assert_ok(row_read(t->txn, put.id, &found));
	assert_ok(sealed_renew(&t->change, keys, &put, found, &renewed));
	assert_false(renewed);
	drop_old_generation(keys);
	refuse(keys, &key, sealed);
	assert_ok(row_read(t->txn, put.id, &found));
	assert_ok(sealed_open(keys, &key, found, &row));
	assert_int_equal(row.version, 3);
	assert_int_equal(row.revision, put.revision + 1);
	assert_ok(row_find(t->txn, &key, &row.id, &found));
	assert_int_equal(row.id, put.id);
	drop(sealed);
}

static void
test_renew_refuses(void **state)
{
	struct test_keys *t = *state;
	struct row elsewhere = { 0 };
	struct vault_bytes sealed;
	bool renewed;
	ROW_LOCAL(put);

	(void)seal(t, "name", &put, &sealed);
	add_generation(t);
	elsewhere = (struct row){ .key = put.key, .id = put.id };
	elsewhere.key.tag[3] ^= 1;
	assert_int_equal(sealed_renew(&t->change, &t->keyring.store, &elsewhere, sealed, &renewed),
			 VAULT_INTEGRITY);
	sealed.len--;
	elsewhere.key = put.key;
	assert_int_equal(sealed_renew(&t->change, &t->keyring.store, &elsewhere, sealed, &renewed),
			 VAULT_INTEGRITY);
	drop(sealed);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, test_keys_setup, test_keys_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_put_and_find),
		TEST(test_rows_of_the_first_format),
		TEST(test_renew),
		TEST(test_renew_refuses),
		TEST(test_nothing_shows),
		TEST(test_tags),
		TEST(test_every_bit),
		TEST(test_moved_to_another_place),
		TEST(test_moved_to_other_keys),
		TEST(test_every_length),
		TEST(test_hash_of_rows),
	};

	return cmocka_run_group_tests_name("sealed", tests, NULL, NULL);
}
