#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/text.h"
#include "vaultd/core/certificate.h"
#include "vaultd/crypto/init.h"

struct fixture {
	struct arena *arena;
	struct ed25519_key key;
	struct certificate made;
	struct buf text;
};

static struct vault_text
text_in(const struct fixture *f)
{
	return (struct vault_text){ (const char *)buf_data(&f->text), buf_len(&f->text) };
}

static int
start(void **state)
{
	static struct fixture f;
	static const uint8_t seed[ED25519_SEED_BYTES] = { 7 };

	f = (struct fixture){ .made = { .store_id = { 0xab, 1, 2 },
					.tenant = TEXT_LITERAL("acme"),
					.number = 42,
					.erased_at = 1700000000,
					.more = TEXT_LITERAL("backup: 00ff at a time\n") } };
	*state = &f;
	if (crypto_init() != VAULT_OK || arena_open(65536, false, &f.arena) != VAULT_OK ||
	    ed25519_from_seed(&f.key, f.arena, seed) != VAULT_OK)
		return -1;
	return certificate_write(&f.key, &f.made, &f.text) == VAULT_OK ? 0 : -1;
}

static int
end(void **state)
{
	struct fixture *f = *state;

	buf_free(&f->text);
	ed25519_free(&f->key);
	arena_close(f->arena);
	return 0;
}

static void
test_form(void **state)
{
	static const char expected[] = "vaultd-erasure-1\n"
				       "store: ab010200000000000000000000000000\n"
				       "tenant: acme\n"
				       "number: 42\n"
				       "erased_at: 2023-11-14T22:13:20Z\n"
				       "backup: 00ff at a time\n"
				       "signature: ";
	const struct fixture *f = *state;

	assert_true(text_in(f).len == sizeof expected - 1 + 88 + 1);
	assert_memory_equal(text_in(f).p, expected, sizeof expected - 1);
}

static void
test_round_trip(void **state)
{
	const struct fixture *f = *state;
	struct certificate read;

	assert_int_equal(certificate_read(text_in(f), f->key.public_key, &read), VAULT_OK);
	assert_memory_equal(read.store_id, f->made.store_id, sizeof read.store_id);
	assert_true(text_equal(read.tenant, f->made.tenant));
	assert_int_equal(read.number, 42);
	assert_int_equal(read.erased_at, 1700000000);
	assert_true(text_equal(read.more, f->made.more));
}

static void
test_every_bit(void **state)
{
	const struct fixture *f = *state;
	struct certificate read;
	uint8_t *p = buf_data(&f->text);

	for (size_t i = 0; i < 8 * buf_len(&f->text); i++) {
		p[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_int_equal(certificate_read(text_in(f), f->key.public_key, &read),
				 VAULT_INTEGRITY);
		p[i / 8] ^= (uint8_t)(1 << i % 8);
	}
}

static void
test_cut_and_more(void **state)
{
	struct fixture *f = *state;
	struct vault_text text = text_in(f);
	struct certificate read;

	for (size_t n = 0; n < text.len; n++)
		assert_int_equal(certificate_read((struct vault_text){ text.p, n },
						  f->key.public_key, &read),
				 VAULT_INTEGRITY);
	assert_int_equal(buf_append(&f->text, "\n", 1), VAULT_OK);
	assert_int_equal(certificate_read(text_in(f), f->key.public_key, &read), VAULT_INTEGRITY);
}

static void
test_other_key(void **state)
{
	const struct fixture *f = *state;
	uint8_t other[ED25519_PUBLIC_BYTES];
	struct certificate read;

	memcpy(other, f->key.public_key, sizeof other);
	other[0] ^= 1;
	assert_int_equal(certificate_read(text_in(f), other, &read), VAULT_INTEGRITY);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_form, start, end),
		cmocka_unit_test_setup_teardown(test_round_trip, start, end),
		cmocka_unit_test_setup_teardown(test_every_bit, start, end),
		cmocka_unit_test_setup_teardown(test_cut_and_more, start, end),
		cmocka_unit_test_setup_teardown(test_other_key, start, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
