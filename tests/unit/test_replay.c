/* Answers kept for a request_id: found for a day, by the clock that is handed in, and then gone. */
#include "vaultd/core/replay.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/lib/keys.h"

#define NOW INT64_C(1800000000)
#define SCRATCH_BYTES 65536
#define BEATS 10000 /* ids, as many as a busy client makes in a while */

struct fixture {
	struct test_keys *keys;
	struct vault vault;
	struct scratch scratch;
	struct session session;
	struct op op;
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	assert_non_null(f);
	assert_int_equal(test_keys_setup((void **)&f->keys), 0);
	assert_ok(scratch_init(&f->scratch, SCRATCH_BYTES, 1 << 20));
	f->vault.arena = f->keys->arena;
	f->vault.keyring = f->keys->keyring;
	f->op = (struct op){
		.row = &op_rows[OP_key_rotate],
		.vault = &f->vault,
		.who = &f->session.who,
		.session = &f->session,
		.now = { .wall = NOW },
		.txn = f->keys->txn,
		.change = &f->keys->change,
		.scratch = &f->scratch,
	};
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;
	void *keys = f->keys;

	scratch_free(&f->scratch);
	free(f);
	return test_keys_teardown(&keys);
}

static const struct key_rotate_req rotate = { .tenant = { "acme", 4 }, .name = { "k", 1 } };

/* What the request of that id finds; result may be NULL. */
static enum vault_err
look(struct fixture *f, const char *id, const void *req, struct replay *replay,
     struct vault_map *result)
{
	struct vault_map none;

	scratch_reset(&f->scratch, false);
	f->op.common.request_id = text_of(id);
	f->op.note = (struct op_note){ 0 };
	assert_ok(replay_of(&f->op, req, replay));
	return replay_find(&f->op, replay, result == NULL ? &none : result);
}

static enum vault_err
find(struct fixture *f, const char *id)
{
	struct replay replay;

	return look(f, id, &rotate, &replay, NULL);
}

/* As dispatch does it: answers whether the request was run. */
static bool
run(struct fixture *f, const char *id, int64_t version)
{
	struct key_rotate_res res = { .version = version, .signs_at = 7, .secret = { "once", 4 } };
	struct replay replay;
	enum vault_err err = look(f, id, &rotate, &replay, NULL);

	if (err == VAULT_OK)
		return false;
	assert_int_equal(err, VAULT_NOT_FOUND);
	f->op.note.version = (uint32_t)version;
	f->op.note.target = (struct row_key){ .kind = ROW_KEY, .tag = "twelve bytes" };
	assert_ok(replay_keep(&f->op, &replay, &res));
	return true;
}

/* Entries of the index of that kind. */
static unsigned
rows(struct fixture *f, enum row_kind kind)
{
	struct row_walk walk;
	struct row_key key;
	unsigned n = 0;
	uint64_t id;

	assert_ok(row_walk_open(f->keys->txn, 0, (uint8_t)kind, NULL, &walk));
	while (row_walk_next(&walk, &key, &id, NULL) == VAULT_OK)
		n++;
	row_walk_close(&walk);
	return n;
}

static void
assert_rows(struct fixture *f, unsigned n)
{
	assert_int_equal(rows(f, ROW_REPLAY), n);
	assert_int_equal(rows(f, ROW_REPLAY_EXPIRY), n);
}

static void
test_kept_and_found(void **state)
{
	static const char encoded[] = "\x82\xa7version\x05\xa8signs_at\x07";
	struct fixture *f = *state;
	struct vault_map result;
	struct replay replay;

	assert_int_equal(find(f, "a"), VAULT_NOT_FOUND);
	assert_false(f->op.note.replayed);
	assert_true(run(f, "a", 5));
	assert_ok(look(f, "a", &rotate, &replay, &result));
	assert_int_equal(result.len, sizeof encoded - 1);
	assert_memory_equal(result.p, encoded, result.len);
	/* The audit is told what it was about. */
	assert_true(f->op.note.replayed);
	assert_int_equal(f->op.note.version, 5);
	assert_int_equal(f->op.note.target.kind, ROW_KEY);
	assert_memory_equal(f->op.note.target.tag, "twelve bytes", ROW_TAG_BYTES);
	assert_int_equal(find(f, "b"), VAULT_NOT_FOUND);
	assert_int_equal(find(f, "aa"), VAULT_NOT_FOUND);
	assert_rows(f, 1);
}

