#include "vaultd/core/events.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/text.h"

void
events_init(struct events *events)
{
	*events = (struct events){ 0 };
	pthread_mutex_init(&events->mutex, NULL);
}

void
events_free(struct events *events)
{
	free(events->ring);
	events->ring = NULL;
}

void
events_publish(struct events *events, const struct vault_event *event)
{
	uint64_t n;

	if (atomic_load_explicit(&events->listening, memory_order_relaxed) == 0)
		return;
	pthread_mutex_lock(&events->mutex);
	/* The last listener may have left meanwhile. */
	if (events->listeners != NULL) {
		n = atomic_load_explicit(&events->published, memory_order_relaxed);
		events->ring[n % EVENTS_MAX] = *event;
		atomic_store_explicit(&events->published, n + 1, memory_order_release);
	}
	for (struct event_listener *l = events->listeners; l != NULL; l = l->next) {
		if (!l->told)
			l->wake(l->arg);
		l->told = true;
	}
	pthread_mutex_unlock(&events->mutex);
}

enum vault_err
events_listen(struct events *events, struct event_listener *listener)
{
	enum vault_err err = VAULT_OK;

	pthread_mutex_lock(&events->mutex);
	if (events->ring == NULL)
		events->ring = calloc(EVENTS_MAX, sizeof *events->ring);
	if (events->ring == NULL) {
		err = VAULT_BUSY;
	} else {
		listener->taken = atomic_load(&events->published);
		listener->told = false;
		listener->next = events->listeners;
		events->listeners = listener;
		atomic_fetch_add(&events->listening, 1);
	}
	pthread_mutex_unlock(&events->mutex);
	return err;
}

void
events_unlisten(struct events *events, struct event_listener *listener)
{
	pthread_mutex_lock(&events->mutex);
	for (struct event_listener **at = &events->listeners; *at != NULL; at = &(*at)->next) {
		if (*at != listener)
			continue;
		*at = listener->next;
		atomic_fetch_sub(&events->listening, 1);
		break;
	}
	pthread_mutex_unlock(&events->mutex);
}

bool
events_take(struct events *events, struct event_listener *listener, struct vault_event *event,
	    uint64_t *missed)
{
	uint64_t published;
	bool found;

	*missed = 0;
	pthread_mutex_lock(&events->mutex);
	published = atomic_load_explicit(&events->published, memory_order_relaxed);
	found = listener->taken != published;
	if (published - listener->taken > EVENTS_MAX) {
		*missed = published - listener->taken - EVENTS_MAX;
		listener->taken += *missed;
	}
	if (found)
		*event = events->ring[listener->taken++ % EVENTS_MAX];
	else
		listener->told = false;
	pthread_mutex_unlock(&events->mutex);
	return found;
}

bool
subscription_watch(const struct subscription *subscription, const struct vault_event *event)
{
	return event->secret == secret_event_none &&
	       (subscription->kinds & UINT32_C(1) << event->kind) != 0 &&
	       (subscription->tenant[0] == '\0' ||
		strcmp(subscription->tenant, event->tenant) == 0);
}

bool
subscription_secret(const struct subscription *subscription, const struct vault_event *event)
{
	return event->secret != secret_event_none &&
	       strcmp(subscription->tenant, event->tenant) == 0 &&
	       text_matches(text_of(subscription->names), text_of(event->name));
}
