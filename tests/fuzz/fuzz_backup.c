/*
 * Backups that strangers wrote. The first byte says how: a whole file, without its key and with it;
 * or what is sealed inside of one, under a key that is known, so that the items are reached too.
 */
#include "tests/fuzz/seeds.h"
#include "vaultd/backup/backup_opener.h"
#include "vaultd/backup/backup_reader.h"
#include "vaultd/backup/backup_writer.h"
#include "vaultd/base/bytes.h"
#include "vaultd/crypto/init.h"

#define ARENA_BYTES (1u << 20)

static struct arena *arena;
static struct secret file_key;
static struct ed25519_key identity;

static struct backup_header
header_of(void)
{
	struct backup_header header = { .kind = BACKUP_STORE,
					.to = BACKUP_TO_RECIPIENT,
					.opener_count = 1 };

	header.openers[0].by = BACKUP_BY_IDENTITY;
	memcpy(header.identity, identity.public_key, sizeof header.identity);
	return header;
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *directory = seeds_directory(*argc, *argv);
	static const uint8_t seed[ED25519_SEED_BYTES] = { 1 };
	struct backup_manifest manifest = { .revision = 1 };
	struct backup_header header;
	struct backup_writer writer;
	struct buf file = { 0 };

	FUZZ_CHECK(crypto_init() == VAULT_OK && arena_open(ARENA_BYTES, false, &arena) == VAULT_OK);
	FUZZ_CHECK(secret_new(arena, STREAM_KEY_BYTES, &file_key) == VAULT_OK);
	FUZZ_CHECK(ed25519_from_seed(&identity, arena, seed) == VAULT_OK);
	header = header_of();
	FUZZ_CHECK(backup_writer_start(&writer, &header, &file_key) == VAULT_OK);
	FUZZ_CHECK(backup_writer_item(&writer, BACKUP_ITEM_ROW,
				      (struct vault_bytes){ seed, sizeof seed },
				      (struct vault_bytes){ 0 }) == VAULT_OK);
	FUZZ_CHECK(backup_writer_end(&writer, &manifest, &identity) == VAULT_OK);
	for (uint8_t how = 0; how < 2; how++) {
		FUZZ_CHECK(buf_append(&file, &how, 1) == VAULT_OK &&
			   buf_append(&file, buf_data(&writer.out), buf_len(&writer.out)) ==
				   VAULT_OK);
		seed_write(directory, how, &file);
		buf_truncate(&file, 0);
	}
	FUZZ_CHECK(buf_append(&file, "\2\3\0\10\0\0\0row.row.", 15) == VAULT_OK);
	seed_write(directory, 2, &file);
	buf_free(&file);
	backup_writer_free(&writer);
	return 0;
}

static void
read_file(struct vault_bytes file, bool with_key)
{
	enum backup_event event = BACKUP_MORE;
	struct backup_reader reader;
	enum vault_err err;

	backup_reader_init(&reader);
	err = backup_reader_push(&reader, file);
	do {
		if (err == VAULT_OK)
			err = backup_reader_next(&reader, &event);
		if (err == VAULT_OK && event == BACKUP_GOT_HEADER && with_key)
			err = backup_reader_key(&reader, &file_key);
		if (err == VAULT_OK && event == BACKUP_GOT_ITEM)
			FUZZ_CHECK(reader.item.bytes.len <= BACKUP_ITEM_MAX);
	} while (err == VAULT_OK && event != BACKUP_MORE);
	FUZZ_CHECK(err == VAULT_OK || err == VAULT_INTEGRITY || err == VAULT_UNSUPPORTED ||
		   err == VAULT_BUSY);
	(void)!backup_reader_finish(&reader);
	backup_reader_free(&reader);
}

/* A file with these bytes as one chunk. */
static void
read_items(struct vault_bytes plain)
{
	struct backup_header header = header_of();
	uint8_t length[BACKUP_LENGTH_BYTES];
	struct stream stream = { 0 };
	struct buf file = { 0 };
	uint8_t *sealed = malloc(plain.len + STREAM_OVERHEAD);

	FUZZ_CHECK(sealed != NULL &&
		   stream_seal_start(&stream, &file_key, header.stream) == VAULT_OK);
	FUZZ_CHECK(backup_header_write(&header, &file) == VAULT_OK);
	stream_seal(&stream, (struct vault_bytes){ header.hash, sizeof header.hash }, plain, true,
		    sealed);
	put_le(length, plain.len + STREAM_OVERHEAD, sizeof length);
	FUZZ_CHECK(buf_append(&file, length, sizeof length) == VAULT_OK &&
		   buf_append(&file, sealed, plain.len + STREAM_OVERHEAD) == VAULT_OK);
	read_file((struct vault_bytes){ buf_data(&file), buf_len(&file) }, true);
	stream_free(&stream);
	buf_free(&file);
	free(sealed);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vault_bytes rest = { data + 1, size - 1 };

	if (size == 0 || rest.len > BACKUP_CHUNK_PLAIN)
		return 0;
	if (data[0] % 3 == 2)
		read_items(rest);
	else
		read_file(rest, data[0] % 3 == 1);
	return 0;
}
