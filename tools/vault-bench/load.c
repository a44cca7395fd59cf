#include "tools/vault-bench/load.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_SECOND UINT64_C(1000000000)
#define READ_MAX ((size_t)65536)	 /* bytes of one read: what stays in the cache */
#define INPUT_MAX (FRAME_MAX + READ_MAX) /* of one connection: a reply and what follows */
#define STALL_MS 10000			 /* so long without any answer breaks the run off */
#define EVENTS_MAX 256			 /* of one epoll_wait */

struct connection {
	int fd;
	bool blocked; /* the socket is full: EPOLLOUT is armed */
	uint8_t *in;
	size_t in_len;
	uint8_t *out; /* at most every slot's request */
	size_t out_len;
	uint64_t *sent;	 /* when each slot was sent; 0: not in flight */
	unsigned oldest; /* the slot whose reply is next where replies come in order */
	struct scan scan;
};

struct load {
	const struct load_plan *plan;
	struct load_result *result;
	struct connection *connections;
	int epoll;
	uint64_t begin, end; /* of the measured time */
	uint64_t last;	     /* reply */
	uint64_t issued;
	uint64_t open; /* requests in flight */
};

uint64_t
load_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_SECOND + (uint64_t)ts.tv_nsec;
}

static bool __attribute__((format(printf, 2, 3))) broken(struct load *l, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(l->result->first_error, LOAD_ERROR_MAX, format, ap);
	va_end(ap);
	return false;
}

/* SplitMix64's last step: neighbours become numbers far apart. */
static uint64_t
scatter(uint64_t n)
{
	n = (n ^ n >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	n = (n ^ n >> 27) * UINT64_C(0x94d049bb133111eb);
	return n ^ n >> 31;
}

static uint64_t
counter_of(const struct template *t, uint64_t n)
{
	if (t->scattered)
		n = scatter(n);
	return t->modulus == 0 ? n : n % t->modulus;
}

static void
put_counter(uint8_t *at, uint64_t n)
{
	for (int i = COUNTER_DIGITS - 1; i >= 0; i--, n /= 10)
		at[i] = (uint8_t)('0' + n % 10);
}

static void
put_id(uint8_t *at, uint32_t id)
{
	id = __builtin_bswap32(id);
	memcpy(at, &id, sizeof id);
}

static void
issue(struct load *l, struct connection *c, uint32_t slot, uint64_t now)
{
	const struct template *t = l->plan->template;
	size_t len = buf_len(&t->bytes);
	uint8_t *at = c->out + c->out_len;

	memcpy(at, buf_data(&t->bytes), len);
	if (t->id_at != 0)
		put_id(at + t->id_at, slot);
	if (t->counter_at != 0)
		put_counter(at + t->counter_at, counter_of(t, l->issued));
	if (t->key_at != 0)
		memcpy(at + t->key_at, apikeys_pick(t->keys, l->issued), APIKEY_BYTES);
	c->out_len += len;
	c->sent[slot] = now;
	l->open++;
	l->issued++;
}

static bool
may_issue(const struct load *l, uint64_t now)
{
	return l->plan->count == 0 ? now < l->end : l->issued < l->plan->count;
}

static bool
arm(struct load *l, struct connection *c, bool blocked)
{
	struct epoll_event ev = { .events = EPOLLIN | (blocked ? EPOLLOUT : 0), .data.ptr = c };

	if (c->blocked == blocked)
		return true;
	c->blocked = blocked;
	return epoll_ctl(l->epoll, EPOLL_CTL_MOD, c->fd, &ev) == 0 || broken(l, "epoll_ctl: %m");
}

static bool
flush(struct load *l, struct connection *c)
{
	ssize_t n;

	if (c->out_len == 0)
		return true;
	n = write(c->fd, c->out, c->out_len);
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		return broken(l, "write: %m");
	if (n > 0) {
		c->out_len -= (size_t)n;
		memmove(c->out, c->out + n, c->out_len);
	}
	return arm(l, c, c->out_len > 0);
}

static void
note_error(struct load *l, struct vault_bytes reply)
{
	char text[LOAD_ERROR_MAX];
	enum vault_err code;

	wire_error_text(&l->plan->wire, reply, text, sizeof text, &code);
	if (l->plan->tolerate != VAULT_OK && code == l->plan->tolerate)
		return;
	if (l->result->errors++ == 0)
		memcpy(l->result->first_error, text, sizeof text);
}

/* Ends what the reply answers and sends its slot again. */
static bool
settle(struct load *l, struct connection *c, const struct reply *reply, uint64_t now)
{
	uint64_t slot = reply->id >= 0 ? (uint64_t)reply->id : c->oldest;

	if (slot >= l->plan->in_flight || c->sent[slot] == 0)
		return broken(l, "a reply to no request in flight (id %" PRId64 ")", reply->id);
	if (reply->id < 0)
		c->oldest = (c->oldest + 1) % l->plan->in_flight;
	if (now >= l->begin && now < l->end) {
		histogram_add(&l->result->latency, now - c->sent[slot]);
		l->result->answered++;
	}
	c->sent[slot] = 0;
	l->open--;
	if (may_issue(l, now))
		issue(l, c, (uint32_t)slot, now);
	return true;
}

static bool
take_replies(struct load *l, struct connection *c, uint64_t now)
{
	const struct wire *wire = &l->plan->wire;
	size_t at = 0;

	while (at < c->in_len) {
		struct vault_bytes rest = { c->in + at, c->in_len - at };
		struct reply reply;
		enum reply_status status = wire->split(wire, &c->scan, rest, &reply);

		if (status == REPLY_SHORT)
			break;
		if (status == REPLY_BAD)
			return broken(l, "a reply that is not of the protocol");
		if (status == REPLY_ERROR)
			note_error(l, (struct vault_bytes){ rest.p, reply.len });
		else if (l->plan->made != NULL)
			apikeys_take(l->plan->made, (struct vault_bytes){ rest.p, reply.len });
		if (!settle(l, c, &reply, now))
			return false;
		at += reply.len;
	}
	c->in_len -= at;
	memmove(c->in, c->in + at, c->in_len);
	return true;
}

static bool
turn(struct load *l, struct connection *c, uint32_t events)
{
	size_t room = INPUT_MAX - c->in_len;
	uint64_t now;
	ssize_t n;

	if ((events & EPOLLOUT) != 0 && !flush(l, c))
		return false;
	if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0)
		return true;
	n = read(c->fd, c->in + c->in_len, room < READ_MAX ? room : READ_MAX);
	if (n == 0)
		return broken(l, "the peer closed the connection");
	if (n < 0)
		return errno == EAGAIN || errno == EINTR || broken(l, "read: %m");
	/* One reading of the clock for all that came together: it is also when the next ones are
	 * sent. */
	now = load_clock();
	l->last = now;
	c->in_len += (size_t)n;
	return take_replies(l, c, now) && flush(l, c);
}

