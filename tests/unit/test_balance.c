/* Who hands a connection to whom: workers without threads, whose turns take what the test says. */
#include "vaultd/net/balance.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "vaultd/net/conns.h"
#include "vaultd/net/intake.h"

#define WORKERS 3 /* the last is spare */
#define US 1000
#define TURNS 200 /* enough for any average to settle */

struct place {
	struct vault vault;
	struct lanes lanes;
	struct worker workers[WORKERS];
	struct uid_place uid;
	int peers[64];
	unsigned peer_count;
};

static int
setup(void **state)
{
	struct place *place = calloc(1, sizeof *place);

	assert_non_null(place);
	place->lanes.vault = &place->vault;
	for (unsigned i = 0; i < WORKERS; i++) {
		struct worker *worker = &place->workers[i];

		worker->lanes = &place->lanes;
		worker->base = event_base_new();
		worker->wake_fd = eventfd(0, EFD_NONBLOCK);
		worker->balance =
			(struct balance){ place->workers, WORKERS, .regular = WORKERS - 1 };
		worker->runner.vault = &place->vault;
		pthread_mutex_init(&worker->mutex, NULL);
	}
	*state = place;
	return 0;
}

static int
teardown(void **state)
{
	struct place *place = *state;

	for (unsigned i = 0; i < WORKERS; i++) {
		struct worker *worker = &place->workers[i];

		intake_take(worker);
		while (worker->conns != NULL)
			conn_close(worker->conns);
		event_base_free(worker->base);
		close(worker->wake_fd);
		free(worker->table);
	}
	for (unsigned i = 0; i < place->peer_count; i++)
		close(place->peers[i]);
	free(place);
	return 0;
}

static void
connect_to(struct place *place, struct worker *worker, unsigned n)
{
	const struct identity who = { .uid = 1 };

	for (unsigned i = 0; i < n; i++) {
		struct session *session = session_new(&who);
		int pair[2];

		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
		assert_true(intake_new(worker, pair[0], session, &place->uid));
		place->peers[place->peer_count++] = pair[1];
	}
	intake_take(worker);
}

static unsigned
count(struct worker *worker)
{
	unsigned n = 0;

	intake_take(worker);
	for (struct conn *conn = worker->conns; conn != NULL; conn = conn->next)
		n++;
	return n;
}

/* A turn that serves all of the worker's connections and takes so long for each. */
static void
turn(struct worker *worker, int64_t ns_each)
{
	unsigned served = count(worker);

	for (struct conn *conn = worker->conns; conn != NULL; conn = conn->next)
		conn->turn = worker->turn;
	worker->balance.began_ns = clock_monotonic_ns() - served * ns_each;
	balance_end(worker, served);
	worker->turn++;
}

static void
turns(struct place *place, int64_t ns_each)
{
	for (unsigned i = 0; i < TURNS; i++)
		for (unsigned w = 0; w < WORKERS; w++)
			turn(&place->workers[w], ns_each);
}

static void
test_long_turns_are_shared(void **state)
{
	struct place *place = *state;
	struct worker *w = place->workers;
	uint64_t moved;

	connect_to(place, &w[0], 12);
	turns(place, 200 * US);
	assert_in_range(count(&w[0]), 3, 5);
	assert_in_range(count(&w[1]), 3, 5);
	assert_in_range(count(&w[2]), 3, 5);
	moved = place->vault.metrics.moved;
	assert_in_range(moved, 8, 12);
	/* And so they stay. */
	turns(place, 200 * US);
	assert_int_equal(place->vault.metrics.moved, moved);
}

static void
test_spare_workers_give_back(void **state)
{
	struct place *place = *state;
	struct worker *w = place->workers;

	connect_to(place, &w[2], 6);
	turns(place, 3 * US);
	assert_int_equal(count(&w[2]), 0);
	assert_int_equal(count(&w[0]) + count(&w[1]), 6);
	turns(place, 3 * US);
	assert_int_equal(place->vault.metrics.moved, 6);
}

static void
test_short_turns_move_nobody(void **state)
{
	struct place *place = *state;
	struct worker *w = place->workers;

	connect_to(place, &w[0], 12);
	connect_to(place, &w[1], 1);
	turns(place, 20 * US);
	assert_int_equal(count(&w[0]), 12);
	assert_int_equal(place->vault.metrics.moved, 0);
}

/* Another worker would take as long for it. */
static void
test_a_lone_connection_stays(void **state)
{
	struct place *place = *state;
	struct worker *w = place->workers;

	connect_to(place, &w[0], 1);
	turns(place, 5000 * US);
	assert_int_equal(count(&w[0]), 1);
}

