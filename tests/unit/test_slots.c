#include "vaultd/core/slots.h"

#include <stdlib.h>

#include "tests/unit/lib/generic.h"
#include "tests/unit/lib/keys.h"
#include "vaultd/crypto/kdf.h"

#define PASSPHRASE "correct horse battery"
#define KEYFILE "0123456789abcdef0123456789abcdef"

/* The least that a passphrase may cost. */
static const struct slot_cost least = { KDF_MEMORY_MIN, KDF_PASSES_MIN };

static void
create(struct test_keys *t, enum slot_kind kind, const char *secret)
{
	struct slot_secret with = { .kind = kind, .bytes = test_bytes(secret) };
	struct slot_draft draft = { 0 };

	assert_ok(slot_draft_make(t->arena, &with, &least, &draft));
	assert_ok(slots_create(t->txn, &t->keyring, "initial", &draft, 1000));
	slot_draft_free(&draft);
}

static enum vault_err
try(struct test_keys *t, enum slot_kind kind, const char *secret, const char *slot)
{
	struct slot_secret with = { .kind = kind, .bytes = test_bytes(secret) };
	struct slot_opened opened = { 0 };
	enum vault_err err;

	if (slot != NULL)
		with.slot = text_of(slot);
	err = slots_open(t->txn, t->arena, &with, &opened);
	if (err == VAULT_OK) {
		assert_true(secret_equal(&opened.root, t->keyring.root.p, t->keyring.root.len));
		assert_int_equal(opened.generation, 1);
	} else {
		assert_null(opened.root.p);
	}
	secret_free(&opened.root);
	return err;
}

/*
 * Reads the table, lets it be changed, and writes it back as someone would who can write the file.
 */
static void
tamper(struct test_keys *t, void (*change)(struct slot_table *table, struct slot_record *slot))
{
	struct slot_table table;
	struct slot_record slots[2];
	struct scratch scratch;
	struct buf out = { 0 };

	assert_ok(scratch_init(&scratch, 65536, 0));
	assert_ok(slots_read(t->txn, &scratch, &table));
	assert_int_equal(table.slots.n, 1);
	slots[0] = slots[1] = table.slots.v[0];
	table.slots.v = slots;
	change(&table, slots);
	assert_ok(record_encode(slot_table_type(), &table, &out));
	assert_ok(meta_put(t->txn, "slots", (struct vault_bytes){ buf_data(&out), buf_len(&out) }));
	buf_free(&out);
	scratch_free(&scratch);
}

static void
test_key_file(void **state)
{
	struct test_keys *t = *state;

	create(t, SLOT_KEYFILE, KEYFILE);
	assert_ok(try(t, SLOT_KEYFILE, KEYFILE, NULL));
	assert_ok(try(t, SLOT_KEYFILE, KEYFILE, "initial"));
	assert_int_equal(try(t, SLOT_KEYFILE, KEYFILE "x", NULL), VAULT_DENIED);
	assert_int_equal(try(t, SLOT_KEYFILE, "x", NULL), VAULT_DENIED);
	assert_int_equal(try(t, SLOT_KEYFILE, KEYFILE, "other"), VAULT_NOT_FOUND);
	assert_int_equal(try(t, SLOT_KEYFILE, KEYFILE, "initia"), VAULT_NOT_FOUND);
	assert_int_equal(try(t, SLOT_PASSPHRASE, KEYFILE, NULL), VAULT_DENIED);
	assert_int_equal(try(t, SLOT_PASSPHRASE, KEYFILE, "initial"), VAULT_DENIED);
	assert_ok(slots_check(t->txn, &t->keyring));
}

static void
test_passphrase(void **state)
{
	struct test_keys *t = *state;

	create(t, SLOT_PASSPHRASE, PASSPHRASE);
	assert_ok(try(t, SLOT_PASSPHRASE, PASSPHRASE, NULL));
	assert_int_equal(try(t, SLOT_PASSPHRASE, "correct horse batterz", NULL), VAULT_DENIED);
	assert_int_equal(try(t, SLOT_KEYFILE, PASSPHRASE, NULL), VAULT_DENIED);
}

static void
test_costs_of_a_new_slot(void **state)
{
	static const struct slot_cost bad[] = {
		{ KDF_MEMORY_MIN - 1024, KDF_PASSES_MIN },
		{ KDF_MEMORY_MIN, KDF_PASSES_MIN - 1 },
		{ KDF_MEMORY_MAX + 1024, KDF_PASSES_MIN },
		{ KDF_MEMORY_MIN, KDF_PASSES_MAX + 1 },
		{ 0, 0 },
	};
	struct slot_secret secret = { .kind = SLOT_PASSPHRASE, .bytes = test_bytes(PASSPHRASE) };
	struct test_keys *t = *state;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct slot_draft draft = { 0 };

		assert_int_equal(slot_draft_make(t->arena, &secret, &bad[i], &draft),
				 VAULT_INVALID_PARAMS);
		assert_null(draft.key.p);
		slot_draft_free(&draft);
	}
}

