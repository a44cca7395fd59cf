#include "tests/unit/test_audit_fixture.h"

#include "vaultd/base/bytes.h"
#include "vaultd/core/audit_walk.h"
#include "vaultd/crypto/ed25519.h"
#include "vaultd/crypto/kdf.h"

/* A store with some closed segments, stopped and started so that every file is cut. */
static void
history_make(struct fixture *f, int rounds)
{
	struct audit_recovery found;

	fixture_open(f);
	for (int i = 0; i < rounds; i++) {
		assert_ok(fixture_append_from(f, 1, 3, AUDIT_READS));
		assert_ok(fixture_append_from(f, 4, 1, AUDIT_CHANGES));
		assert_ok(audit_stop(f->audit, &f->head));
		assert_ok(fixture_start(f, &f->head, &found));
		assert_true(found.clean);
	}
	fixture_verify_ok(f);
}

static void
every_flipped_bit_is_found(void **state)
{
	struct fixture f;
	char path[128];

	(void)state;
	history_make(&f, 2);
	for (uint64_t segment = 1; segment <= f.head.segment; segment++) {
		struct stat st;

		fixture_segment(&f, segment, path);
		assert_int_equal(stat(path, &st), 0);
		for (off_t at = 0; at < st.st_size; at++)
			for (int bit = 0; bit < 8; bit++) {
				file_poke(path, at, (uint8_t)(1 << bit));
				assert_false(fixture_verify(&f).ok);
				file_poke(path, at, (uint8_t)(1 << bit));
			}
	}
	fixture_verify_ok(&f);
	fixture_close(&f);
}

static void
every_cut_is_found(void **state)
{
	struct fixture f;
	char path[128];

	(void)state;
	history_make(&f, 2);
	for (uint64_t segment = 1; segment <= f.head.segment; segment++) {
		struct file file;

		fixture_segment(&f, segment, path);
		file = file_load(path);
		for (size_t len = 0; len < file.len; len++) {
			file_save(path, &file, len);
			assert_false(fixture_verify(&f).ok);
		}
		file_save(path, &file, file.len);
		free(file.p);
	}
	fixture_verify_ok(&f);
	fixture_close(&f);
}

static void
a_missing_swapped_or_doubled_segment_is_found(void **state)
{
	struct fixture f;
	char a[128], b[128], aside[128];

	(void)state;
	history_make(&f, 4);
	fixture_path(&f, "aside", aside);
	for (uint64_t i = 1; i <= f.head.segment; i++)
		for (uint64_t k = 1; k <= f.head.segment; k++) {
			struct file file;

			fixture_segment(&f, i, a);
			fixture_segment(&f, k, b);
			assert_int_equal(rename(a, aside), 0);
			assert_false(fixture_verify(&f).ok); /* i is missing */
			if (i != k) {
				file = file_load(b);
				file_save(a, &file, file.len);
				assert_false(fixture_verify(&f).ok); /* k stands twice */
				assert_int_equal(rename(aside, b), 0);
				assert_false(fixture_verify(&f).ok); /* i and k are exchanged */
				assert_int_equal(rename(b, aside), 0);
				file_save(b, &file, file.len);
				free(file.p);
			}
			assert_int_equal(rename(aside, a), 0);
			fixture_verify_ok(&f);
		}
	fixture_close(&f);
}

static void
exchanged_blocks_are_found(void **state)
{
	struct fixture f;
	struct audit_head before, middle;
	struct file file;
	char path[128];
	uint8_t *copy;
	size_t len;

	(void)state;
	fixture_open(&f);
	before = f.head;
	assert_ok(fixture_append_from(&f, 1, 2, AUDIT_READS));
	middle = f.head;
	assert_ok(fixture_append_from(&f, 3, 2, AUDIT_READS));
	fixture_segment(&f, 1, path);
	file = file_load(path);
	len = middle.offset - before.offset;
	assert_int_equal(f.head.offset - middle.offset, len);
	copy = malloc(len);
	memcpy(copy, file.p + before.offset, len);
	memmove(file.p + before.offset, file.p + middle.offset, len);
	memcpy(file.p + middle.offset, copy, len);
	file_save(path, &file, file.len);
	assert_int_equal(fixture_verify(&f).broken_seq, before.seq + 1);
	free(copy);
	free(file.p);
	fixture_close(&f);
}

static void
verifying_can_begin_late_and_be_cancelled(void **state)
{
	struct fixture f;
	struct audit_verdict verdict;
	atomic_bool cancel = true;
	struct audit_check check = { .since_seq = 0 };
	char path[128];

	(void)state;
	history_make(&f, 4);
	check.since_seq = f.head.seq;
	assert_ok(audit_verify(f.audit, &check, &verdict));
	assert_true(verdict.ok);
	assert_int_equal(verdict.last, f.head.seq);
	assert_true(verdict.first > 1);
	fixture_segment(&f, 1, path);
	file_poke(path, 300, 1);
	assert_ok(audit_verify(f.audit, &check, &verdict));
	assert_true(verdict.ok);
	check.since_seq = 2;
	assert_ok(audit_verify(f.audit, &check, &verdict));
	assert_false(verdict.ok);
	check.cancel = &cancel;
	check.since_seq = f.head.seq;
	assert_int_equal(audit_verify(f.audit, &check, &verdict), VAULT_BUSY);
	fixture_close(&f);
}

static void
another_first_key_is_found(void **state)
{
	struct fixture f;

	(void)state;
	history_make(&f, 1);
	f.first_key[0] ^= 1;
	assert_int_equal(fixture_verify(&f).broken_seq, 1);
	fixture_close(&f);
}

/*
 * One who broke in has every key of now: the root's, the segments', the live epoch's. He rewrites
 * segment 1 from its first call on, with hashes and encryption that are right. Epochs that had
 * ended he cannot sign.
 */
