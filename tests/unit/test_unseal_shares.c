#include "vaultd/core/unseal_shares.h"

#include <string.h>

#include "tests/unit/lib/keys.h"
#include "vaultd/crypto/kdf.h"

#define MINUTE_MS (60 * 1000)

struct fixture {
	struct test_keys *t;
	struct unseal_shares shares;
	struct slot_draft draft;
	struct clock_now now;
};

static void
begin(struct fixture *f, struct test_keys *t, unsigned threshold, unsigned count)
{
	static const struct slot_cost cost = { KDF_MEMORY_MIN, KDF_PASSES_MIN };
	struct slot_secret secret = { .kind = SLOT_SHARES };

	*f = (struct fixture){ .t = t, .now = { .wall = 1000000, .boot_ms = 5000 } };
	secret.shares = (struct shares_plan){ 0, threshold, count };
	assert_ok(slot_draft_make(t->arena, &secret, &cost, &f->draft));
	assert_ok(slots_create(t->txn, &t->keyring, "board", &f->draft, 1000));
}

static void
end(struct fixture *f)
{
	unseal_shares_forget(&f->shares);
	slot_draft_free(&f->draft);
}

static struct vault_text
words_of(const struct secret *words)
{
	return (struct vault_text){ (const char *)words->p, words->len };
}

/* What it answers; *needed is left alone where it is an error. The vault must open where 0 are. */
static enum vault_err
give(struct fixture *f, struct vault_text words, unsigned *needed)
{
	struct share_given given = { .words = words, .now = &f->now };
	struct share_taken taken = { 0 };
	enum vault_err err = unseal_shares_add(&f->shares, f->t->txn, f->t->arena, &given, &taken);

	if (err == VAULT_OK && taken.needed == 0) {
		struct slot_secret secret = { .kind = SLOT_SHARES,
					      .bytes = { taken.secret.p, taken.secret.len },
					      .slot = { taken.slot, taken.slot_len } };
		struct slot_opened opened = { 0 };

		assert_ok(slots_open(f->t->txn, f->t->arena, &secret, &opened));
		assert_true(secret_equal(&opened.root, f->t->keyring.root.p, ROOT_KEY_BYTES));
		secret_free(&opened.root);
	}
	if (err == VAULT_OK)
		*needed = taken.needed;
	secret_free(&taken.secret);
	return err;
}

static unsigned
give_share(struct fixture *f, unsigned i)
{
	unsigned needed = 99;

	assert_ok(give(f, words_of(&f->draft.words[i]), &needed));
	return needed;
}

static unsigned
have(struct fixture *f)
{
	struct share_progress progress;

	return unseal_shares_progress(&f->shares, &progress) ? progress.have : 0;
}

static void
test_enough_of_them(void **state)
{
	struct fixture f;

	begin(&f, *state, 3, 5);
	assert_int_equal(give_share(&f, 4), 2);
	assert_int_equal(give_share(&f, 4), 2);
	assert_int_equal(give_share(&f, 0), 1);
	assert_int_equal(give_share(&f, 4), 1);
	assert_int_equal(have(&f), 2);
	assert_int_equal(give_share(&f, 2), 0);
	assert_int_equal(have(&f), 0);
	end(&f);
}

static void
test_forgotten_after_ten_minutes(void **state)
{
	struct fixture f;

	begin(&f, *state, 3, 5);
	assert_int_equal(give_share(&f, 0), 2);
	f.now.boot_ms += 9 * MINUTE_MS;
	assert_int_equal(give_share(&f, 1), 1); /* which does not begin them anew */
	f.now.boot_ms += MINUTE_MS - 1;
	unseal_shares_expire(&f.shares, &f.now);
	assert_int_equal(have(&f), 2);
	f.now.wall += 1000000; /* no clock that anybody can set counts */
	unseal_shares_expire(&f.shares, &f.now);
	assert_int_equal(have(&f), 2);
	f.now.boot_ms += 1;
	unseal_shares_expire(&f.shares, &f.now);
	assert_int_equal(have(&f), 0);
	/* Also where nobody came by to forget them. */
	assert_int_equal(give_share(&f, 0), 2);
	f.now.boot_ms += 10 * MINUTE_MS;
	assert_int_equal(give_share(&f, 1), 2);
	end(&f);
}

