/*
 * What stands in a segment file. The first byte chooses: a block's header, a segment's header,
 * records as they are, or records sealed into a good block, which reaches what stands behind the
 * cipher.
 */
#include "tests/fuzz/seeds.h"
#include "vaultd/core/audit_block.h"
#include "vaultd/crypto/init.h"

#define ARENA_BYTES (1u << 20)

static struct arena *arena;
static struct secret key;

enum { AS_BLOCK, AS_HEADER, AS_RECORDS, AS_SEALED, AS_COUNT };

static void
seed_records(const char *directory)
{
	static const uint8_t jti[AUDIT_JTI_BYTES], hash[AUDIT_HASH_BYTES];

	for (uint8_t i = 0; i < 8; i++) {
		uint8_t as = i % 2 == 0 ? AS_RECORDS : AS_SEALED;
		struct audit_record rec = { .uid = 1000, .method = 7, .tenant = i };
		struct buf out = { 0 };

		if (i > 1)
			rec.jti = (struct vault_bytes){ jti, sizeof jti };
		if (i > 3)
			rec.row_hash = (struct vault_bytes){ hash, sizeof hash };
		if (i > 5)
			rec.tenant_name = rec.name = rec.actor = rec.source = rec.slot = rec.unit =
				(struct vault_text){ "text", 4 };
		FUZZ_CHECK(buf_append(&out, &as, 1) == VAULT_OK);
		for (uint8_t n = 0; n <= i / 2; n++)
			FUZZ_CHECK(audit_record_write(&out, &rec) == VAULT_OK);
		seed_write(directory, i, &out);
		buf_free(&out);
	}
}

static struct audit_opener
opener(void)
{
	static const uint8_t store_id[AUDIT_STORE_ID_BYTES] = { 1 };

	return (struct audit_opener){ .arena = arena, .wrap_key = &key, .store_id = store_id };
}

/* Seals records as a block of that many; returns it. */
static uint8_t *
sealed(struct vault_bytes records, uint32_t count, struct audit_block *block)
{
	uint8_t hash[SHA256_BYTES] = { 0 }, *out = malloc(audit_block_length(records.len));

	FUZZ_CHECK(out != NULL);
	*block = (struct audit_block){ .count = count, .number = 1, .first_seq = 1 };
	audit_block_seal(&key, block, records, out, hash);
	return out;
}

static void
seed_blocks(const char *directory)
{
	struct audit_opener with = opener();
	struct audit_header header = { .segment = 3, .first_seq = 9 };
	struct audit_slot_rows rows = { .count = 1 };
	uint8_t bytes[AUDIT_HEADER_MAX], as = AS_HEADER;
	struct audit_record rec = { .uid = 1 };
	struct buf records = { 0 }, out = { 0 };
	struct audit_block block;
	uint8_t *made;

	audit_header_write(&with, &rows, &key, &header, bytes);
	FUZZ_CHECK(buf_append(&out, &as, 1) == VAULT_OK &&
		   buf_append(&out, bytes, header.length) == VAULT_OK);
	seed_write(directory, 100, &out);
	buf_free(&out);
	FUZZ_CHECK(audit_record_write(&records, &rec) == VAULT_OK);
	made = sealed((struct vault_bytes){ buf_data(&records), buf_len(&records) }, 1, &block);
	as = AS_BLOCK;
	FUZZ_CHECK(buf_append(&out, &as, 1) == VAULT_OK &&
		   buf_append(&out, made, block.length) == VAULT_OK);
	seed_write(directory, 101, &out);
	free(made);
	buf_free(&out);
	buf_free(&records);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const uint8_t same[AEAD_KEY_BYTES] = { 7 };
	const char *directory = seeds_directory(*argc, *argv);

	FUZZ_CHECK(crypto_init() == VAULT_OK && arena_open(ARENA_BYTES, false, &arena) == VAULT_OK);
	/* A fixed key, so that a seed is a good one in every run. */
	FUZZ_CHECK(secret_copy(arena, same, sizeof same, &key) == VAULT_OK);
	seed_records(directory);
	seed_blocks(directory);
	return 0;
}

/* How many whole records the bytes are; 0 where they are not. */
static uint32_t
read_records(struct vault_bytes bytes)
{
	struct audit_record rec;
	uint32_t n = 0;
	size_t used;

	while (bytes.len > 0) {
		struct audit_recovered undone;
		struct audit_lost lost;
		struct buf again = { 0 };

		if (audit_record_read(bytes, &rec, &used) != VAULT_OK)
			return 0;
		FUZZ_CHECK(used <= bytes.len && used >= AUDIT_RECORD_FIXED &&
			   audit_record_length(bytes) == used);
		(void)!audit_record_recovered(&rec, &undone);
		(void)!audit_record_lost(&rec, &lost);
		FUZZ_CHECK(audit_record_write(&again, &rec) == VAULT_OK &&
			   buf_len(&again) <= AUDIT_RECORD_MAX);
		buf_free(&again);
		bytes.p += used;
		bytes.len -= used;
		n++;
	}
	return n;
}

static void
open_block(const uint8_t *bytes, size_t len)
{
	uint8_t hash[SHA256_BYTES] = { 0 }, *records;
	struct audit_block block;

	if (len < AUDIT_BLOCK_HEADER || audit_block_read(bytes, &block) != VAULT_OK ||
	    block.length > len)
		return;
	FUZZ_CHECK(block.length >= AUDIT_BLOCK_OVERHEAD + AUDIT_RECORD_FIXED);
	records = malloc(block.length - AUDIT_BLOCK_OVERHEAD);
	FUZZ_CHECK(records != NULL);
	(void)audit_block_chained(&block, bytes, hash);
	(void)!audit_block_open(&key, &block, bytes, records);
	free(records);
}

static void
open_sealed(struct vault_bytes records)
{
	uint32_t count = read_records(records);
	uint8_t *opened = malloc(records.len + 1);
	struct audit_block block;
	uint8_t *bytes = sealed(records, count == 0 ? 1 : count, &block);
	enum vault_err err = audit_block_open(&key, &block, bytes, opened);

	FUZZ_CHECK(opened != NULL && err == (count > 0 ? VAULT_OK : VAULT_INTEGRITY));
	open_block(bytes, block.length);
	free(bytes);
	free(opened);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct audit_opener with = opener();
	struct vault_bytes rest = { data + 1, size - 1 };
	struct audit_header header;
	SECRET_LOCAL(opened);

	if (size == 0)
		return 0;
	switch (data[0] % AS_COUNT) {
	case AS_BLOCK:
		open_block(rest.p, rest.len);
		break;
	case AS_HEADER:
		if (audit_header_read(&with, rest, &header, &opened) == VAULT_OK)
			FUZZ_CHECK(header.length <= rest.len);
		break;
	case AS_RECORDS:
		(void)read_records(rest);
		break;
	default:
		open_sealed(rest);
		break;
	}
	return 0;
}
