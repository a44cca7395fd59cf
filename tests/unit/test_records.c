/* Every record's form in a row: what is written is read, and nothing that is read does harm. */
#include "vaultd/core/records.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/lib/generic.h"

#define assert_ok(expression) assert_int_equal((expression), VAULT_OK)
#define STRUCT_MAX 1024

static const struct object_type *(*const types[])(void) = {
#define RECORD_BEGIN(id) id##_type,
#define RECORD_END(id)
#include "protocol/ops_none.h"
#include "vaultd/core/records.def"
#undef RECORD_BEGIN
#undef RECORD_END
#include "protocol/ops_end.h"
};
#define TYPES (sizeof types / sizeof types[0])

static struct scratch scratch;

static int
setup(void **state)
{
	(void)state;
	return scratch_init(&scratch, 1 << 16, 16 << 20) == VAULT_OK ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	scratch_free(&scratch);
	return 0;
}

static void
encoded(const struct object_type *type, enum fill_mode mode, uint64_t seed, void *in,
	struct buf *out)
{
	struct fill fill = { &scratch, mode, seed + 1, 200, 5, 3 };

	assert_true(type->size <= STRUCT_MAX);
	fill_struct(&fill, type, in);
	assert_ok(record_encode(type, in, out));
}

static struct vault_bytes
held(const struct buf *b)
{
	return (struct vault_bytes){ buf_data(b), buf_len(b) };
}

static void
test_round_trip(void **state)
{
	(void)state;
	for (size_t i = 0; i < TYPES; i++) {
		for (uint64_t seed = 0; seed < 40; seed++) {
			_Alignas(16) uint8_t in[STRUCT_MAX], out[STRUCT_MAX];
			const struct object_type *type = types[i]();
			struct buf buf = { 0 };
			const char *differs;

			memset(out, 0xa5, sizeof out);
			encoded(type, seed < 3 ? (enum fill_mode)seed : FILL_RANDOM, seed, in,
				&buf);
			assert_ok(record_decode(type, held(&buf), &scratch, out));
			differs = generic_difference(type, in, out);
			if (differs != NULL)
				fail_msg("%s.%s is not what was written", type->name, differs);
			buf_free(&buf);
			scratch_reset(&scratch, false);
		}
	}
}

/* Fields of a newer build, at the end and in between, are passed over. */
static void
test_newer_fields(void **state)
{
	static const uint8_t newer[][6] = {
		{ 63, 0 }, { 63, 2, 'x', 'y' }, { 0x80, 0x10, 1, 'x' }, { 0, 1, 'x' }
	};
	static const size_t lengths[] = { 2, 4, 4, 3 };

	(void)state;
	for (size_t i = 0; i < TYPES; i++) {
		for (size_t j = 0; j < sizeof newer / sizeof newer[0]; j++) {
			_Alignas(16) uint8_t in[STRUCT_MAX], out[STRUCT_MAX];
			const struct object_type *type = types[i]();
			struct buf buf = { 0 };

			/* The very next number, and some further on. */
			const uint8_t next[] = { (uint8_t)(type->count + 1), 2, 'x', 'y' };

			assert_true(type->count < 63);
			assert_ok(buf_append(&buf, newer[j], lengths[j]));
			encoded(type, FILL_RANDOM, j, in, &buf);
			assert_ok(buf_append(&buf, next, sizeof next));
			assert_ok(buf_append(&buf, newer[j], lengths[j]));
			assert_ok(record_decode(type, held(&buf), &scratch, out));
			assert_null(generic_difference(type, in, out));
			buf_free(&buf);
			scratch_reset(&scratch, false);
		}
	}
}

/* What a record lacks reads as absent; which of it is an error is for its reader to say. */
static void
test_empty(void **state)
{
	(void)state;
	for (size_t i = 0; i < TYPES; i++) {
		_Alignas(16) uint8_t out[STRUCT_MAX];
		const struct object_type *type = types[i]();

		memset(out, 0xa5, sizeof out);
		assert_ok(record_decode(type, (struct vault_bytes){ (const uint8_t *)"", 0 },
					&scratch, out));
		for (size_t j = 0; j < type->size; j++)
			assert_int_equal(out[j], 0);
	}
}

