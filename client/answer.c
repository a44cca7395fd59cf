/*
 * Taking answers: each is found by its msgid, however they are ordered.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/handle.h"
#include "protocol/text.h"

/* Takes msgid off the list of those in flight; false where it is not on it. */
static bool
take_in_flight(struct vault *v, uint32_t msgid)
{
	for (size_t i = 0; i < v->in_flight_n; i++) {
		if (v->in_flight[i] != msgid)
			continue;
		v->in_flight_n--;
		memmove(&v->in_flight[i], &v->in_flight[i + 1],
			(v->in_flight_n - i) * sizeof v->in_flight[0]);
		return true;
	}
	return false;
}

static bool
is_in_flight(const struct vault *v, uint32_t msgid)
{
	for (size_t i = 0; i < v->in_flight_n; i++)
		if (v->in_flight[i] == msgid)
			return true;
	return false;
}

/* Moves the message of len bytes that starts in to where. */
static enum vault_err
move_message(struct vault *v, size_t len, struct buf *where)
{
	enum vault_err err = buf_append(where, buf_data(&v->in), len);

	explicit_bzero(buf_data(&v->in), len);
	buf_take(&v->in, len);
	v->scan = (struct scan){ 0 };
	/* Its request would wait for ever. */
	if (err != VAULT_OK) {
		client_disconnect(v);
		return client_fail(v, VAULT_LOCAL_MEMORY, ENOMEM, "memory is short");
	}
	return VAULT_OK;
}

static enum vault_err
keep_message(struct vault *v, size_t len, uint32_t msgid)
{
	struct client_kept *kept = v->kept;

	if (kept == NULL)
		kept = calloc(IN_FLIGHT_MAX, sizeof *kept);
	if (kept == NULL) {
		client_disconnect(v);
		return client_fail(v, VAULT_LOCAL_MEMORY, ENOMEM, "memory is short");
	}
	v->kept = kept;
	kept[v->kept_n] = (struct client_kept){ .msgid = msgid };
	return move_message(v, len, &kept[v->kept_n++].bytes);
}

/* Makes a kept answer the reply, if it is there. */
static bool
take_kept(struct vault *v, uint32_t msgid)
{
	for (size_t i = 0; i < v->kept_n; i++) {
		if (v->kept[i].msgid != msgid)
			continue;
		buf_free(&v->reply);
		v->reply = v->kept[i].bytes;
		v->kept[i] = v->kept[--v->kept_n];
		return true;
	}
	return false;
}

/* Deals with one whole message of len bytes; *arrived tells whether it was the answer to msgid. */
static enum vault_err
take_message(struct vault *v, size_t len, uint32_t msgid, bool *arrived)
{
	struct frame frame;
	enum vault_err err = frame_parse(buf_data(&v->in), len, &frame);

	if (frame.type == FRAME_NOTIFICATION && err != VAULT_INVALID_REQUEST) {
		if (err == VAULT_OK && text_is(frame.method, "event"))
			client_keep_event(v, buf_data(&v->in), len);
		buf_take(&v->in, len);
		v->scan = (struct scan){ 0 };
		return VAULT_OK;
	}
	if (err != VAULT_OK || frame.type != FRAME_REPLY)
		return client_fail(v, VAULT_LOCAL_REPLY, 0,
				   "the daemon's message is not an answer");
	if (frame.msgid == 0 && !cursor_nil(&(struct cursor){ frame.error.p, frame.error.end })) {
		/* The daemon could not read what was sent, and ends the connection. */
		err = client_fail_remote(v, frame.error);
		client_disconnect(v);
		return err;
	}
	if (!take_in_flight(v, frame.msgid))
		return client_fail(v, VAULT_LOCAL_REPLY, 0,
				   "the daemon answered what was not asked");
	*arrived = frame.msgid == msgid;
	return *arrived ? move_message(v, len, &v->reply) : keep_message(v, len, frame.msgid);
}

