#include "vaultd/base/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define LISTEN_FDS_START 3 /* sd_listen_fds(3): the first descriptor passed */
#define LISTEN_FDS_MAX 2   /* sockets that vaultd has */
#define MESSAGE_MAX (NOTIFY_STATUS_MAX + 64)

/* A decimal number from 1 to max, and nothing else. */
static bool
number(const char *text, int64_t max, int64_t *v)
{
	char *end;
	long long n;

	/* strtoll would take a sign and spaces. */
	if (text == NULL || *text < '0' || *text > '9')
		return false;
	errno = 0;
	n = strtoll(text, &end, 10);
	if (errno != 0 || *end != '\0' || n < 1 || n > max)
		return false;
	*v = n;
	return true;
}

/* Whether the variable holds this process's id: what is meant for another process is not ours. */
static bool
names_us(const char *variable)
{
	int64_t pid;

	return number(getenv(variable), INT32_MAX, &pid) && pid == getpid();
}

/* $WATCHDOG_USEC, sd_watchdog_enabled(3): without $WATCHDOG_PID it is for whoever reads it. */
static enum vault_err
watchdog(int64_t *usec)
{
	if (getenv("WATCHDOG_USEC") == NULL)
		return VAULT_OK;
	if (getenv("WATCHDOG_PID") != NULL && !names_us("WATCHDOG_PID"))
		return VAULT_OK;
	return number(getenv("WATCHDOG_USEC"), INT64_MAX, usec) ? VAULT_OK : VAULT_INVALID_PARAMS;
}

static enum vault_err
connect_to(const char *path, int *fd)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t len = strlen(path);
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	int s;

	if ((path[0] != '/' && path[0] != '@') || len < 2 || len >= sizeof address.sun_path)
		return VAULT_INVALID_PARAMS;
	memcpy(address.sun_path, path, len);
	/* '@' stands for the NUL of an abstract name, which ends where size says. */
	if (path[0] == '@')
		address.sun_path[0] = '\0';
	else
		size++;
	s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s < 0)
		return VAULT_INTERNAL;
	if (connect(s, (const struct sockaddr *)&address, size) != 0) {
		close(s);
		return VAULT_INTERNAL;
	}
	*fd = s;
	return VAULT_OK;
}

enum vault_err
notify_open(struct notify *notify)
{
	struct notify opened = { .fd = -1 };
	const char *path = getenv("NOTIFY_SOCKET");
	enum vault_err err = watchdog(&opened.watchdog_usec);

	if (err == VAULT_OK && path != NULL)
		err = connect_to(path, &opened.fd);
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	if (err == VAULT_OK)
		*notify = opened;
	return err;
}

void
notify_close(struct notify *notify)
{
	if (notify->fd >= 0)
		close(notify->fd);
	*notify = (struct notify){ .fd = -1 };
}

static void
tell(const struct notify *notify, const char *message)
{
	if (notify->fd < 0)
		return;
	/* Nothing can be done about a manager that does not listen. */
	if (send(notify->fd, message, strlen(message), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return;
}

void
notify_ready(const struct notify *notify)
{
	tell(notify, "READY=1");
}

void
notify_reloading(const struct notify *notify)
{
	char message[MESSAGE_MAX];
	struct timespec now;

	/* The time lets a Type=notify-reload manager tell this reload from an earlier one. */
	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(message, sizeof message, "RELOADING=1\nMONOTONIC_USEC=%lld",
		 (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
	tell(notify, message);
}

void
notify_stopping(const struct notify *notify)
{
	tell(notify, "STOPPING=1");
}

void
notify_watchdog(const struct notify *notify)
{
	tell(notify, "WATCHDOG=1");
}

void
notify_status(const struct notify *notify, const char *status)
{
	char message[MESSAGE_MAX];

	/* A line feed would begin another assignment. */
	snprintf(message, sizeof message, "STATUS=%.*s", (int)strnlen(status, NOTIFY_STATUS_MAX),
		 status);
	message[strcspn(message, "\n")] = '\0';
	tell(notify, message);
}

static bool
listening_socket(int fd)
{
	int domain = 0;
	int accepting = 0;
	socklen_t size = sizeof domain;

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0 || domain != AF_UNIX)
		return false;
	size = sizeof accepting;
	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &accepting, &size) == 0 && accepting != 0;
}

/* Puts one descriptor where its name, len bytes long, says. */
static enum vault_err
place(struct listen_fds *fds, int fd, const char *name, size_t len)
{
	int *to = NULL;

	if (len == 6 && memcmp(name, "vaultd", len) == 0)
		to = &fds->app;
	else if (len == 5 && memcmp(name, "admin", len) == 0)
		to = &fds->admin;
	if (to == NULL || *to >= 0 || !listening_socket(fd))
		return VAULT_INVALID_PARAMS;
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
		return VAULT_INTERNAL;
	*to = fd;
	return VAULT_OK;
}

/* count descriptors, their names separated by colons. */
static enum vault_err
place_all(struct listen_fds *fds, int count, const char *names)
{
	for (int i = 0; i < count; i++) {
		size_t len = strcspn(names, ":");

		TRY(place(fds, LISTEN_FDS_START + i, names, len));
		names += len;
		if (*names == ':')
			names++;
	}
	return *names == '\0' ? VAULT_OK : VAULT_INVALID_PARAMS;
}

enum vault_err
notify_listen_fds(struct listen_fds *fds)
{
	struct listen_fds passed = { -1, -1 };
	const char *names = getenv("LISTEN_FDNAMES");
	enum vault_err err = VAULT_OK;
	int64_t count;

	if (names_us("LISTEN_PID")) {
		if (number(getenv("LISTEN_FDS"), LISTEN_FDS_MAX, &count) && names != NULL)
			err = place_all(&passed, (int)count, names);
		else
			err = VAULT_INVALID_PARAMS;
	}
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	if (err == VAULT_OK)
		*fds = passed;
	return err;
}