static void
costs_huge(struct slot_table *table, struct slot_record *slot)
{
	(void)table;
	slot->memory = INT64_MAX;
}
static void
costs_negative(struct slot_table *table, struct slot_record *slot)
{
	(void)table;
	slot->memory = -1;
}
static void
costs_nothing(struct slot_table *table, struct slot_record *slot)
{
	(void)table;
	slot->memory = slot->passes = 0;
}
static void
costs_for_ever(struct slot_table *table, struct slot_record *slot)
{
	(void)table;
	slot->passes = INT64_MAX;
}

/*
 * Costs that were written into the file neither hang the daemon nor weaken the slot: the table is
 * damaged.
 */
static void
test_costs_read_from_disk(void **state)
{
	static void (*const changes[])(struct slot_table *,
				       struct slot_record *) = { costs_huge, costs_negative,
								 costs_nothing, costs_for_ever };
	struct test_keys *t = *state;

	create(t, SLOT_PASSPHRASE, PASSPHRASE);
	for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
		tamper(t, changes[i]);
		assert_int_equal(try(t, SLOT_PASSPHRASE, PASSPHRASE, NULL), VAULT_INTEGRITY);
	}
}

static void
no_change(struct slot_table *table, struct slot_record *slot)
{
	(void)table;
	(void)slot;
}
static void
another_name(struct slot_table *table, struct slot_record *slot)
{
	(void)table;
	slot->name = TEXT_LITERAL("mine");
}
static void
another_time(struct slot_table *table, struct slot_record *slot)
{
	(void)table;
	slot->created_at++;
}
static void
one_more(struct slot_table *table, struct slot_record *slot)
{
	slot[1].name = TEXT_LITERAL("another");
	table->slots.n = 2;
}
static void
none_left(struct slot_table *table, struct slot_record *slot)
{
	(void)slot;
	table->slots.n = 0;
}
static void
short_mac(struct slot_table *table, struct slot_record *slot)
{
	(void)slot;
	table->mac.len--;
}
static void
short_root(struct slot_table *table, struct slot_record *slot)
{
	(void)table;
	slot->root.len--;
}
static void
short_salt(struct slot_table *table, struct slot_record *slot)
{
	(void)table;
	slot->salt.len--;
}

/* Whoever has the right secret still sees that the table was changed. */
static void
test_tampered_tables(void **state)
{
	static void (*const changes[])(struct slot_table *, struct slot_record *) = {
		another_name, another_time, one_more, none_left, short_mac, short_root, short_salt
	};
	struct test_keys *t = *state;

	for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
		create(t, SLOT_KEYFILE, KEYFILE);
		tamper(t, no_change);
		assert_ok(slots_check(t->txn, &t->keyring));
		tamper(t, changes[i]);
		assert_int_equal(slots_check(t->txn, &t->keyring), VAULT_INTEGRITY);
	}
	/* The private half is bound to the slot's name, so a renamed one does not open either. */
	create(t, SLOT_KEYFILE, KEYFILE);
	tamper(t, another_name);
	assert_int_equal(try(t, SLOT_KEYFILE, KEYFILE, NULL), VAULT_DENIED);
	create(t, SLOT_KEYFILE, KEYFILE);
	tamper(t, short_root);
	assert_int_equal(try(t, SLOT_KEYFILE, KEYFILE, NULL), VAULT_INTEGRITY);
	create(t, SLOT_KEYFILE, KEYFILE);
	tamper(t, short_salt);
	assert_int_equal(try(t, SLOT_KEYFILE, KEYFILE, NULL), VAULT_INTEGRITY);
}

/* What the table says now, whatever its bytes. */
static bool
says_the_same(struct test_keys *t, const struct slot_table *before)
{
	struct slot_table table;
	struct scratch scratch;
	bool same;

	assert_ok(scratch_init(&scratch, 65536, 0));
	assert_ok(slots_read(t->txn, &scratch, &table));
	same = generic_difference(slot_table_type(), before, &table) == NULL;
	scratch_free(&scratch);
	return same;
}

/*
 * Any bit of the table's row: what it then says is not what is authentic, or it says the same in
 * other bytes.
 */