static void
test_other_fields(void **state)
{
	struct key_rotate_req other = rotate;
	struct fixture *f = *state;
	struct replay replay;

	assert_true(run(f, "a", 5));
	other.now = (struct vault_opt_bool){ .v = true, .set = true };
	assert_int_equal(look(f, "a", &other, &replay, NULL), VAULT_CONFLICT);
	assert_string_equal(f->op.fail.field, "request_id");
	assert_false(f->op.note.replayed);
	other = rotate;
	other.name = TEXT_LITERAL("l");
	assert_int_equal(look(f, "a", &other, &replay, NULL), VAULT_CONFLICT);
	/* profile.delete has the same fields, and so the same bytes of them. */
	f->op.row = &op_rows[OP_profile_delete];
	assert_int_equal(look(f, "a", &(struct profile_delete_req){ rotate.tenant, rotate.name },
			      &replay, NULL),
			 VAULT_CONFLICT);
	f->op.row = &op_rows[OP_key_rotate];
	/* For whom it is asked does not matter. */
	f->op.common.actor = TEXT_LITERAL("alice");
	assert_ok(find(f, "a"));
}

static void
test_another_principal(void **state)
{
	struct fixture *f = *state;

	assert_true(run(f, "a", 5));
	f->session.who.uid = 1;
	assert_int_equal(find(f, "a"), VAULT_NOT_FOUND);
	assert_true(run(f, "a", 6));
	assert_false(run(f, "a", 7));
	f->session.who.gid = 3;
	f->session.who.pid = 99;
	f->session.who.admin_socket = true;
	assert_ok(find(f, "a"));
	assert_int_equal(f->op.note.version, 6);
	f->session.who.uid = 0;
	assert_ok(find(f, "a"));
	assert_int_equal(f->op.note.version, 5);
}

static void
test_for_a_day(void **state)
{
	struct fixture *f = *state;

	assert_true(run(f, "a", 5));
	f->op.now.wall = NOW + REPLAY_SECONDS - 1;
	assert_ok(find(f, "a"));
	f->op.now.wall = NOW + REPLAY_SECONDS;
	assert_int_equal(find(f, "a"), VAULT_NOT_FOUND);
	/* Done again it takes the old one's place. */
	assert_true(run(f, "a", 6));
	assert_rows(f, 1);
	assert_ok(find(f, "a"));
	assert_int_equal(f->op.note.version, 6);
	f->op.now.wall += REPLAY_SECONDS - 1;
	assert_ok(find(f, "a"));
}

/* A wall clock that is put back: the last day's answers stay, what it wrote while ahead does not. */
static void
test_the_clock_goes_back(void **state)
{
	struct fixture *f = *state;

	assert_true(run(f, "a", 5));
	f->op.now.wall = NOW - 3600;
	assert_ok(find(f, "a"));
	assert_true(run(f, "b", 6));
	assert_rows(f, 2);
	f->op.now.wall = NOW - REPLAY_SECONDS;
	assert_int_equal(find(f, "a"), VAULT_NOT_FOUND);
	assert_true(run(f, "a", 7));
	assert_rows(f, 2);
	assert_ok(find(f, "a"));
	assert_int_equal(f->op.note.version, 7);
}

/* What expired goes by the wall clock alone, and never what has not. */
static void
test_only_what_expired_goes(void **state)
{
	struct fixture *f = *state;

	assert_true(run(f, "a", 1));
	f->op.now.wall = NOW + 1;
	assert_true(run(f, "b", 2));
	f->op.now.wall = NOW - REPLAY_SECONDS * 10;
	assert_true(run(f, "c", 3));
	assert_rows(f, 3);
	f->op.now.wall = NOW + REPLAY_SECONDS;
	assert_true(run(f, "d", 4));
	/* a and c are gone, b has a second left. */
	assert_rows(f, 2);
	assert_ok(find(f, "b"));
	assert_int_equal(find(f, "a"), VAULT_NOT_FOUND);
	assert_int_equal(find(f, "c"), VAULT_NOT_FOUND);
}