struct forger {
	struct fixture *f;
	struct ed25519_key live; /* empty: leaves signatures as they were */
	bool change;
};

/* Seals a record again: as it was, or by another caller; a signature with the key that is to be
 * had. */
static void
forge_records(struct forger *forger, const struct audit_walk *walk, uint8_t *p, const uint8_t *hash)
{
	static const char label[] = "vaultd audit epoch 1";
	struct audit_record rec;
	size_t used;

	assert_ok(
		audit_record_read((struct vault_bytes){ p, buf_len(&walk->records) }, &rec, &used));
	if (rec.event == AUDIT_EVENT_CALL && forger->change)
		p[12] ^= 1; /* the uid */
	if (rec.event == AUDIT_EVENT_EPOCH && forger->live.secret.p != NULL) {
		uint8_t *detail = p + (rec.detail.p - p), message[sizeof(label) + 16 + 80];

		memcpy(detail + 16, hash, 32);
		memcpy(message, label, sizeof(label));
		memcpy(message + sizeof(label), forger->f->keys.store_id, 16);
		memcpy(message + sizeof(label) + 16, detail, 80);
		ed25519_sign(&forger->live, (struct vault_bytes){ message, sizeof(message) },
			     detail + 80);
	}
}

static struct audit_head
forge_segment(struct forger *forger)
{
	struct audit_opener opener = { .arena = forger->f->arena,
				       .wrap_key = &forger->f->wrap,
				       .store_id = forger->f->keys.store_id };
	int dir = open(forger->f->dir, O_RDONLY | O_DIRECTORY);
	struct audit_head head = { 0 };
	struct audit_block block;
	struct audit_walk walk;
	struct file file;
	char path[128];

	fixture_segment(forger->f, 1, path);
	file = file_load(path);
	audit_walk_init(&walk, dir, &opener);
	assert_ok(audit_walk_begin(&walk, 1));
	head = walk.head;
	while (audit_walk_next(&walk, &block) == VAULT_OK) {
		forge_records(forger, &walk, buf_data(&walk.records), head.hash);
		audit_block_seal(
			&walk.key, &block,
			(struct vault_bytes){ buf_data(&walk.records), buf_len(&walk.records) },
			file.p + head.offset, head.hash);
		head.offset += block.length;
		head.seq += block.count;
	}
	audit_walk_free(&walk);
	file_save(path, &file, file.len);
	free(file.p);
	close(dir);
	return head;
}

/* The live epoch's key, as who has the root key finds it in epoch.key. */
static void
live_key_steal(struct fixture *f, struct ed25519_key *live)
{
	uint8_t key[KDF_KEY_BYTES], seed[32 + 16], ad[24];
	struct file file;
	char path[128];
	bool found = false;

	fixture_path(f, "epoch.key", path);
	file = file_load(path);
	kdf_derive(f->wrap.p, "vaultd audit epoch key 1", key);
	for (size_t at = 0; at + 80 <= file.len && !found; at += 4096) {
		memcpy(ad, f->keys.store_id, 16);
		memcpy(ad + 16, file.p + at, 8);
		found = aead_open(key, file.p + at + 8, (struct vault_bytes){ ad, sizeof(ad) },
				  (struct vault_bytes){ file.p + at + 32, 48 }, seed) == VAULT_OK;
	}
	assert_true(found);
	assert_ok(ed25519_from_seed(live, f->arena, seed));
	free(file.p);
}

static void
forge(bool change, bool steal, enum vault_err expected)
{
	struct fixture f;
	struct forger forger = { .f = &f, .change = change };
	struct audit_recovery found;
	struct audit_head head;

	fixture_open(&f);
	assert_ok(fixture_append(&f, 1));
	assert_ok(audit_tick(f.audit, INT64_MAX)); /* an epoch ends */
	assert_ok(fixture_append(&f, 1));
	assert_ok(audit_stop(f.audit, &f.head));
	if (steal)
		live_key_steal(&f, &forger.live);
	head = forge_segment(&forger);
	assert_int_equal(head.offset, f.head.offset);
	assert_int_equal(fixture_start(&f, &head, &found), expected);
	ed25519_free(&forger.live);
	fixture_close(&f);
}

static void
an_ended_epoch_cannot_be_rewritten(void **state)
{
	(void)state;
	forge(false, false, VAULT_OK); /* the forger's tools work */
	forge(true, false, VAULT_INTEGRITY);
	forge(true, true, VAULT_INTEGRITY);
	forge(false, true, VAULT_INTEGRITY);
}

static void
an_ended_epochs_key_is_gone_from_disk(void **state)
{
	struct fixture f;
	struct ed25519_key first = { 0 }, second = { 0 };

	(void)state;
	fixture_open(&f);
	live_key_steal(&f, &first);
	assert_memory_equal(first.public_key, f.first_key, 32);
	assert_ok(fixture_append(&f, 1));
	assert_ok(audit_tick(f.audit, INT64_MAX));
	live_key_steal(&f, &second);
	assert_memory_not_equal(second.public_key, f.first_key, 32);
	ed25519_free(&first);
	ed25519_free(&second);
	fixture_close(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_flipped_bit_is_found),
		cmocka_unit_test(every_cut_is_found),
		cmocka_unit_test(a_missing_swapped_or_doubled_segment_is_found),
		cmocka_unit_test(exchanged_blocks_are_found),
		cmocka_unit_test(verifying_can_begin_late_and_be_cancelled),
		cmocka_unit_test(another_first_key_is_found),
		cmocka_unit_test(an_ended_epoch_cannot_be_rewritten),
		cmocka_unit_test(an_ended_epochs_key_is_gone_from_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
