/*
 * Events: notifications wait in the handle, as they came, until they are asked for.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "client/handle.h"
#include "protocol/text.h"

#define EVENTS_KEPT_MAX (1u << 20) /* bytes of events not asked for yet; the oldest go first */

void
client_forget_events(struct vault *v)
{
	buf_free(&v->events);
	v->events_missed = 0;
}

/* The first event's bytes; 0 where there is none. They were scanned before they were kept. */
static size_t
first_event(const struct vault *v)
{
	struct scan scan = { 0 };

	if (buf_len(&v->events) == 0 ||
	    scan_feed(&scan, buf_data(&v->events), buf_len(&v->events)) != SCAN_WHOLE)
		return 0;
	return scan.pos;
}

void
client_keep_event(struct vault *v, const uint8_t *p, size_t len)
{
	size_t first;

	while (buf_len(&v->events) + len > EVENTS_KEPT_MAX && (first = first_event(v)) > 0) {
		buf_take(&v->events, first);
		v->events_missed++;
	}
	if (buf_len(&v->events) + len > EVENTS_KEPT_MAX ||
	    buf_append(&v->events, p, len) != VAULT_OK)
		v->events_missed++;
}

/* Moves the first event to where views point. */
static enum vault_err
open_event(struct vault *v, size_t len, struct vault_event_item *event)
{
	struct codec_reader reader = { .mode = CODEC_LENIENT, .scratch = &v->scratch };
	struct frame frame;
	struct event_item item;
	enum vault_err err = buf_append(&v->reply, buf_data(&v->events), len);

	if (err != VAULT_OK)
		return client_fail(v, VAULT_LOCAL_MEMORY, ENOMEM, "memory is short");
	buf_take(&v->events, len);
	err = frame_parse(buf_data(&v->reply), buf_len(&v->reply), &frame);
	if (err == VAULT_OK)
		err = codec_read(&reader, event_item_type(), frame.params, &item);
	if (err != VAULT_OK)
		return client_fail(v, VAULT_LOCAL_REPLY, 0, "the daemon's event is not understood");
	if (v->events_missed > 0)
		item.missed =
			(struct vault_opt_int){ item.missed.v + (int64_t)v->events_missed, true };
	v->events_missed = 0;
	memcpy(event, &item, sizeof *event);
	return VAULT_OK;
}

/* Waits until there is one, the time is up, or a signal came. */
static enum vault_err
wait_for_event(struct vault *v, int64_t deadline_ms, size_t *len)
{
	enum client_wait how = CLIENT_MOVED;

	TRY(client_take_events(v));
	while ((*len = first_event(v)) == 0 && how == CLIENT_MOVED) {
		TRY(client_wait(v, deadline_ms, &how));
		TRY(client_take_events(v));
	}
	return VAULT_OK;
}

enum vault_err
vault_next_event(struct vault *v, int timeout_ms, struct vault_event_item *event)
{
	int64_t deadline_ms = timeout_ms < 0 ? INT64_MAX : client_now_ms() + timeout_ms;
	size_t len;

	client_forget_reply(v);
	len = first_event(v);
	/* What came before the connection was lost can still be had, in the process it came to. */
	if (len == 0 || v->pid != getpid())
		TRY(client_ready(v));
	if (len == 0)
		TRY(wait_for_event(v, deadline_ms, &len));
	if (len > 0)
		return open_event(v, len, event);
	memset(event, 0, sizeof *event);
	return VAULT_OK;
}
