/*
 * The container: what is written is read again, and nothing else is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/text.h"
#include "vaultd/backup/backup_opener.h"
#include "vaultd/backup/backup_reader.h"
#include "vaultd/backup/backup_writer.h"
#include "vaultd/base/random.h"
#include "vaultd/crypto/init.h"

#define assert_ok(expression) assert_int_equal((expression), VAULT_OK)
#define ARENA_BYTES (4u << 20)

struct fixture {
	struct arena *arena;
	struct secret file_key;
	struct secret half; /* the recipient's */
	struct ed25519_key identity;
	struct backup_header header;
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	uint8_t seed[ED25519_SEED_BYTES] = { 3 };
	struct backup_opener *opener = &f->header.openers[0];

	assert_non_null(f);
	assert_ok(crypto_init());
	assert_ok(arena_open(ARENA_BYTES, false, &f->arena));
	assert_ok(secret_random(f->arena, BACKUP_FILE_KEY_BYTES, &f->file_key));
	assert_ok(ed25519_from_seed(&f->identity, f->arena, seed));
	f->header.kind = BACKUP_STORE;
	f->header.to = BACKUP_TO_RECIPIENT;
	f->header.time = 1700000000;
	f->header.root_generation = 7;
	f->header.opener_count = 1;
	memset(f->header.store_id, 5, sizeof f->header.store_id);
	memset(f->header.id, 9, sizeof f->header.id);
	memcpy(f->header.identity, f->identity.public_key, ED25519_PUBLIC_BYTES);
	opener->by = BACKUP_BY_IDENTITY;
	opener->name_len = 4;
	memcpy(opener->name, "safe", 4);
	assert_ok(box_keypair(f->arena, opener->public_key, &f->half));
	assert_ok(backup_opener_seal(opener, &f->file_key));
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	secret_free(&f->file_key);
	secret_free(&f->half);
	ed25519_free(&f->identity);
	arena_close(f->arena);
	free(f);
	return 0;
}

/* A backup of so many rows of so many bytes; row i begins with byte i. */
static struct buf
written(struct fixture *f, unsigned rows, size_t row_bytes)
{
	struct backup_manifest manifest = { .revision = 11, .audit_seq = 12, .next_tenant = 3 };
	struct backup_writer writer;
	struct buf file = { 0 };
	uint8_t *row = calloc(1, row_bytes + 1);

	assert_non_null(row);
	assert_ok(backup_writer_start(&writer, &f->header, &f->file_key));
	for (unsigned i = 0; i < rows; i++) {
		uint8_t id[BACKUP_ROW_HEAD] = { (uint8_t)i };

		row[0] = (uint8_t)i;
		assert_ok(backup_writer_item(&writer, BACKUP_ITEM_ROW,
					     (struct vault_bytes){ id, sizeof id },
					     (struct vault_bytes){ row, row_bytes }));
		if (i == 0)
			assert_ok(backup_writer_cut(&writer));
		assert_ok(buf_append(&file, buf_data(&writer.out), writer.ready));
		backup_writer_take(&writer, writer.ready);
	}
	assert_ok(backup_writer_end(&writer, &manifest, &f->identity));
	assert_int_equal(writer.ready, buf_len(&writer.out));
	assert_ok(buf_append(&file, buf_data(&writer.out), buf_len(&writer.out)));
	backup_writer_free(&writer);
	free(row);
	return file;
}

/* How a reading went. */
struct reading {
	unsigned items, chunks;
	bool manifest;
	size_t item_bytes;
};

static enum vault_err
read_on(struct fixture *f, struct backup_reader *reader, bool with_key, struct reading *r)
{
	enum backup_event event;

	for (;;) {
		TRY(backup_reader_next(reader, &event));
		if (event == BACKUP_MORE)
			return VAULT_OK;
		if (event == BACKUP_GOT_HEADER && with_key)
			TRY(backup_reader_key(reader, &f->file_key));
		if (event == BACKUP_GOT_ITEM) {
			r->item_bytes += reader->item.bytes.len;
			r->items++;
		}
		r->chunks += event == BACKUP_GOT_CHUNK;
		r->manifest |= event == BACKUP_GOT_MANIFEST;
	}
}

/* Reads it whole, pushed in pieces. */
static enum vault_err
reread(struct fixture *f, struct vault_bytes file, size_t piece, bool with_key, struct reading *r)
{
	struct backup_reader reader;
	enum vault_err err = VAULT_OK;

	*r = (struct reading){ 0 };
	backup_reader_init(&reader);
	for (size_t at = 0; at < file.len && err == VAULT_OK; at += piece) {
		size_t n = file.len - at < piece ? file.len - at : piece;

		err = backup_reader_push(&reader, (struct vault_bytes){ file.p + at, n });
		if (err == VAULT_OK)
			err = read_on(f, &reader, with_key, r);
	}
	if (err == VAULT_OK)
		err = backup_reader_finish(&reader);
	backup_reader_free(&reader);
	return err;
}