static bool
drive(struct load *l)
{
	struct epoll_event events[EVENTS_MAX];

	while (l->open > 0) {
		int n = epoll_wait(l->epoll, events, EVENTS_MAX, STALL_MS);

		if (n == 0)
			return broken(l, "no answer for %d s", STALL_MS / 1000);
		if (n < 0 && errno != EINTR)
			return broken(l, "epoll_wait: %m");
		for (int i = 0; i < n; i++)
			if (!turn(l, events[i].data.ptr, events[i].events))
				return false;
	}
	return true;
}

static bool
open_connection(struct load *l, struct connection *c, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = c };
	int flags = fcntl(fd, F_GETFL);

	c->fd = fd;
	c->in = malloc(INPUT_MAX);
	c->out = malloc(buf_len(&l->plan->template->bytes) * l->plan->in_flight);
	c->sent = calloc(l->plan->in_flight, sizeof *c->sent);
	if (c->in == NULL || c->out == NULL || c->sent == NULL)
		return broken(l, "out of memory");
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
	    epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &ev) != 0)
		return broken(l, "connection: %m");
	return true;
}

static bool
first_requests(struct load *l)
{
	for (unsigned i = 0; i < l->plan->connections; i++) {
		struct connection *c = &l->connections[i];
		uint64_t now = load_clock();

		for (uint32_t slot = 0; slot < l->plan->in_flight && may_issue(l, now); slot++)
			issue(l, c, slot, now);
		if (!flush(l, c))
			return false;
	}
	return true;
}

static void
close_all(struct load *l)
{
	for (unsigned i = 0; l->connections != NULL && i < l->plan->connections; i++) {
		free(l->connections[i].in);
		free(l->connections[i].out);
		free(l->connections[i].sent);
	}
	free(l->connections);
	if (l->epoll >= 0)
		close(l->epoll);
}

static bool
open_all(struct load *l, const int *fds)
{
	l->connections = calloc(l->plan->connections, sizeof *l->connections);
	if (l->connections == NULL || l->epoll < 0)
		return broken(l, "epoll: %m");
	for (unsigned i = 0; i < l->plan->connections; i++)
		if (!open_connection(l, &l->connections[i], fds[i]))
			return false;
	return true;
}

static double
cpu_seconds(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1e-6;
}

bool
load_run(const struct load_plan *plan, const int *fds, struct load_result *result)
{
	struct load l = { .plan = plan, .result = result, .epoll = epoll_create1(EPOLL_CLOEXEC) };
	double cpu = cpu_seconds();
	uint64_t start;
	bool ok;

	result->answered = 0;
	ok = open_all(&l, fds);
	start = load_clock();
	l.begin = plan->count == 0 ? start + plan->warmup_ns : start;
	l.end = plan->count == 0 ? l.begin + plan->run_ns : UINT64_MAX;
	ok = ok && first_requests(&l) && drive(&l);
	if (l.last > start) {
		result->seconds = (double)(plan->count == 0 ? plan->run_ns : l.last - start) * 1e-9;
		result->cpu = (cpu_seconds() - cpu) / ((double)(l.last - start) * 1e-9);
	}
	close_all(&l);
	return ok;
}
