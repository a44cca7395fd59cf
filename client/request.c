/*
 * Making requests: encoded behind those that already wait to be sent.
 */
#include <errno.h>
#include <string.h>

#include "client/handle.h"
#include "protocol/value.h"

#define SEND_AHEAD 65536 /* bytes of requests that may wait for the next receive */

/* 0 is what the daemon answers to messages without one. */
static uint32_t
next_msgid(struct vault *v)
{
	if (++v->last_msgid == 0)
		v->last_msgid = 1;
	return v->last_msgid;
}

static const struct object_type *
nothing_type(void)
{
	static const struct field none[] = { { .name = NULL } };
	static const struct object_type type = { .name = "nothing", .fields = none };

	return &type;
}

/* The fields of an encoded map, and what every request may carry, as one map. */
static void
write_merged(struct codec_writer *w, struct cursor fields, const struct op_common *common)
{
	struct buf encoded = { 0 };
	struct codec_writer aside = { .out = &encoded };
	struct cursor added;
	uint32_t n = 0, more = 0;

	codec_write(&aside, op_common_type(), common);
	added = (struct cursor){ buf_data(&encoded), buf_data(&encoded) + buf_len(&encoded) };
	if (aside.failed || !cursor_map(&added, &more) ||
	    (fields.p != fields.end && !cursor_map(&fields, &n))) {
		w->failed = true;
	} else {
		value_map(w, n + more);
		value_encoded(w, fields);
		value_encoded(w, added);
	}
	buf_free(&encoded);
}

static void
write_request(struct vault *v, struct codec_writer *w, const struct client_request *request,
	      uint32_t msgid)
{
	struct cursor fields = { request->params.p, request->params.p + request->params.len };
	struct codec_request wire = { .msgid = msgid,
				      .method = request->method,
				      .type = nothing_type() };

	if (request->type != NULL && request->fields != NULL) {
		wire.type = request->type;
		wire.fields = request->fields;
		wire.common = &v->common;
		codec_write_request(w, &wire);
		return;
	}
	codec_write_request(w, &wire);
	if (w->failed)
		return;
	/* The empty map that ends it makes room for the fields. */
	buf_truncate(&v->out, buf_len(&v->out) - 1);
	if (request->params.p == NULL)
		fields = (struct cursor){ NULL, NULL };
	write_merged(w, fields, &v->common);
}

/* Whether the caller's bytes are one map and nothing else, or nothing at all. */
static bool
params_whole(struct vault_map params)
{
	struct cursor c = { params.p, params.p + params.len };
	struct cursor head = c;
	uint32_t n;

	return params.p == NULL || (cursor_map(&head, &n) && cursor_skip(&c, NULL) && c.p == c.end);
}

/* Sends ahead when much has gathered; answers that come meanwhile are read, or both sides would
 * wait for ever. */
static enum vault_err
send_ahead(struct vault *v)
{
	int64_t deadline_ms = client_deadline_ms(v);

	while (buf_len(&v->out) > SEND_AHEAD && !v->write_ended)
		TRY(client_pump(v, deadline_ms));
	return VAULT_OK;
}

/* The last reply's views end here. */
void
client_forget_reply(struct vault *v)
{
	buf_truncate(&v->reply, 0);
	v->reply.head = v->reply.tail = 0;
	scratch_reset(&v->scratch, true);
}

static enum vault_err
refuse_size(struct vault *v)
{
	return client_fail(v, VAULT_LOCAL_USE, EMSGSIZE,
			   "the request is larger than the daemon takes");
}

enum vault_err
client_submit(struct vault *v, const struct client_request *request, uint32_t *msgid)
{
	struct codec_writer w = { .out = &v->out };
	size_t before = buf_len(&v->out);
	uint32_t id;

	TRY(client_ready(v));
	if (request->params.len > FRAME_MAX)
		return refuse_size(v);
	if (!params_whole(request->params))
		return client_fail(v, VAULT_LOCAL_USE, 0, "params must be one MessagePack map");
	if (v->in_flight_n + v->kept_n >= IN_FLIGHT_MAX)
		return client_fail(v, VAULT_LOCAL_MEMORY, 0,
				   "too many requests are in flight; receive some first");
	id = next_msgid(v);
	write_request(v, &w, request, id);
	/* Only now: the request may have pointed into the last reply. */
	client_forget_reply(v);
	if (w.failed || buf_len(&v->out) - before > FRAME_MAX) {
		buf_truncate(&v->out, before);
		if (w.failed)
			return client_fail(v, VAULT_LOCAL_MEMORY, ENOMEM, "memory is short");
		return refuse_size(v);
	}
	v->common.request_id = (struct vault_text){ NULL, 0 };
	v->in_flight[v->in_flight_n++] = id;
	*msgid = id;
	return send_ahead(v);
}