static void
test_who_was_not_served_stays(void **state)
{
	struct place *place = *state;
	struct worker *w = place->workers;

	connect_to(place, &w[0], 4);
	for (unsigned i = 0; i < TURNS; i++) {
		w[0].balance.began_ns = clock_monotonic_ns() - 5000 * US;
		balance_end(&w[0], 4);
		w[0].turn++;
	}
	assert_int_equal(count(&w[0]), 4);
}

/* A worker whose turn has no end yet is not idle, however long ago the last one ended. */
static void
test_a_turn_under_way_is_work(void **state)
{
	struct place *place = *state;
	struct worker *w = place->workers;

	for (unsigned i = 1; i < WORKERS; i++)
		w[i].balance.began_ns = clock_monotonic_ns() - 1000000 * US;
	connect_to(place, &w[0], 4);
	for (unsigned i = 0; i < TURNS; i++)
		turn(&w[0], 500 * US);
	assert_int_equal(count(&w[0]), 4);
}

/* What was last seen of a worker that has slept since says nothing. */
static void
test_an_idle_worker_has_nothing_to_do(void **state)
{
	struct place *place = *state;
	struct worker *w = place->workers;

	for (unsigned i = 1; i < WORKERS; i++) {
		w[i].balance.turn_ns = 1000000 * US;
		w[i].balance.ended_ns = clock_monotonic_ns() - 1000000 * US;
	}
	connect_to(place, &w[0], 4);
	for (unsigned i = 0; i < TURNS; i++)
		turn(&w[0], 500 * US);
	assert_in_range(count(&w[0]), 1, 3);
}

static void
test_none_goes_to_a_stopping_worker(void **state)
{
	struct place *place = *state;
	struct worker *w = place->workers;

	w[1].stop = w[2].stop = true;
	connect_to(place, &w[0], 4);
	turns(place, 500 * US);
	assert_int_equal(count(&w[0]), 4);
	assert_int_equal(place->vault.metrics.moved, 0);
}

/*
 * It was on its way when the daemon was told to stop: what was read of it is answered by the one, nothing is owed by
 * the other.
 */
static void
test_a_stopping_worker_takes_whom_it_owes_an_answer(void **state)
{
	struct place *place = *state;
	struct worker *w = place->workers;
	struct session *owed, *idle;

	connect_to(place, &w[0], 2);
	owed = session_hold(w[0].conns->session);
	idle = session_hold(w[0].conns->next->session);
	assert_int_equal(buf_append(&w[0].conns->in, "x", 1), VAULT_OK);
	assert_true(intake_give(w[0].conns->next, &w[1]));
	assert_true(intake_give(w[0].conns, &w[1]));
	w[1].stopping = true;
	assert_int_equal(count(&w[1]), 1);
	assert_ptr_equal(w[1].conns->session, owed);
	assert_ptr_equal(w[1].waiting, w[1].conns);
	assert_false(conn_idle(w[1].conns));
	/* Its other work need not wait for what nobody will read. */
	assert_true(idle->gone);
	assert_false(owed->gone);
	assert_int_equal(place->vault.metrics.connections, 1);
	assert_int_equal(place->uid.connections, 1);
	session_release(owed);
	session_release(idle);
}

/* Each of these keeps a connection where it is. */
static void
test_what_keeps_a_connection(void **state)
{
	struct place *place = *state;
	struct worker *w = place->workers;
	struct subscription watch = { 0 };
	struct conn *conn;

	connect_to(place, &w[0], 1);
	conn = w[0].conns;
	assert_true(conn_may_leave(conn));
#define KEEPS(member, value, none)                                                                 \
	do {                                                                                       \
		conn->member = value;                                                              \
		assert_false(conn_may_leave(conn));                                                \
		conn->member = none;                                                               \
		assert_true(conn_may_leave(conn));                                                 \
	} while (0)
	KEEPS(dead, true, false);
	KEEPS(ending, true, false);
	KEEPS(eof, true, false);
	KEEPS(dirty, true, false);
	KEEPS(resting, true, false);
	KEEPS(in_flight, 1, 0);
	KEEPS(watch, &watch, NULL);
	KEEPS(watch_asked, &watch, NULL);
	assert_int_equal(buf_append(&conn->out, "x", 1), VAULT_OK);
	assert_false(conn_may_leave(conn));
	buf_free(&conn->out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_long_turns_are_shared, setup, teardown),
		cmocka_unit_test_setup_teardown(test_spare_workers_give_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_short_turns_move_nobody, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_lone_connection_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(test_who_was_not_served_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_turn_under_way_is_work, setup, teardown),
		cmocka_unit_test_setup_teardown(test_an_idle_worker_has_nothing_to_do, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_none_goes_to_a_stopping_worker, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_a_stopping_worker_takes_whom_it_owes_an_answer,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_keeps_a_connection, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