/* A copy whose end is the memory's own, so that reading beyond it shows. */
static enum vault_err
decode_exact(const struct object_type *type, struct vault_bytes bytes)
{
	_Alignas(16) uint8_t out[STRUCT_MAX];
	uint8_t *copy = malloc(bytes.len == 0 ? 1 : bytes.len);
	enum vault_err err;

	assert_non_null(copy);
	memcpy(copy, bytes.p, bytes.len);
	err = record_decode(type, (struct vault_bytes){ copy, bytes.len }, &scratch, out);
	assert_true(err == VAULT_OK || err == VAULT_INTEGRITY || err == VAULT_BUSY);
	free(copy);
	scratch_reset(&scratch, false);
	return err;
}

/* Cuts within a field are refused; those between two fields are whole records. */
static void
test_cut_short(void **state)
{
	(void)state;
	for (size_t i = 0; i < TYPES; i++) {
		_Alignas(16) uint8_t in[STRUCT_MAX];
		const struct object_type *type = types[i]();
		struct buf buf = { 0 };
		unsigned refused = 0, taken = 0;

		encoded(type, FILL_HIGH, i, in, &buf);
		for (size_t cut = 0; cut < buf_len(&buf); cut++) {
			enum vault_err err =
				decode_exact(type, (struct vault_bytes){ buf_data(&buf), cut });

			taken += err == VAULT_OK;
			refused += err == VAULT_INTEGRITY;
		}
		assert_int_equal(taken, type->count);
		assert_int_equal(refused, buf_len(&buf) - type->count);
		buf_free(&buf);
	}
}

