/*
 * Which worker serves a connection. New ones go round the regular workers. Where a worker's turns
 * last long, so that whoever asks waits for others, it hands a connection to the worker whose turns
 * are shortest, until none is better off. Spare workers get connections in no other way, and give
 * them back once turns are short: one thread that is awake answers short requests sooner than two
 * that must be woken, most of all where the callers need the processors themselves.
 */
#ifndef NET_BALANCE_H
#define NET_BALANCE_H

#include <stdatomic.h>
#include <stdint.h>

struct worker;

struct balance {
	struct worker *all; /* the server's, count of them; the spare ones behind the regular */
	unsigned count, regular;
	_Atomic int64_t began_ns; /* the turn that is under way; 0: none is */
	_Atomic int64_t turn_ns;  /* how long turns last that serve somebody, averaged */
	_Atomic int64_t ended_ns; /* the last of those */
	unsigned settle;	  /* turns until another connection may be handed over */
};

static inline int64_t
balance_began(const struct balance *balance)
{
	return atomic_load_explicit(&balance->began_ns, memory_order_relaxed);
}

/* The worker's thread, where a turn begins and when all of it is sent. */
void balance_begin(struct worker *worker);
/* served: how many connections had something in it. */
void balance_end(struct worker *worker, unsigned served);

#endif
