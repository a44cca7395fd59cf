#include "tools/vault-bench/child.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

bool
child_write(int fd, const void *bytes, size_t n)
{
	const char *p = bytes;

	while (n > 0) {
		ssize_t wrote = write(fd, p, n);

		if (wrote < 0)
			return false;
		p += wrote;
		n -= (size_t)wrote;
	}
	return true;
}

/* n pairs: ours[] stay with the caller, theirs wait in the epoll set. */
static bool
child_pairs(int epoll, unsigned n, int *ours, int *theirs)
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
child_fork(int epoll, unsigned n, const int *ours, child_serve serve, const void *arg)
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
	serve(epoll, arg);
	_exit(0);
}

pid_t
child_start(unsigned n, int *fds, child_serve serve, const void *arg)
{
	int *theirs = malloc(n * sizeof *theirs);
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	pid_t child = -1;

	for (unsigned i = 0; i < n; i++)
		fds[i] = -1;
	for (unsigned i = 0; theirs != NULL && i < n; i++)
		theirs[i] = -1;
	if (theirs != NULL && epoll >= 0 && child_pairs(epoll, n, fds, theirs))
		child = child_fork(epoll, n, fds, serve, arg);
	for (unsigned i = 0; theirs != NULL && i < n; i++)
		if (theirs[i] >= 0)
			close(theirs[i]);
	free(theirs);
	if (epoll >= 0)
		close(epoll);
	return child;
}

void
child_stop(pid_t child)
{
	if (child <= 0)
		return;
	kill(child, SIGKILL);
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		continue;
}
