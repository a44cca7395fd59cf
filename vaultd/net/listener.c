#include "vaultd/net/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LISTEN_BACKLOG                                                                             \
	4096 /* a burst of callers waits here, as far as the kernel allows (somaxconn) */

static enum vault_err
socket_address(const char *path, struct sockaddr_un *address, const char **why)
{
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof address->sun_path) {
		*why = "the runtime directory's path is too long for a socket";
		return VAULT_INVALID_PARAMS;
	}
	memcpy(address->sun_path, path, strlen(path));
	return VAULT_OK;
}

/* Removes a socket that nobody listens on. */
static enum vault_err
clear_stale(const struct sockaddr_un *address, const char **why)
{
	struct stat st;
	int fd, failed;

	if (lstat(address->sun_path, &st) != 0)
		return VAULT_OK;
	if (!S_ISSOCK(st.st_mode)) {
		*why = "something that is no socket stands where the socket goes";
		return VAULT_CONFLICT;
	}
	/* A daemon whose backlog is full is alive too, and must not hold us up. */
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return VAULT_INTERNAL;
	failed = connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 ? 0 : errno;
	close(fd);
	if (failed != ECONNREFUSED) {
		*why = "another daemon answers on the socket";
		return VAULT_BUSY;
	}
	return unlink(address->sun_path) == 0 ? VAULT_OK : VAULT_INTERNAL;
}

static enum vault_err
bind_socket(const struct listener_config *config, const struct sockaddr_un *address, int fd,
	    const char **why)
{
	mode_t before = umask(077), mode = config->admin && !config->group_set ? 0600 : 0660;
	int failed = bind(fd, (const struct sockaddr *)address, sizeof *address);

	umask(before);
	*why = "the socket could not be made";
	if (failed != 0)
		return VAULT_INTERNAL;
	if (config->group_set && chown(address->sun_path, (uid_t)-1, config->group) != 0)
		return VAULT_INTERNAL;
	if (chmod(address->sun_path, mode) != 0 || listen(fd, LISTEN_BACKLOG) != 0)
		return VAULT_INTERNAL;
	return VAULT_OK;
}

enum vault_err
listener_open(const struct listener_config *config, struct listener *listener, const char **why)
{
	struct sockaddr_un address;
	enum vault_err err;
	struct stat st;
	int n;

	*listener = (struct listener){ .fd = -1, .admin = config->admin };
	n = snprintf(listener->path, sizeof listener->path, "%s/%s", config->directory,
		     config->name);
	if (n < 0 || (size_t)n >= sizeof listener->path) {
		*why = "the runtime directory's path is too long for a socket";
		return VAULT_INVALID_PARAMS;
	}
	TRY(socket_address(listener->path, &address, why));
	TRY(clear_stale(&address, why));
	listener->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (listener->fd < 0)
		return VAULT_INTERNAL;
	err = bind_socket(config, &address, listener->fd, why);
	if (err == VAULT_OK && stat(listener->path, &st) != 0)
		err = VAULT_INTERNAL;
	if (err != VAULT_OK) {
		close(listener->fd);
		listener->fd = -1;
		return err;
	}
	listener->ours = true;
	listener->device = st.st_dev;
	listener->inode = st.st_ino;
	return VAULT_OK;
}

void
listener_adopt(struct listener *listener, int fd, bool admin)
{
	*listener = (struct listener){ .fd = fd, .admin = admin };
	(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	(void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

void
listener_close(struct listener *listener)
{
	struct stat st;

	if (listener->fd < 0)
		return;
	if (listener->ours && lstat(listener->path, &st) == 0 && st.st_dev == listener->device &&
	    st.st_ino == listener->inode)
		(void)unlink(listener->path);
	close(listener->fd);
	listener->fd = -1;
}