static struct vault_bytes
view(const struct buf *b)
{
	return (struct vault_bytes){ buf_data(b), buf_len(b) };
}

static void
test_round_trip(void **state)
{
	static const struct {
		unsigned rows;
		size_t bytes;
	} cases[] = { { 0, 0 },
		      { 3, 40 },
		      { 5, 200000 },
		      { 3, 600000 },
		      { 2, BACKUP_ITEM_MAX - 8 },
		      { 4, BACKUP_CHUNK_WRITTEN - 14 } };
	static const size_t pieces[] = { 1000, BACKUP_PUSH_MAX };
	struct reading r;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct buf file = written(*state, cases[i].rows, cases[i].bytes);

		for (size_t p = 0; p < 2; p++) {
			assert_ok(reread(*state, view(&file), pieces[p], true, &r));
			assert_int_equal(r.items, cases[i].rows);
			assert_int_equal(r.item_bytes, cases[i].rows * (cases[i].bytes + 8));
			assert_true(r.manifest);
			assert_ok(reread(*state, view(&file), pieces[p], false, &r));
			assert_int_equal(r.items, 0);
			assert_true(r.chunks > 0 && r.manifest);
		}
		buf_free(&file);
	}
}

static void
test_too_large(void **state)
{
	struct fixture *f = *state;
	struct backup_writer writer;
	uint8_t *row = calloc(1, BACKUP_ITEM_MAX + 1);

	assert_ok(backup_writer_start(&writer, &f->header, &f->file_key));
	assert_int_equal(backup_writer_item(&writer, BACKUP_ITEM_ROW,
					    (struct vault_bytes){ row, 1 },
					    (struct vault_bytes){ row, BACKUP_ITEM_MAX }),
			 VAULT_TOO_LARGE);
	backup_writer_free(&writer);
	free(row);
}

static void
assert_refused(struct fixture *f, struct vault_bytes file)
{
	struct reading r;

	assert_int_not_equal(reread(f, file, BACKUP_PUSH_MAX, true, &r), VAULT_OK);
	assert_int_not_equal(reread(f, file, BACKUP_PUSH_MAX, false, &r), VAULT_OK);
}

static void
test_every_bit(void **state)
{
	struct buf file = written(*state, 3, 30);

	for (size_t i = 0; i < 8 * buf_len(&file); i++) {
		buf_data(&file)[i / 8] ^= (uint8_t)(1u << i % 8);
		assert_refused(*state, view(&file));
		buf_data(&file)[i / 8] ^= (uint8_t)(1u << i % 8);
	}
	buf_free(&file);
}

/*
 * Of 64 KiB, every bit flipped and every cut. A flip is looked for with the key, which is how a restore
 * reads, and at one bit of each byte without it too, which takes the hash of the whole.
 */
static void
test_every_bit_of_64_kib(void **state)
{
	struct buf file = written(*state, 64, 1024);
	struct reading r;

	assert_true(buf_len(&file) >= 64 * 1024);
	for (size_t i = 0; i < 8 * buf_len(&file); i++) {
		uint8_t *byte = &buf_data(&file)[i / 8];

		*byte ^= (uint8_t)(1u << i % 8);
		assert_int_not_equal(reread(*state, view(&file), BACKUP_PUSH_MAX, true, &r),
				     VAULT_OK);
		if (i % 8 == i / 8 % 8)
			assert_int_not_equal(
				reread(*state, view(&file), BACKUP_PUSH_MAX, false, &r), VAULT_OK);
		*byte ^= (uint8_t)(1u << i % 8);
	}
	for (size_t len = 0; len < buf_len(&file); len++)
		assert_int_not_equal(reread(*state, (struct vault_bytes){ buf_data(&file), len },
					    BACKUP_PUSH_MAX, len % 2 == 0, &r),
				     VAULT_OK);
	assert_ok(reread(*state, view(&file), BACKUP_PUSH_MAX, true, &r));
	buf_free(&file);
}

/* Where the frames of a file begin, chunks and then the manifest; *n of them. */
static void
frames_of(const struct buf *file, size_t at[static 16], unsigned *n)
{
	const uint8_t *p = buf_data(file);
	size_t i = BACKUP_HEADER_FIXED + BACKUP_OPENER_BYTES + BACKUP_HEADER_END, len;

	*n = 0;
	do {
		at[(*n)++] = i;
		len = p[i] | (size_t)p[i + 1] << 8 | (size_t)p[i + 2] << 16;
		i += BACKUP_LENGTH_BYTES + len;
	} while (len != 0);
}