static void
test_typing_errors_change_nothing(void **state)
{
	static const char *const wrong[] = { "", "academic", "no words" };
	struct fixture f;
	unsigned needed;

	begin(&f, *state, 2, 2);
	assert_int_equal(give_share(&f, 0), 1);
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		assert_int_equal(give(&f, text_of(wrong[i]), &needed), VAULT_INVALID_PARAMS);
	assert_int_equal(have(&f), 1);
	assert_int_equal(give_share(&f, 1), 0);
	end(&f);
}

/* Changes a share and writes it anew, with a checksum that is right. */
static enum vault_err
give_changed(struct fixture *f, unsigned i, void (*change)(struct share *share))
{
	struct share share = { 0 };
	struct secret words = { 0 };
	enum vault_err err;
	unsigned needed;

	assert_ok(share_read(f->t->arena, words_of(&f->draft.words[i]), &share));
	change(&share);
	assert_ok(share_write(f->t->arena, &share, &words));
	err = give(f, words_of(&words), &needed);
	share_free(&share);
	secret_free(&words);
	return err;
}

static void
change_value(struct share *share)
{
	share->value.p[5] ^= 1;
}

static void
change_id(struct share *share)
{
	share->id ^= 1;
}

static void
change_threshold(struct share *share)
{
	share->threshold++;
}

static void
change_index(struct share *share)
{
	share->index = 9;
}

static void
change_exponent(struct share *share)
{
	share->exponent = 15; /* would cost minutes */
}

static void
change_flag(struct share *share)
{
	share->extendable = false;
}

static void
change_group(struct share *share)
{
	share->group = 1;
	share->group_count = 2;
}

static void
change_length(struct share *share)
{
	share->value.len -= 2;
}

/* What nobody mistypes: all that was given is forgotten. */
static void
test_made_up_shares(void **state)
{
	static void (*const changes[])(struct share * share) = { change_id,    change_threshold,
								 change_index, change_exponent,
								 change_flag,  change_group,
								 change_length };
	struct fixture f;

	begin(&f, *state, 3, 5);
	for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
		assert_int_equal(give_share(&f, 0), 2);
		assert_int_equal(give_changed(&f, 1, changes[i]), VAULT_DENIED);
		assert_int_equal(have(&f), 0);
	}
	/* One that contradicts another: known at once. */
	assert_int_equal(give_share(&f, 0), 2);
	assert_int_equal(give_changed(&f, 0, change_value), VAULT_DENIED);
	assert_int_equal(have(&f), 0);
	/* A wrong value: known with the last. */
	assert_ok(give_changed(&f, 1, change_value));
	assert_int_equal(give_share(&f, 0), 1);
	assert_int_equal(have(&f), 2);
	{
		unsigned needed;

		assert_int_equal(give(&f, words_of(&f.draft.words[2]), &needed), VAULT_DENIED);
	}
	assert_int_equal(have(&f), 0);
	end(&f);
}

static void
test_named_slots(void **state)
{
	struct share_taken taken = { 0 };
	struct share_given given;
	struct fixture f;

	begin(&f, *state, 2, 2);
	given = (struct share_given){ .words = words_of(&f.draft.words[0]), .now = &f.now };
	given.slot = text_of("none");
	assert_int_equal(unseal_shares_add(&f.shares, f.t->txn, f.t->arena, &given, &taken),
			 VAULT_NOT_FOUND);
	given.slot = text_of("board");
	assert_ok(unseal_shares_add(&f.shares, f.t->txn, f.t->arena, &given, &taken));
	assert_int_equal(taken.needed, 1);
	assert_int_equal(have(&f), 1);
	end(&f);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, test_keys_setup, test_keys_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_enough_of_them),
		TEST(test_forgotten_after_ten_minutes),
		TEST(test_typing_errors_change_nothing),
		TEST(test_made_up_shares),
		TEST(test_named_slots),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