/* Takes whole messages out of what has been read, up to the answer to msgid. */
static enum vault_err
take_messages(struct vault *v, uint32_t msgid, bool *arrived)
{
	while (!*arrived && buf_len(&v->in) > 0) {
		switch (scan_feed(&v->scan, buf_data(&v->in), buf_len(&v->in))) {
		case SCAN_WHOLE:
			TRY(take_message(v, v->scan.pos, msgid, arrived));
			break;
		case SCAN_SHORT:
			return VAULT_OK;
		case SCAN_BAD:
			return client_fail(v, VAULT_LOCAL_REPLY, 0,
					   "what answers is not a vaultd: not MessagePack");
		case SCAN_LARGE:
		case SCAN_DEEP:
			return client_fail(v, VAULT_LOCAL_REPLY, EMSGSIZE,
					   "the daemon's message is too large");
		}
	}
	return VAULT_OK;
}

/* Whether a result says that it was given before. */
static bool
says_replayed(struct cursor result)
{
	struct vault_text name;
	bool replayed = false;
	uint32_t n;

	if (!cursor_map(&result, &n))
		return false;
	for (uint32_t i = 0; i < n && cursor_str(&result, &name); i++) {
		if (text_is(name, "replayed"))
			return cursor_bool(&result, &replayed) && replayed;
		if (!cursor_skip(&result, NULL))
			return false;
	}
	return false;
}

enum vault_err
client_take_events(struct vault *v)
{
	bool arrived = false;

	/* 0 is no request's, so every answer is kept. */
	return take_messages(v, 0, &arrived);
}

static enum vault_err
open_reply(struct vault *v, struct cursor *result)
{
	struct frame frame;
	enum vault_err err = frame_parse(buf_data(&v->reply), buf_len(&v->reply), &frame);

	if (err != VAULT_OK)
		return client_fail(v, VAULT_LOCAL_REPLY, 0,
				   "the daemon's message is not an answer");
	if (!cursor_nil(&frame.error)) {
		err = client_fail_remote(v, frame.error);
		client_forget_reply(v);
		return err;
	}
	*result = frame.result;
	v->replayed = says_replayed(frame.result);
	return VAULT_OK;
}

enum vault_err
client_await(struct vault *v, uint32_t msgid, struct cursor *result)
{
	int64_t deadline_ms = client_deadline_ms(v);
	bool arrived;

	TRY(client_ready(v));
	client_forget_reply(v);
	v->replayed = false;
	arrived = take_kept(v, msgid);
	if (!arrived && !is_in_flight(v, msgid))
		return client_fail(v, VAULT_LOCAL_USE, 0, "no request of this msgid is in flight");
	TRY(take_messages(v, msgid, &arrived));
	while (!arrived) {
		TRY(client_pump(v, deadline_ms));
		TRY(take_messages(v, msgid, &arrived));
	}
	return open_reply(v, result);
}

static bool
is_kept(const struct vault *v, uint32_t msgid)
{
	for (size_t i = 0; i < v->kept_n; i++)
		if (v->kept[i].msgid == msgid)
			return true;
	return false;
}

enum vault_err
vault_wait(struct vault *v, uint32_t msgid, int timeout_ms, bool *arrived)
{
	int64_t deadline_ms = client_now_ms() + timeout_ms;
	enum client_wait how = CLIENT_MOVED;

	*arrived = false;
	TRY(client_ready(v));
	if (!is_kept(v, msgid) && !is_in_flight(v, msgid))
		return client_fail(v, VAULT_LOCAL_USE, 0, "no request of this msgid is in flight");
	TRY(client_take_events(v));
	while (!is_kept(v, msgid) && how == CLIENT_MOVED) {
		TRY(client_wait(v, deadline_ms, &how));
		TRY(client_take_events(v));
	}
	*arrived = is_kept(v, msgid);
	return VAULT_OK;
}
