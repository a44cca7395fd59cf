#include "tools/vault-bench/wire.h"

#include <stdio.h>
#include <string.h>

#include "protocol/frame.h"
#include "protocol/text.h"

/* A request's copy begins with array(4), 0, uint32: the number's four bytes. The echo sends them
 * back. */
#define ECHO_ID_AT 3

static enum reply_status
split_rpc(const struct wire *wire, struct scan *scan, struct vault_bytes in, struct reply *reply)
{
	enum scan_result result = scan_feed(scan, in.p, in.len);
	struct cursor c = { in.p, in.p + scan->pos };
	uint32_t elements;
	int64_t type;

	(void)wire;
	if (result != SCAN_WHOLE)
		return result == SCAN_SHORT ? REPLY_SHORT : REPLY_BAD;
	reply->len = scan->pos;
	*scan = (struct scan){ 0 };
	if (!cursor_array(&c, &elements) || elements != 4 || !cursor_int(&c, &type) ||
	    type != FRAME_REPLY || !cursor_int(&c, &reply->id) || reply->id < 0)
		return REPLY_BAD;
	return cursor_nil(&c) ? REPLY_OK : REPLY_ERROR;
}

static enum reply_status
split_echo(const struct wire *wire, struct scan *scan, struct vault_bytes in, struct reply *reply)
{
	const uint8_t *id = in.p + ECHO_ID_AT;

	(void)scan;
	if (in.len < wire->echoed)
		return REPLY_SHORT;
	reply->len = wire->echoed;
	reply->id = (int64_t)id[0] << 24 | id[1] << 16 | id[2] << 8 | id[3];
	return REPLY_OK;
}

/* The number behind the type byte, and where its line ends; -1 where the line is not whole. */
static int64_t
redis_line(struct vault_bytes in, size_t *end)
{
	const uint8_t *newline = memchr(in.p, '\n', in.len);
	int64_t n = 0;

	if (newline == NULL)
		return -1;
	*end = (size_t)(newline - in.p) + 1;
	for (const uint8_t *p = in.p + 1; *p >= '0' && *p <= '9' && n <= FRAME_MAX; p++)
		n = n * 10 + (*p - '0');
	return n;
}

static enum reply_status
split_redis(const struct wire *wire, struct scan *scan, struct vault_bytes in, struct reply *reply)
{
	size_t line;
	int64_t n = redis_line(in, &line);

	(void)wire;
	(void)scan;
	reply->id = -1;
	if (n < 0)
		return REPLY_SHORT;
	reply->len = line;
	if (in.p[0] == '-')
		return REPLY_ERROR;
	if (in.p[0] == '+')
		return REPLY_OK;
	/* "$-1" is a missing value: the key should be there. */
	if (in.p[0] != '$' || in.p[1] == '-' || n > FRAME_MAX)
		return REPLY_BAD;
	reply->len = line + (size_t)n + 2;
	return in.len < reply->len ? REPLY_SHORT : REPLY_OK;
}

struct wire
wire_rpc(void)
{
	return (struct wire){ .split = split_rpc };
}

struct wire
wire_echo(size_t len)
{
	return (struct wire){ .split = split_echo, .echoed = len };
}

struct wire
wire_redis(void)
{
	return (struct wire){ .split = split_redis };
}

static struct vault_text
error_member(struct cursor error, const char *name)
{
	struct vault_text key, value = TEXT_LITERAL("?");
	uint32_t n;

	if (!cursor_map(&error, &n))
		return value;
	while (n-- > 0 && cursor_str(&error, &key)) {
		if (text_is(key, name) && cursor_str(&error, &value))
			return value;
		if (!cursor_skip(&error, NULL))
			break;
	}
	return value;
}

void
wire_error_text(const struct wire *wire, struct vault_bytes reply, char *out, size_t size,
		enum vault_err *code)
{
	struct vault_text word, message;
	struct frame frame;

	*code = VAULT_INTERNAL;
	if (wire->split != split_rpc || frame_parse(reply.p, reply.len, &frame) != VAULT_OK) {
		snprintf(out, size, "%.*s", (int)strcspn((const char *)reply.p, "\r\n"),
			 (const char *)reply.p);
		return;
	}
	word = error_member(frame.error, "code");
	message = error_member(frame.error, "message");
	*code = vault_err_from_code(word);
	snprintf(out, size, "%.*s: %.*s", (int)word.len, word.p, (int)message.len, message.p);
}
