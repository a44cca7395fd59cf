#include "tools/vault-bench/echo.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define ECHO_READ_MAX 65536
#define ECHO_EVENTS_MAX 256

/* The sockets block, but only the client's reading can be waited for, and the client never waits
 * for us. */
static bool
echo_back(int fd, char *bytes)
{
	ssize_t n = read(fd, bytes, ECHO_READ_MAX);

	for (ssize_t done = 0; done < n;) {
		ssize_t wrote = write(fd, bytes + done, (size_t)(n - done));

		if (wrote < 0)
			return false;
		done += wrote;
	}
	return n > 0;
}

static void
echo_serve(int epoll)
{
	char bytes[ECHO_READ_MAX];
	struct epoll_event events[ECHO_EVENTS_MAX];

	for (;;) {
		int n = epoll_wait(epoll, events, ECHO_EVENTS_MAX, -1);

		for (int i = 0; i < n; i++)
			if (!echo_back(events[i].data.fd, bytes))
				close(events[i].data.fd);
	}
}

/* n pairs: ours[] stay with the caller, theirs wait in the epoll set. */
static bool
echo_pairs(int epoll, unsigned n, int *ours, int *theirs)
{
	for (unsigned i = 0; i < n; i++) {
		struct epoll_event ev = { .events = EPOLLIN };
		int pair[2];

		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
			return false;
		ours[i] = pair[0];
		theirs[i] = ev.data.fd = pair[1];
		if (epoll_ctl(epoll, EPOLL_CTL_ADD, pair[1], &ev) != 0)
			return false;
	}
	return true;
}

static pid_t
echo_fork(int epoll, unsigned n, const int *ours)
{
	pid_t parent = getpid(), child = fork();

	if (child != 0)
		return child;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	signal(SIGPIPE, SIG_IGN);
	for (unsigned i = 0; i < n; i++)
		close(ours[i]);
	echo_serve(epoll);
	_exit(0);
}

pid_t
echo_start(unsigned n, int *fds)
{
	int *theirs = malloc(n * sizeof *theirs);
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	pid_t child = -1;

	for (unsigned i = 0; i < n; i++)
		fds[i] = -1;
	for (unsigned i = 0; theirs != NULL && i < n; i++)
		theirs[i] = -1;
	if (theirs != NULL && epoll >= 0 && echo_pairs(epoll, n, fds, theirs))
		child = echo_fork(epoll, n, fds);
	for (unsigned i = 0; theirs != NULL && i < n; i++)
		if (theirs[i] >= 0)
			close(theirs[i]);
	free(theirs);
	if (epoll >= 0)
		close(epoll);
	return child;
}

void
echo_stop(pid_t child)
{
	if (child <= 0)
		return;
	kill(child, SIGKILL);
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		continue;
}