/* The file with its frames in another order; frames that are not named are left out. */
static struct buf
arranged(const struct buf *file, const size_t *at, const unsigned *order, unsigned n)
{
	struct buf out = { 0 };

	assert_ok(buf_append(&out, buf_data(file), at[0]));
	for (unsigned i = 0; i < n; i++) {
		size_t from = at[order[i]];
		/* The manifest is the last. */
		size_t to = order[i] == 4 ? buf_len(file) : at[order[i] + 1];

		assert_ok(buf_append(&out, buf_data(file) + from, to - from));
	}
	return out;
}

static void
test_frames(void **state)
{
	static const unsigned orders[][6] = {
		{ 0, 1, 3, 2, 4 },    /* two exchanged */
		{ 0, 1, 1, 2, 3, 4 }, /* one twice */
		{ 0, 1, 2, 3, 3, 4 }, /* the last twice */
		{ 1, 2, 3, 4 },	      /* the first left out */
		{ 0, 2, 3, 4 },	      /* another */
		{ 0, 1, 2, 4 },	      /* the last */
		{ 4 },		      /* all */
		{ 0, 1, 2, 3, 4, 4 }, /* the manifest twice */
	};
	static const unsigned lengths[] = { 5, 6, 6, 4, 4, 4, 1, 6 };
	struct buf file = written(*state, 4, 200000);
	struct buf other = written(*state, 4, 200000);
	size_t at[16];
	unsigned n;

	frames_of(&file, at, &n);
	assert_int_equal(n, 5 + 0);
	for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
		struct buf changed = arranged(&file, at, orders[i], lengths[i]);

		assert_refused(*state, view(&changed));
		buf_free(&changed);
	}
	/* A chunk of another backup under the same key. */
	memcpy(buf_data(&file) + at[2], buf_data(&other) + at[2], at[3] - at[2]);
	assert_refused(*state, view(&file));
	/* One byte too many. */
	assert_ok(buf_append(&other, "", 1));
	assert_refused(*state, view(&other));
	buf_free(&file);
	buf_free(&other);
}

/* What a stranger signs with another key, or seals under another, is not taken. */
static void
test_keys(void **state)
{
	struct fixture *f = *state;
	struct buf file = written(f, 2, 100);
	struct secret right = f->file_key;
	struct reading r;
	SECRET_LOCAL(wrong);

	assert_ok(secret_random(f->arena, BACKUP_FILE_KEY_BYTES, &wrong));
	f->file_key = wrong;
	assert_int_equal(reread(f, view(&file), 100, true, &r), VAULT_INTEGRITY);
	f->file_key = right;
	buf_free(&file);
	f->header.identity[0] ^= 1;
	file = written(f, 2, 100);
	assert_refused(f, view(&file));
	buf_free(&file);
}

static void
test_openers(void **state)
{
	struct fixture *f = *state;
	struct backup_secret identity = { .by = BACKUP_BY_IDENTITY, .bytes = { f->half.p, 32 } };
	struct backup_secret words = { BACKUP_BY_PASSPHRASE,
				       { (const uint8_t *)"correct horse", 13 },
				       { 0 } };
	uint8_t other[32] = { 1 };
	SECRET_LOCAL(opened);

	assert_int_equal(backup_open(&f->header, f->arena, &words, &opened), VAULT_NOT_FOUND);
	assert_ok(backup_opener_passphrase(
		&f->header.openers[1], f->header.store_id,
		&(struct backup_words){ words.bytes, KDF_MEMORY_MIN, KDF_PASSES_MIN },
		&f->file_key));
	f->header.opener_count = 2;
	assert_ok(backup_open(&f->header, f->arena, &words, &opened));
	assert_true(secret_equal(&opened, f->file_key.p, f->file_key.len));
	secret_free(&opened);
	assert_ok(backup_open(&f->header, f->arena, &identity, &opened));
	assert_true(secret_equal(&opened, f->file_key.p, f->file_key.len));
	secret_free(&opened);
	words.bytes.len--;
	assert_int_equal(backup_open(&f->header, f->arena, &words, &opened), VAULT_DENIED);
	identity.bytes.p = other;
	assert_int_equal(backup_open(&f->header, f->arena, &identity, &opened), VAULT_DENIED);
	identity.name = TEXT_LITERAL("nobody");
	assert_int_equal(backup_open(&f->header, f->arena, &identity, &opened), VAULT_NOT_FOUND);
	f->header.openers[1].memory = KDF_MEMORY_MAX * 2;
	assert_int_equal(backup_open(&f->header, f->arena, &words, &opened), VAULT_INTEGRITY);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_round_trip, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_large, setup, teardown),
		cmocka_unit_test_setup_teardown(test_every_bit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_every_bit_of_64_kib, setup, teardown),
		cmocka_unit_test_setup_teardown(test_frames, setup, teardown),
		cmocka_unit_test_setup_teardown(test_keys, setup, teardown),
		cmocka_unit_test_setup_teardown(test_openers, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
