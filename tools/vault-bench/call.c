#include "tools/vault-bench/call.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "protocol/codec.h"
#include "protocol/frame.h"
#include "protocol/text.h"

#define READ_SIZE 65536
#define SCRATCH_SIZE 16384
#define SCRATCH_LIMIT ((size_t)4 << 20)
/* A msgid that is encoded in four bytes, so that any other fits in its place. */
#define MSGID UINT32_MAX

int
caller_dial(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd, err;

	if (strlen(path) >= sizeof sun.sun_path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(sun.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&sun, sizeof sun) != 0) {
		err = errno;
		close(fd);
		errno = err;
		return -1;
	}
	return fd;
}

enum vault_err
caller_open(struct caller *caller, const char *path)
{
	*caller = (struct caller){ .fd = caller_dial(path) };
	if (caller->fd < 0) {
		snprintf(caller->error, CALL_ERROR_MAX, "%s: %m", path);
		return VAULT_INTERNAL;
	}
	return scratch_init(&caller->scratch, SCRATCH_SIZE, SCRATCH_LIMIT);
}

void
caller_close(struct caller *caller)
{
	if (caller->fd >= 0)
		close(caller->fd);
	caller->fd = -1;
	buf_free(&caller->in);
	scratch_free(&caller->scratch);
}

enum vault_err
call_encode(enum op_id op, const void *req, struct buf *out)
{
	struct codec_writer writer = { .out = out };
	const struct op_row *row = &op_rows[op];

	codec_write_request(&writer,
			    &(struct codec_request){ .msgid = MSGID,
						     .method = { row->method, row->method_len },
						     .type = row->request(),
						     .fields = req });
	return writer.failed ? VAULT_BUSY : VAULT_OK;
}

static enum vault_err
send_all(struct caller *caller, struct vault_bytes bytes)
{
	while (bytes.len > 0) {
		ssize_t n = send(caller->fd, bytes.p, bytes.len, MSG_NOSIGNAL);

		if (n < 0 && errno != EINTR) {
			snprintf(caller->error, CALL_ERROR_MAX, "write: %m");
			return VAULT_INTERNAL;
		}
		if (n > 0)
			bytes = (struct vault_bytes){ bytes.p + n, bytes.len - (size_t)n };
	}
	return VAULT_OK;
}

static enum vault_err
receive(struct caller *caller)
{
	ssize_t n;

	TRY(buf_reserve(&caller->in, READ_SIZE));
	n = read(caller->fd, caller->in.p + caller->in.tail, READ_SIZE);
	if (n == 0)
		snprintf(caller->error, CALL_ERROR_MAX, "the peer closed the connection");
	else if (n < 0 && errno != EINTR)
		snprintf(caller->error, CALL_ERROR_MAX, "read: %m");
	else if (n > 0)
		caller->in.tail += (size_t)n;
	return n > 0 || (n < 0 && errno == EINTR) ? VAULT_OK : VAULT_INTERNAL;
}

enum vault_err
caller_exchange(struct caller *caller, const struct wire *wire, struct vault_bytes request,
		size_t *len)
{
	enum reply_status status = REPLY_SHORT;
	struct scan scan = { 0 };
	struct reply reply;
	enum vault_err err;

	buf_take(&caller->in, buf_len(&caller->in));
	TRY(send_all(caller, request));
	while (status == REPLY_SHORT) {
		TRY(receive(caller));
		status = wire->split(
			wire, &scan,
			(struct vault_bytes){ buf_data(&caller->in), buf_len(&caller->in) },
			&reply);
	}
	if (status == REPLY_BAD) {
		snprintf(caller->error, CALL_ERROR_MAX, "a reply that is not of the protocol");
		return VAULT_INTERNAL;
	}
	*len = reply.len;
	if (status == REPLY_OK)
		return VAULT_OK;
	wire_error_text(wire, (struct vault_bytes){ buf_data(&caller->in), reply.len },
			caller->error, CALL_ERROR_MAX, &err);
	return err;
}

static enum vault_err
read_result(struct caller *caller, const struct object_type *type, size_t len, void *res)
{
	struct codec_reader reader = { .mode = CODEC_LENIENT, .scratch = &caller->scratch };
	struct frame frame;

	scratch_reset(&caller->scratch, false);
	if (res == NULL)
		return VAULT_OK;
	TRY(frame_parse(buf_data(&caller->in), len, &frame));
	return codec_read(&reader, type, frame.result, res);
}

enum vault_err
caller_call(struct caller *caller, enum op_id op, const void *req, void *res)
{
	struct wire wire = wire_rpc();
	struct buf request = { 0 };
	enum vault_err err;
	size_t len = 0;

	err = call_encode(op, req, &request);
	if (err == VAULT_OK)
		err = caller_exchange(caller, &wire,
				      (struct vault_bytes){ buf_data(&request), buf_len(&request) },
				      &len);
	buf_free(&request);
	TRY(err);
	return read_result(caller, op_rows[op].result(), len, res);
}