static void
test_bits_flipped(void **state)
{
	(void)state;
	for (size_t i = 0; i < TYPES; i++) {
		_Alignas(16) uint8_t in[STRUCT_MAX];
		const struct object_type *type = types[i]();
		struct buf buf = { 0 };

		encoded(type, FILL_RANDOM, i, in, &buf);
		for (size_t bit = 0; bit < 8 * buf_len(&buf); bit++) {
			buf_data(&buf)[bit / 8] ^= (uint8_t)(1 << bit % 8);
			(void)decode_exact(type, held(&buf));
			buf_data(&buf)[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		buf_free(&buf);
	}
}

static void
refused(const struct object_type *type, const void *bytes, size_t len)
{
	assert_int_equal(decode_exact(type, (struct vault_bytes){ bytes, len }), VAULT_INTEGRITY);
}

static void
test_lengths_that_lie(void **state)
{
	(void)state;
	refused(issuance_record_type(), "\x01", 1);
	refused(issuance_record_type(), "\x01\x02\x05", 3);
	refused(issuance_record_type(), "\x01\x02\x05\x05", 4);
	refused(issuance_record_type(), "\x01\x00", 2);
	refused(issuance_record_type(), "\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x05", 12);
	refused(issuance_record_type(), "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01\x01\x05", 13);
	refused(issuance_record_type(), "\x01\x0b\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 13);
	/*
	 * A list that claims more than there is, less than there is, and a nested record that is
	 * cut.
	 */
	refused(grant_record_type(), "\x04\x05\xff\xff\xff\xff\x0f", 7);
	refused(grant_record_type(), "\x04\x03\x02\x01*", 5);
	refused(grant_record_type(), "\x04\x03\x00\x01*", 5);
	refused(tenant_wraps_type(), "\x06\x03\x01\x01\x01", 5);
}

/* A list is bounded by the bytes behind it and by the scratch memory. */
static void
test_memory(void **state)
{
	_Alignas(16) uint8_t out[STRUCT_MAX];
	struct scratch small;
	struct buf buf = { 0 };
	uint8_t zeros[2000] = { 0x02 };

	(void)state;
	assert_ok(scratch_init(&small, 256, 0));
	/* slot_table's slots: 1900 empty records. */
	assert_ok(buf_append(&buf, "\x01\xee\x0e\xec\x0e", 5));
	assert_ok(buf_append(&buf, zeros + 1, 1900));
	assert_int_equal(record_decode(slot_table_type(), held(&buf), &small, out), VAULT_BUSY);
	assert_ok(record_decode(slot_table_type(), held(&buf), &scratch, out));
	assert_int_equal(((struct slot_table *)(void *)out)->slots.n, 1900);
	scratch_free(&small);
	buf_free(&buf);
	scratch_reset(&scratch, false);
}

/* The form is kept for ever: this row was written by the first build. */
static void
test_golden(void **state)
{
	static const uint8_t golden[] =
		"\x01\x04"
		"acme\x02\x01\x07\x03\x05\x80\x92\xb8\xc3\x06\x04\x01\x01\x06\x01\x80";
	struct tenant_record record = {
		.name = { "acme", 4 },
		.number = 7,
		.created_at = 1752041728,
		.state = 1,
		.labels = { (const uint8_t *)"\x80", 1 },
	};
	struct tenant_record read;
	struct buf buf = { 0 };

	(void)state;
	assert_ok(record_encode(tenant_record_type(), &record, &buf));
	assert_int_equal(buf_len(&buf), sizeof golden - 1);
	assert_memory_equal(buf_data(&buf), golden, sizeof golden - 1);
	assert_ok(record_decode(tenant_record_type(),
				(struct vault_bytes){ golden, sizeof golden - 1 }, &scratch,
				&read));
	assert_null(generic_difference(tenant_record_type(), &record, &read));
	assert_null(read.display_name.p);
	buf_free(&buf);
}

/* What its own build filled is within the bounds; each one crossed is told. */
static void
test_within(void **state)
{
	struct apikey_record key;
	struct secret_record secret;
	struct fill fill = { &scratch, FILL_LOW, 1, 200, 5, 3 };

	(void)state;
	for (size_t i = 0; i < TYPES; i++) {
		for (uint64_t seed = 0; seed < 12; seed++) {
			_Alignas(16) uint8_t in[STRUCT_MAX];
			struct buf buf = { 0 };

			encoded(types[i](), seed < 3 ? (enum fill_mode)seed : FILL_RANDOM, seed, in,
				&buf);
			assert_true(record_within(types[i](), in));
			buf_free(&buf);
			scratch_reset(&scratch, false);
		}
	}
	fill_struct(&fill, apikey_record_type(), &key);
	key.mac.len = 31;
	assert_false(record_within(apikey_record_type(), &key));
	key.mac = (struct vault_bytes){ 0 };
	assert_true(record_within(apikey_record_type(), &key));
	key.id = (struct vault_text){ 0 };
	assert_false(record_within(apikey_record_type(), &key));
	fill_struct(&fill, secret_record_type(), &secret);
	secret.created_at = -1;
	assert_false(record_within(secret_record_type(), &secret));
	secret.created_at = 0;
	secret.metadata = (struct vault_map){ (const uint8_t *)"\xdf\xff\xff\xff\xff", 5 };
	assert_false(record_within(secret_record_type(), &secret));
	secret.metadata = (struct vault_map){ (const uint8_t *)"\x80\xc0", 2 };
	assert_false(record_within(secret_record_type(), &secret));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),   cmocka_unit_test(test_newer_fields),
		cmocka_unit_test(test_empty),	     cmocka_unit_test(test_cut_short),
		cmocka_unit_test(test_bits_flipped), cmocka_unit_test(test_lengths_that_lie),
		cmocka_unit_test(test_memory),	     cmocka_unit_test(test_golden),
		cmocka_unit_test(test_within),
	};

	return cmocka_run_group_tests_name("records", tests, setup, teardown);
}
