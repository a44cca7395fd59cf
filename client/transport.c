#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "client/handle.h"

#define READ_MIN 65536 /* room made for each read */
#define BACKLOG_WAIT_MS                                                                            \
	5 /* between attempts while the daemon's backlog is full, which poll cannot wait for */

int64_t
client_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t
client_deadline_ms(const struct vault *v)
{
	return client_now_ms() + v->timeout_ms;
}

/* A Unix socket connects at once, or answers EAGAIN while the backlog is full. */
static int
connect_by(int fd, const struct sockaddr_un *address, int64_t deadline_ms)
{
	static const struct timespec pause = { .tv_nsec = BACKLOG_WAIT_MS * 1000000L };

	while (connect(fd, (const struct sockaddr *)address, sizeof *address) < 0) {
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return errno;
		if (client_now_ms() >= deadline_ms)
			return ETIMEDOUT;
		nanosleep(&pause, NULL);
	}
	return 0;
}

enum vault_err
client_connect(struct vault *v, int64_t deadline_ms)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int failed;

	if (strlen(v->path) >= sizeof address.sun_path)
		return client_fail(v, VAULT_LOCAL_CONNECT, ENAMETOOLONG,
				   "the socket's path is too long");
	memcpy(address.sun_path, v->path, strlen(v->path));
	v->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (v->fd < 0)
		return client_fail(v, VAULT_LOCAL_CONNECT, errno, "no socket can be made");
	failed = connect_by(v->fd, &address, deadline_ms);
	if (failed != 0)
		return client_fail(v, VAULT_LOCAL_CONNECT, failed, "cannot connect to the daemon");
	return VAULT_OK;
}

/* Writes what the socket takes, wiping what has left: it may have been a passphrase. */
static enum vault_err
write_some(struct vault *v)
{
	while (buf_len(&v->out) > 0 && !v->write_ended) {
		ssize_t n = send(v->fd, buf_data(&v->out), buf_len(&v->out), MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return VAULT_OK;
		if (n < 0 && (errno == EPIPE || errno == ECONNRESET)) {
			/* The daemon says why it ends a connection before it does. */
			v->write_ended = true;
			return VAULT_OK;
		}
		if (n < 0)
			return client_fail(v, VAULT_LOCAL_LOST, errno,
					   "the connection to the daemon failed");
		explicit_bzero(buf_data(&v->out), (size_t)n);
		buf_take(&v->out, (size_t)n);
	}
	return VAULT_OK;
}

static enum vault_err
read_some(struct vault *v)
{
	ssize_t n;

	if (buf_reserve(&v->in, READ_MIN) != VAULT_OK)
		return client_fail(v, VAULT_LOCAL_MEMORY, ENOMEM, "memory is short");
	do
		n = recv(v->fd, v->in.p + v->in.tail, v->in.cap - v->in.tail, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return VAULT_OK;
	if (n < 0)
		return client_fail(v, VAULT_LOCAL_LOST, errno,
				   "the connection to the daemon failed");
	if (n == 0)
		return client_fail(v, VAULT_LOCAL_LOST, 0, "the daemon closed the connection");
	v->in.tail += (size_t)n;
	return VAULT_OK;
}

enum vault_err
client_wait(struct vault *v, int64_t deadline_ms, enum client_wait *how)
{
	struct pollfd p = { .fd = v->fd, .events = POLLIN };
	int64_t left;
	int n, wait_ms;

	TRY(write_some(v));
	if (buf_len(&v->out) > 0 && !v->write_ended)
		p.events |= POLLOUT;
	left = deadline_ms - client_now_ms();
	wait_ms = left < INT_MAX ? (int)left : INT_MAX;
	n = poll(&p, 1, deadline_ms == INT64_MAX ? -1 : left > 0 ? wait_ms : 0);
	if (n < 0 && errno != EINTR)
		return client_fail(v, VAULT_LOCAL_LOST, errno,
				   "the connection to the daemon cannot be waited for");
	*how = n < 0 ? CLIENT_SIGNAL : n == 0 && left <= 0 ? CLIENT_LATE : CLIENT_MOVED;
	if (n > 0 && (p.revents & ~POLLOUT) != 0)
		return read_some(v);
	return VAULT_OK;
}

enum vault_err
client_pump(struct vault *v, int64_t deadline_ms)
{
	enum client_wait how = CLIENT_MOVED;

	TRY(client_wait(v, deadline_ms, &how));
	if (how == CLIENT_LATE)
		return client_fail(v, VAULT_LOCAL_TIMEOUT, ETIMEDOUT,
				   "the daemon did not answer in time");
	return VAULT_OK;
}