static void
test_every_bit(void **state)
{
	struct test_keys *t = *state;
	struct vault_bytes found;
	struct slot_table table;
	struct scratch scratch;
	uint8_t bytes[2048], original[2048];
	size_t len;

	create(t, SLOT_KEYFILE, KEYFILE);
	assert_ok(meta_get(t->txn, "slots", &found));
	len = found.len;
	assert_true(len < sizeof bytes);
	memcpy(bytes, found.p, len);
	memcpy(original, found.p, len);
	assert_ok(scratch_init(&scratch, 65536, 0));
	assert_ok(record_decode(slot_table_type(), (struct vault_bytes){ original, len }, &scratch,
				&table));
	for (size_t bit = 0; bit < 8 * len; bit++) {
		enum vault_err err, check;

		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_ok(meta_put(t->txn, "slots", (struct vault_bytes){ bytes, len }));
		err = try(t, SLOT_KEYFILE, KEYFILE, NULL);
		check = slots_check(t->txn, &t->keyring);
		assert_true(err == VAULT_OK || err == VAULT_DENIED || err == VAULT_INTEGRITY);
		assert_true(check == VAULT_INTEGRITY || check == VAULT_BUSY ||
			    (check == VAULT_OK && says_the_same(t, &table)));
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	scratch_free(&scratch);
}

static void
test_before_there_are_any(void **state)
{
	struct test_keys *t = *state;

	assert_int_equal(try(t, SLOT_KEYFILE, KEYFILE, NULL), VAULT_NOT_FOUND);
	assert_int_equal(slots_check(t->txn, &t->keyring), VAULT_NOT_FOUND);
}

static enum vault_err
load(struct test_keys *t, const uint8_t *root, uint32_t generation)
{
	struct keyring keyring = { 0 };
	enum vault_err err;
	SECRET_LOCAL(copy);

	assert_ok(secret_copy(t->arena, root, ROOT_KEY_BYTES, &copy));
	assert_ok(keyring_derive(&keyring, &copy, generation));
	err = keyring_load(&keyring, t->txn);
	if (err == VAULT_OK) {
		assert_true(secret_equal(&keyring.store.record, t->keyring.store.record.p,
					 AEAD_KEY_BYTES));
		assert_true(secret_equal(&keyring.store.name, t->keyring.store.name.p,
					 t->keyring.store.name.len));
		assert_memory_equal(keyring.store.store_id, t->keyring.store.store_id,
				    STORE_ID_BYTES);
	}
	keyring_free(&keyring);
	return err;
}

static void
test_keyring(void **state)
{
	struct test_keys *t = *state;
	uint8_t other[ROOT_KEY_BYTES], bytes[1024];
	struct vault_bytes found;
	size_t len;

	assert_ok(load(t, t->keyring.root.p, 1));
	assert_int_equal(load(t, t->keyring.root.p, 2), VAULT_INTEGRITY);
	memcpy(other, t->keyring.root.p, sizeof other);
	other[31] ^= 1;
	assert_int_equal(load(t, other, 1), VAULT_INTEGRITY);
	assert_ok(meta_get(t->txn, "store_wraps", &found));
	len = found.len;
	assert_true(len < sizeof bytes);
	memcpy(bytes, found.p, len);
	for (size_t bit = 0; bit < 8 * len; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_ok(meta_put(t->txn, "store_wraps", (struct vault_bytes){ bytes, len }));
		assert_int_equal(load(t, t->keyring.root.p, 1), VAULT_INTEGRITY);
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_ok(meta_put(t->txn, "store_wraps", (struct vault_bytes){ bytes, len }));
	assert_ok(load(t, t->keyring.root.p, 1));
}

/* A wrapped key opens for what it was wrapped for. */
static void
test_wraps(void **state)
{
	struct test_keys *t = *state;
	uint8_t key[ROOT_KEY_BYTES] = { 1 }, wrapped[WRAPPED_BYTES],
		other_id[STORE_ID_BYTES] = { 9 };
	struct wrap_use use = { "tenant key", 7, 2, t->keyring.store.store_id };
	struct wrap_use wrong[] = { use, use, use, use };
	struct vault_bytes bytes = { wrapped, sizeof wrapped };
	SECRET_LOCAL(out);

	key_wrap(&t->keyring.wrap, &use, key, wrapped);
	wrong[0].purpose = "tenant pepper";
	wrong[1].tenant = 8;
	wrong[2].generation = 3;
	wrong[3].store_id = other_id;
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(key_unwrap(&t->keyring.wrap, &wrong[i], bytes, t->arena, &out),
				 VAULT_INTEGRITY);
	assert_int_equal(key_unwrap(&t->keyring.audit_wrap, &use, bytes, t->arena, &out),
			 VAULT_INTEGRITY);
	bytes.len--;
	assert_int_equal(key_unwrap(&t->keyring.wrap, &use, bytes, t->arena, &out),
			 VAULT_INTEGRITY);
	bytes.len++;
	assert_null(out.p);
	assert_ok(key_unwrap(&t->keyring.wrap, &use, bytes, t->arena, &out));
	assert_true(secret_equal(&out, key, sizeof key));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, test_keys_setup, test_keys_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_key_file),
		TEST(test_passphrase),
		TEST(test_costs_of_a_new_slot),
		TEST(test_costs_read_from_disk),
		TEST(test_tampered_tables),
		TEST(test_every_bit),
		TEST(test_before_there_are_any),
		TEST(test_keyring),
		TEST(test_wraps),
	};

	return cmocka_run_group_tests_name("slots", tests, NULL, NULL);
}
