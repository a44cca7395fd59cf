#include "vaultd/net/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "protocol/text.h"

#define PEERPIDFD 77	 /* SO_PEERPIDFD, which Debian 12's headers lack */
#define PROC_PATH_MAX 64 /* bytes of "/proc/self/fdinfo/N" */
#define FDINFO_MAX 2048	 /* bytes; the longest line has a pid for each of 32 nested namespaces */
#define CGROUP_MAX 16384 /* bytes; each cgroup 1 hierarchy has a line, the unified one the last */
#define SLICE "/system.slice/"
#define SUFFIX ".service"

/*
 * What follows the prefix on the only line that begins with it. A text whose last line has no end
 * was cut, and says nothing.
 */
static bool
find_line(struct vault_text text, struct vault_text prefix, struct vault_text *rest)
{
	struct vault_text found = { 0 };

	while (text.len > 0) {
		const char *end = memchr(text.p, '\n', text.len);
		size_t len;

		if (end == NULL)
			return false;
		len = (size_t)(end - text.p);
		if (len >= prefix.len && memcmp(text.p, prefix.p, prefix.len) == 0) {
			if (found.p != NULL)
				return false;
			found = (struct vault_text){ text.p + prefix.len, len - prefix.len };
		}
		text = (struct vault_text){ end + 1, text.len - len - 1 };
	}
	if (found.p == NULL)
		return false;
	*rest = found;
	return true;
}

bool
unit_parse_pid(struct vault_text fdinfo, int32_t *pid)
{
	struct vault_text digits;
	int64_t v = 0;

	if (!find_line(fdinfo, TEXT_LITERAL("Pid:\t"), &digits) || digits.len == 0)
		return false;
	if (text_is(digits, "-1")) {
		*pid = -1;
		return true;
	}
	for (size_t i = 0; i < digits.len; i++) {
		if (digits.p[i] < '0' || digits.p[i] > '9')
			return false;
		v = v * 10 + (digits.p[i] - '0');
		if (v > INT32_MAX)
			return false;
	}
	*pid = (int32_t)v;
	return true;
}

/* The characters of systemd.unit(5). */
static bool
unit_character(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr(":-_.\\@", c) != NULL);
}

static bool
service_name(struct vault_text name)
{
	const size_t suffix = sizeof SUFFIX - 1;

	if (name.len <= suffix || name.len > UNIT_MAX ||
	    memcmp(name.p + name.len - suffix, SUFFIX, suffix) != 0)
		return false;
	for (size_t i = 0; i < name.len; i++)
		if (!unit_character(name.p[i]))
			return false;
	return true;
}

bool
unit_parse_cgroup(struct vault_text cgroup, char unit[static UNIT_MAX + 1])
{
	const size_t slice = sizeof SLICE - 1;
	struct vault_text path, name;

	if (!find_line(cgroup, TEXT_LITERAL("0::"), &path) || path.len < slice ||
	    memcmp(path.p, SLICE, slice) != 0)
		return false;
	name = (struct vault_text){ path.p + slice, path.len - slice };
	if (!service_name(name))
		return false;
	memcpy(unit, name.p, name.len);
	unit[name.len] = '\0';
	return true;
}

/* The whole of a file that is shorter than size; VAULT_TOO_LARGE where it is not. */
static enum vault_err
read_whole(const char *path, char *p, size_t size, struct vault_text *text)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n;

	if (fd < 0)
		return VAULT_DENIED;
	do {
		n = read(fd, p + len, size - len);
		if (n > 0)
			len += (size_t)n;
	} while ((n > 0 && len < size) || (n < 0 && errno == EINTR));
	close(fd);
	if (n < 0)
		return VAULT_DENIED;
	if (len == size)
		return VAULT_TOO_LARGE;
	*text = (struct vault_text){ p, len };
	return VAULT_OK;
}

/*
 * By the pid that our own /proc has for it, which SO_PEERCRED's need not be. What is read may be of
 * another process that has got this pid since.
 */
static enum vault_err
read_unit(int pidfd, char unit[static UNIT_MAX + 1])
{
	char path[PROC_PATH_MAX], fdinfo[FDINFO_MAX], cgroup[CGROUP_MAX];
	struct vault_text text;
	enum vault_err err;
	int32_t pid;

	snprintf(path, sizeof path, "/proc/self/fdinfo/%d", pidfd);
	TRY(read_whole(path, fdinfo, sizeof fdinfo, &text));
	if (!unit_parse_pid(text, &pid))
		return VAULT_DENIED;
	if (pid <= 0)
		return VAULT_OK;
	snprintf(path, sizeof path, "/proc/%d/cgroup", pid);
	err = read_whole(path, cgroup, sizeof cgroup, &text);
	/* Nested so deep it is no unit's. */
	if (err == VAULT_TOO_LARGE)
		return VAULT_OK;
	TRY(err);
	(void)!unit_parse_cgroup(text, unit);
	return VAULT_OK;
}

enum vault_err
unit_of_peer(int socket, char unit[static UNIT_MAX + 1])
{
	char found[UNIT_MAX + 1] = "";
	struct pollfd process = { .fd = -1, .events = POLLIN };
	socklen_t len = sizeof process.fd;
	enum vault_err err;
	int ended;

	if (getsockopt(socket, SOL_SOCKET, PEERPIDFD, &process.fd, &len) != 0) {
		/* Of a process that was waited for, Linux before 6.16 has no pidfd to give. */
		if (errno != ENOPROTOOPT && errno != EINVAL && errno != ESRCH)
			return VAULT_DENIED;
		unit[0] = '\0';
		return VAULT_OK;
	}
	err = read_unit(process.fd, found);
	/* A pid cannot be given anew while its process has not ended. */
	ended = poll(&process, 1, 0);
	close(process.fd);
	if (ended < 0)
		return VAULT_DENIED;
	if (ended > 0) {
		unit[0] = '\0';
		return VAULT_OK;
	}
	TRY(err);
	memcpy(unit, found, sizeof found);
	return VAULT_OK;
}
