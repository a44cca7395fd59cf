#include "tests/unit/lib/fake_daemon.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "protocol/scan.h"

static bool
fake_flush(struct fake *fake)
{
	while (buf_len(&fake->out) > 0) {
		ssize_t n = send(fake->fd, buf_data(&fake->out), buf_len(&fake->out), MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		buf_take(&fake->out, (size_t)n);
	}
	return true;
}

struct codec_writer
fake_writer(struct fake *fake)
{
	return (struct codec_writer){ .out = &fake->out };
}

void
fake_result(struct fake *fake, uint32_t msgid, enum op_id id, const void *result)
{
	struct codec_writer w = fake_writer(fake);

	codec_write_result(&w, msgid, op_rows[id].result(), result);
}

void
fake_raw(struct fake *fake, const void *p, size_t n)
{
	assert_int_equal(buf_append(&fake->out, p, n), VAULT_OK);
}

static void
fake_hello(struct fake *fake, uint32_t msgid)
{
	struct wire_limits limits = { FRAME_MAX, DEPTH_MAX, IN_FLIGHT_MAX };
	struct sys_hello_res hello = { .server = TEXT_LITERAL("vaultd"),
				       .version = TEXT_LITERAL("0"),
				       .protocol = 1,
				       .principal = TEXT_LITERAL("uid:0"),
				       .limits = &limits };

	fake_result(fake, msgid, OP_sys_hello, &hello);
}

/* Takes one request off what has been read; false where the connection is to end. */
static bool
fake_request(struct fake *fake, struct buf *in, size_t len)
{
	struct frame frame;
	bool go_on = true;

	if (frame_parse(buf_data(in), len, &frame) != VAULT_OK)
		return false;
	if (text_is(frame.method, "sys.hello"))
		fake_hello(fake, frame.msgid);
	else
		go_on = fake->answer(fake, &frame, ++fake->count);
	buf_take(in, len);
	return fake_flush(fake) && go_on;
}

static void *
fake_run(void *arg)
{
	struct fake *fake = arg;
	struct buf in = { 0 };
	struct scan scan = { 0 };
	bool go_on = true;
	ssize_t n;

	while (go_on && buf_reserve(&in, 65536) == VAULT_OK) {
		n = read(fake->fd, in.p + in.tail, 65536);
		if (n <= 0)
			break;
		in.tail += (size_t)n;
		while (go_on && buf_len(&in) > 0 &&
		       scan_feed(&scan, buf_data(&in), buf_len(&in)) == SCAN_WHOLE) {
			go_on = fake_request(fake, &in, scan.pos);
			scan = (struct scan){ 0 };
		}
	}
	buf_free(&in);
	close(fake->fd);
	return NULL;
}

struct vault *
fake_start(struct fake *fake, fake_answer answer, int timeout_ms)
{
	struct vault_options options = { .timeout_ms = timeout_ms, .client = "test_client" };
	struct vault *vault;
	int pair[2];

	*fake = (struct fake){ .answer = answer };
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	fake->fd = pair[1];
	assert_int_equal(pthread_create(&fake->thread, NULL, fake_run, fake), 0);
	assert_int_equal(vault_open_fd(pair[0], &options, &vault), VAULT_OK);
	return vault;
}

void
fake_stop(struct fake *fake, struct vault *vault)
{
	vault_close(vault);
	pthread_join(fake->thread, NULL);
	buf_free(&fake->out);
}

void
assert_local(const struct vault *vault, enum vault_local local, const char *code)
{
	const struct vault_failure *f = vault_error(vault);

	assert_int_equal(f->local, local);
	assert_string_equal(f->code, code);
	assert_true(f->message[0] != '\0');
}

void
assert_broken(struct vault *vault)
{
	assert_int_equal(vault_fd(vault), -1);
	assert_int_equal(vault_sys_ping(vault, NULL, NULL), VAULT_INVALID_REQUEST);
	assert_local(vault, VAULT_LOCAL_USE, "use");
}
