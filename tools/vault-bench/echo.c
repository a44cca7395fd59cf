#include "tools/vault-bench/echo.h"

#include <sys/epoll.h>
#include <unistd.h>

#include "tools/vault-bench/child.h"

#define ECHO_READ_MAX 65536
#define ECHO_EVENTS_MAX 256

/* The sockets block, but only the client's reading can be waited for, and the client never waits
 * for us. */
static bool
echo_back(int fd, char *bytes)
{
	ssize_t n = read(fd, bytes, ECHO_READ_MAX);

	return n > 0 && child_write(fd, bytes, (size_t)n);
}

void
echo_serve(int epoll, const void *arg)
{
	char bytes[ECHO_READ_MAX];
	struct epoll_event events[ECHO_EVENTS_MAX];

	(void)arg;
	for (;;) {
		int n = epoll_wait(epoll, events, ECHO_EVENTS_MAX, -1);

		for (int i = 0; i < n; i++)
			if (!echo_back(events[i].data.fd, bytes))
				close(events[i].data.fd);
	}
}
