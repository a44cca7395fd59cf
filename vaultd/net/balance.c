#include "vaultd/net/balance.h"

#include "vaultd/net/intake.h"

#define LONG_NS 250000	  /* average turns from which on others are to help */
#define SHORT_NS 80000	  /* average turns below which a spare worker gives back */
#define STALE_NS 20000000 /* behind its last turn a worker counts as idle */
#define SETTLE_TURNS 16	  /* between two connections, so that the averages show the first */
#define WEIGHT 8	  /* of what was before against a new turn */

static int64_t
get(const _Atomic int64_t *ns)
{
	return atomic_load_explicit(ns, memory_order_relaxed);
}

static void
set(_Atomic int64_t *ns, int64_t v)
{
	atomic_store_explicit(ns, v, memory_order_relaxed);
}

void
balance_begin(struct worker *worker)
{
	set(&worker->balance.began_ns, clock_monotonic_ns());
}

/* What a worker has to do, in nanoseconds a turn. */
static int64_t
load_of(const struct worker *worker, int64_t now)
{
	const struct balance *balance = &worker->balance;
	int64_t began = balance_began(balance), average = get(&balance->turn_ns);

	if (began != 0)
		return now - began > average ? now - began : average;
	return now - get(&balance->ended_ns) > STALE_NS ? 0 : average;
}

/* Of the first n workers the one that has least to do, apart from this one. NULL: there is no other. */
static struct worker *
idlest(const struct worker *worker, unsigned n, int64_t now)
{
	struct worker *all = worker->balance.all, *found = NULL;

	for (unsigned i = 0; i < n; i++)
		if (&all[i] != worker &&
		    (found == NULL || load_of(&all[i], now) < load_of(found, now)))
			found = &all[i];
	return found;
}

static bool
is_spare(const struct worker *worker)
{
	return worker >= worker->balance.all + worker->balance.regular;
}

/*
 * Where one of the connections served would be better off, if anywhere. Half of its share besides
 * must be gained, or connections would wander to and fro.
 */
static struct worker *
better(const struct worker *worker, unsigned served, int64_t now)
{
	const struct balance *balance = &worker->balance;
	int64_t mine = get(&balance->turn_ns);
	struct worker *to = NULL;

	if (mine > LONG_NS) {
		to = idlest(worker, balance->count, now);
		if (to != NULL && load_of(to, now) + mine / served * 3 / 2 >= mine)
			to = NULL;
	} else if (mine < SHORT_NS && is_spare(worker)) {
		to = idlest(worker, balance->regular, now);
		if (to != NULL && load_of(to, now) + mine >= LONG_NS)
			to = NULL;
	}
	return to;
}

/* One that was served in this turn and can go. */
static struct conn *
choose(const struct worker *worker)
{
	for (struct conn *conn = worker->conns; conn != NULL; conn = conn->next)
		if (conn->turn == worker->turn && conn_may_leave(conn))
			return conn;
	return NULL;
}

/* Takes the turn into the average. */
static void
note_turn(struct balance *balance, int64_t now, int64_t took)
{
	int64_t average = get(&balance->turn_ns);

	set(&balance->turn_ns, average + (took - average) / WEIGHT);
	set(&balance->ended_ns, now);
}

void
balance_end(struct worker *worker, unsigned served)
{
	struct balance *balance = &worker->balance;
	struct worker *to;
	struct conn *conn;
	int64_t now;

	if (balance->count < 2)
		return;
	if (served > 0) {
		now = clock_monotonic_ns();
		note_turn(balance, now, now - balance_began(balance));
		to = balance->settle > 0 ? NULL : better(worker, served, now);
		conn = to == NULL ? NULL : choose(worker);
		if (conn != NULL && intake_give(conn, to))
			balance->settle = SETTLE_TURNS;
		else if (balance->settle > 0)
			balance->settle--;
	}
	set(&balance->began_ns, 0);
}
