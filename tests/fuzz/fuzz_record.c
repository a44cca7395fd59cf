/*
 * Rows as they come out of the store: the first byte says of which record, and what was read is
 * written and read again, and then written as it was.
 */
#include "tests/fuzz/seeds.h"
#include "tests/unit/lib/generic.h"
#include "vaultd/core/records.h"

#define SCRATCH_BYTES 65536
#define SCRATCH_LIMIT (4u << 20)
#define STRUCT_MAX 1024
#define SEEDS_EACH 4

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

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *directory = seeds_directory(*argc, *argv);

	FUZZ_CHECK(scratch_init(&scratch, SCRATCH_BYTES, SCRATCH_LIMIT) == VAULT_OK);
	for (unsigned i = 0; i < TYPES * SEEDS_EACH; i++) {
		struct fill fill = { &scratch, (enum fill_mode)(i % SEEDS_EACH), i + 1, 80, 3, 2 };
		_Alignas(16) uint8_t record[STRUCT_MAX];
		uint8_t type = (uint8_t)(i / SEEDS_EACH);
		struct buf out = { 0 };

		FUZZ_CHECK(types[type]()->size <= STRUCT_MAX);
		fill_struct(&fill, types[type](), record);
		FUZZ_CHECK(buf_append(&out, &type, 1) == VAULT_OK);
		FUZZ_CHECK(record_encode(types[type](), record, &out) == VAULT_OK);
		seed_write(directory, i, &out);
		buf_free(&out);
		scratch_reset(&scratch, false);
	}
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_Alignas(16) uint8_t record[STRUCT_MAX], again[STRUCT_MAX];
	const struct object_type *type;
	struct buf out = { 0 }, twice = { 0 };
	enum vault_err err;

	if (size == 0)
		return 0;
	type = types[data[0] % TYPES]();
	err = record_decode(type, (struct vault_bytes){ data + 1, size - 1 }, &scratch, record);
	FUZZ_CHECK(err == VAULT_OK || err == VAULT_INTEGRITY || err == VAULT_BUSY);
	if (err == VAULT_OK && record_encode(type, record, &out) == VAULT_OK) {
		err = record_decode(type, (struct vault_bytes){ buf_data(&out), buf_len(&out) },
				    &scratch, again);
		FUZZ_CHECK(err == VAULT_BUSY || err == VAULT_OK);
		/* Not behind the first, which again's texts stand in. */
		if (err == VAULT_OK)
			FUZZ_CHECK(record_encode(type, again, &twice) == VAULT_OK &&
				   buf_len(&twice) == buf_len(&out) &&
				   (buf_len(&out) == 0 ||
				    memcmp(buf_data(&twice), buf_data(&out), buf_len(&out)) == 0));
	}
	buf_free(&out);
	buf_free(&twice);
	scratch_reset(&scratch, false);
	return 0;
}