static void
test_steady_use_is_bounded(void **state)
{
	struct fixture *f = *state;
	char id[32];

	for (int day = 0; day < 3; day++) {
		f->op.now.wall = NOW + day * REPLAY_SECONDS;
		for (int i = 0; i < BEATS; i++) {
			snprintf(id, sizeof id, "%d-%d", day, i);
			assert_true(run(f, id, 1));
		}
		assert_rows(f, BEATS);
	}
	f->op.now.wall += REPLAY_SECONDS;
	for (int i = 0; i < BEATS / REPLAY_SWEEP_MAX; i++) {
		snprintf(id, sizeof id, "last-%d", i);
		assert_true(run(f, id, 1));
	}
	assert_rows(f, BEATS / REPLAY_SWEEP_MAX);
}

/* An entry that leads nowhere stops nothing, and goes too. */
static void
test_a_lost_row(void **state)
{
	struct fixture *f = *state;
	struct replay replay;
	uint64_t id;

	assert_true(run(f, "a", 1));
	assert_true(run(f, "b", 1));
	assert_int_equal(look(f, "a", &rotate, &replay, NULL), VAULT_OK);
	assert_ok(row_linked(f->keys->txn, &replay.place, &id));
	assert_ok(row_delete(f->keys->txn, &replay.place, id));
	f->op.now.wall = NOW + REPLAY_SECONDS;
	assert_true(run(f, "c", 1));
	assert_rows(f, 1);
}

static void
test_a_large_result(void **state)
{
	static int64_t versions[REPLAY_RESULT_MAX];
	struct key_revoke_req req = { .tenant = rotate.tenant, .name = rotate.name };
	struct key_revoke_res res = { .revoked = { versions, 0 } };
	struct fixture *f = *state;
	struct vault_map result;
	struct replay replay;
	/* The map's head, the name and the list's head; then a byte for each. */
	const size_t most = REPLAY_RESULT_MAX - 1 - 8 - 3;

	f->op.row = &op_rows[OP_key_revoke];
	for (size_t i = 0; i < REPLAY_RESULT_MAX; i++)
		versions[i] = 1;
	for (size_t over = 0; over < 2; over++) {
		const char *id = over == 0 ? "fits" : "large";

		res.revoked.n = most + over;
		assert_int_equal(look(f, id, &req, &replay, NULL), VAULT_NOT_FOUND);
		assert_ok(replay_keep(&f->op, &replay, &res));
		assert_ok(look(f, id, &req, &replay, &result));
		if (over == 0)
			assert_int_equal(result.len, REPLAY_RESULT_MAX);
		else
			assert_null(result.p);
	}
}

/* Labels are the same whatever order a client's map has. */
static void
test_the_order_of_a_map(void **state)
{
	static const uint8_t maps[][9] = {
		{ 0x82, 0xa1, 'a', 0x01, 0xa1, 'b', 0x81, 0xa0, 0xc0 },
		{ 0x82, 0xa1, 'b', 0x81, 0xa0, 0xc0, 0xa1, 'a', 0x01 },
		{ 0x82, 0xa1, 'b', 0x81, 0xa0, 0xc0, 0xa1, 'a', 0x02 },
	};
	struct tenant_create_req req = { .tenant = TEXT_LITERAL("acme") };
	struct tenant_create_res res;
	struct fixture *f = *state;
	struct replay replay;

	f->op.row = &op_rows[OP_tenant_create];
	req.labels = (struct vault_map){ maps[0], sizeof maps[0] };
	assert_int_equal(look(f, "a", &req, &replay, NULL), VAULT_NOT_FOUND);
	assert_ok(replay_keep(&f->op, &replay, &res));
	req.labels.p = maps[1];
	assert_ok(look(f, "a", &req, &replay, NULL));
	req.labels.p = maps[2];
	assert_int_equal(look(f, "a", &req, &replay, NULL), VAULT_CONFLICT);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_kept_and_found, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_fields, setup, teardown),
		cmocka_unit_test_setup_teardown(test_another_principal, setup, teardown),
		cmocka_unit_test_setup_teardown(test_for_a_day, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_clock_goes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_only_what_expired_goes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_steady_use_is_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_lost_row, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_large_result, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_order_of_a_map, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
