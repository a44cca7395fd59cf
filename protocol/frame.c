#include "protocol/frame.h"

/* params: an array of nothing, of nil, or of one map (for which an empty array may stand). */
static enum vault_err
frame_params(struct cursor *c, struct frame *frame)
{
	struct cursor probe;
	uint32_t n, fields;

	if (!cursor_array(c, &n))
		return VAULT_INVALID_REQUEST;
	frame->params = *c;
	if (n == 0 || (n == 1 && cursor_nil(c))) {
		frame->params.end = frame->params.p;
		return VAULT_OK;
	}
	probe = *c;
	if (n != 1 || !cursor_map(&probe, &fields))
		return VAULT_INVALID_PARAMS;
	if (fields == 0)
		frame->params.end = frame->params.p;
	return VAULT_OK;
}

static enum vault_err
frame_reply(struct cursor *c, struct frame *frame)
{
	struct vault_bytes error, result;

	if (!cursor_skip(c, &error) || !cursor_skip(c, &result))
		return VAULT_INVALID_REQUEST;
	frame->error = (struct cursor){ error.p, error.p + error.len };
	frame->result = (struct cursor){ result.p, result.p + result.len };
	return VAULT_OK;
}

enum vault_err
frame_parse(const uint8_t *bytes, size_t len, struct frame *frame)
{
	struct cursor c = { bytes, bytes + len };
	uint32_t elements;
	int64_t type, msgid;

	*frame = (struct frame){ 0 };
	if (!cursor_array(&c, &elements) || elements < 3 || elements > 4 || !cursor_int(&c, &type))
		return VAULT_INVALID_REQUEST;
	if (type == FRAME_NOTIFICATION && elements == 3) {
		frame->type = FRAME_NOTIFICATION;
		return cursor_str(&c, &frame->method) ? frame_params(&c, frame)
						      : VAULT_INVALID_REQUEST;
	}
	if (!cursor_int(&c, &msgid) || msgid < 0 || msgid > UINT32_MAX)
		return VAULT_INVALID_REQUEST;
	frame->msgid = (uint32_t)msgid;
	if (elements != 4)
		return VAULT_INVALID_REQUEST;
	if (type == FRAME_REPLY) {
		frame->type = FRAME_REPLY;
		return frame_reply(&c, frame);
	}
	if (type != FRAME_REQUEST)
		return VAULT_INVALID_REQUEST;
	frame->type = FRAME_REQUEST;
	return cursor_str(&c, &frame->method) ? frame_params(&c, frame) : VAULT_INVALID_REQUEST;
}
