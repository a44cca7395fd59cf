/*
 * Events: what operators watch for, from whichever thread it happened on to every connection that
 * asked. A bounded ring that all threads publish into; each worker with subscribers reads it at its
 * own pace. Who lags behind by more than the ring holds loses the oldest, and is told how many.
 */
#ifndef CORE_EVENTS_H
#define CORE_EVENTS_H

#include <pthread.h>
#include <stdatomic.h>

#include "protocol/fields.h"
#include "protocol/ops.h"
#include "vaultd/core/session.h"

#define EVENTS_MAX 1024 /* kept for listeners that have not taken them yet */

/* Zero and empty: does not say. Holds no secret; what a caller chose stands in it only as a name. */
struct vault_event {
	enum event_kind kind;
	int64_t time; /* seconds since 1970 */
	char tenant[TENANT_NAME_MAX + 1];
	char principal[PRINCIPAL_MAX + 1];
	const struct op_row *method; /* NULL: none */
	const char *class_name;	     /* a string constant; NULL: none */
	uint64_t count;		     /* of what it sums up ... */
	int64_t seconds;	     /* ... within so long */
	int64_t retry_after_ms;
	uint64_t suppressed; /* alerts that were not told before this one */
	/* Of a secret instead, told by secret.watch alone; kind is none then. */
	enum secret_event secret;
	char name[NAME_MAX_LEN + 1];
	uint32_t version;
};

/* One thread that takes events. The owner's, but the hub holds on to it between listen and unlisten. */
struct event_listener {
	struct event_listener *next;
	uint64_t taken; /* events before this one are done with */
	bool told;	/* woken, and has not looked since */
	void (*wake)(
		void *arg); /* from any thread, under the hub's lock: short, and calls nothing here */
	void *arg;
};

/* Usable from any thread. */
struct events {
	_Atomic uint64_t published; /* events ever; read without the lock to see whether any came */
	_Atomic unsigned listening; /* listeners */
	_Atomic uint64_t watchers;  /* subscriptions, for the metrics */
	pthread_mutex_t mutex;
	struct vault_event *ring; /* EVENTS_MAX, made by the first listener */
	struct event_listener *listeners;
};
void events_init(struct events *events);
void events_free(struct events *events);

/* Never waits for a reader; where nobody listens it costs one relaxed load. */
void events_publish(struct events *events, const struct vault_event *event);

/* From now on; VAULT_BUSY when memory is short. */
MUST_USE enum vault_err events_listen(struct events *events, struct event_listener *listener);
void events_unlisten(struct events *events, struct event_listener *listener);
/* Whether events_take would give one; a load. */
static inline bool
events_waiting(const struct events *events, const struct event_listener *listener)
{
	return atomic_load_explicit(&events->published, memory_order_acquire) != listener->taken;
}
/* The next event; *missed: how many before it were lost. False where there is none. */
bool events_take(struct events *events, struct event_listener *listener, struct vault_event *event,
		 uint64_t *missed);

/* What a connection asked to be told. The matcher may use whatever members it likes. */
struct subscription {
	bool (*matches)(const struct subscription *subscription, const struct vault_event *event);
	enum op_id op;			  /* the right to it is looked at again with each event */
	uint64_t since;			  /* events published before are not told */
	uint64_t missed;		  /* events lost since the last that was told */
	uint32_t kinds;			  /* bits 1 << enum event_kind */
	char tenant[TENANT_NAME_MAX + 1]; /* empty: whatever the tenant */
	char names[NAME_MAX_LEN + 2];	  /* secret.watch: the names' pattern, PREFIX* */
};

/* sys.watch: events of these kinds, and with a tenant only those that are about it. */
bool subscription_watch(const struct subscription *subscription, const struct vault_event *event);
/* secret.watch: a tenant's secrets whose names match. */
bool subscription_secret(const struct subscription *subscription, const struct vault_event *event);

#endif
