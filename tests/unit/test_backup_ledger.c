/*
 * The ledger of backups, and the text forms of recipients and identities.
 */
#include <stdio.h>
#include <string.h>

#include "tests/unit/lib/keys.h"
#include "vaultd/base/recipient.h"
#include "vaultd/core/backup_ledger.h"

#define TIME_FIRST 1000

static struct backup_done
numbered(unsigned i)
{
	struct backup_done done = { .begun_at = TIME_FIRST + i / 2,
				    .to = BACKUP_TO_RECIPIENT,
				    .recipient = "safe",
				    .split = i % 2 == 1,
				    .next_tenant = i + 1,
				    .revision = i,
				    .bytes = UINT64_C(5) << 30 };

	snprintf(done.backup, sizeof done.backup, "%08x%024x", i * 2654435761u, i);
	return done;
}

static void
test_newest_stay(void **state)
{
	struct test_keys *t = *state;
	const struct row_keys *store = &t->keyring.store;
	struct row_key place = { 0 };
	struct backup_done entry;
	int64_t newest, last = 0;
	unsigned n = 0;

	assert_ok(backup_ledger_newest(t->txn, &newest));
	assert_int_equal(newest, 0);
	assert_int_equal(backup_ledger_next(t->txn, store, &place, &entry), VAULT_NOT_FOUND);
	for (unsigned i = 0; i < BACKUP_LEDGER_MAX + 10; i++) {
		struct backup_done done = numbered(i);

		assert_ok(backup_ledger_add(&t->change, store, &done, TIME_FIRST + i));
	}
	assert_ok(backup_ledger_newest(t->txn, &newest));
	assert_int_equal(newest, TIME_FIRST + (BACKUP_LEDGER_MAX + 9) / 2);
	for (; backup_ledger_next(t->txn, store, &place, &entry) == VAULT_OK; n++) {
		struct backup_done done = numbered((unsigned)entry.revision);

		assert_true(entry.begun_at >= last);
		last = entry.begun_at;
		assert_string_equal(entry.backup, done.backup);
		assert_string_equal(entry.recipient, "safe");
		assert_int_equal(entry.begun_at, done.begun_at);
		assert_int_equal(entry.bytes, done.bytes);
		assert_int_equal(entry.next_tenant, done.next_tenant);
		assert_int_equal(entry.split, done.split);
		assert_true(entry.revision >= 10);
	}
	assert_int_equal(n, BACKUP_LEDGER_MAX);
}

static void
test_recipients(void **state)
{
	static const char *const bad[] = { "",
					   "=",
					   "safe",
					   "safe=",
					   "=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
					   "safe=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
					   "safe=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
					   "safe=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB",
					   "a b=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" };
	struct recipient recipient;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(recipient_parse(text_of(bad[i]), &recipient));
	assert_true(recipient_parse(
		TEXT_LITERAL("safe=AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), &recipient));
	assert_string_equal(recipient.name, "safe");
	assert_int_equal(recipient.public_key[0], 1);
}

static void
test_identities(void **state)
{
	struct recipient recipient = { .name = "safe" };
	uint8_t key[RECIPIENT_KEY_BYTES] = { 1, 2, 3 }, read[RECIPIENT_KEY_BYTES] = { 0 };
	char text[IDENTITY_TEXT_MAX];
	size_t len, line;

	(void)state;
	memset(recipient.name, 'n', RECIPIENT_NAME_MAX);
	identity_write(&recipient, key, text, &len);
	assert_int_equal(strlen(text), len);
	assert_true(identity_read((struct vault_text){ text, len }, read));
	assert_memory_equal(key, read, sizeof key);
	/* Without its last newline too, but not cut, doubled or empty. */
	assert_true(identity_read((struct vault_text){ text, len - 1 }, read));
	for (size_t i = 0; i < len - 1; i++)
		assert_false(identity_read((struct vault_text){ text, i }, read));
	line = (size_t)(strchr(text, '\n') + 1 - text);
	memcpy(text + len, text + line, len - line);
	assert_false(identity_read((struct vault_text){ text, 2 * len - line }, read));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_newest_stay, test_keys_setup,
						test_keys_teardown),
		cmocka_unit_test(test_recipients),
		cmocka_unit_test(test_identities),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
