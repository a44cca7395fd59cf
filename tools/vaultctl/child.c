#include "tools/vaultctl/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOT_FOUND 127 /* as a shell says it */
#define NOT_RUN 126
#define SIGNALLED 128
#define PATH_MAX_TEXT 32 /* "/proc/self/fd/N" */
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U /* Linux 6.3 */
#endif

void
child_guard(void)
{
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

static void
wipe_entries(struct child *child)
{
	for (size_t i = 0; i < child->n; i++) {
		struct gift *gift = &child->gifts[i];

		if (gift->entry == NULL)
			continue;
		explicit_bzero(gift->entry, gift->size);
		free(gift->entry);
		gift->entry = NULL;
	}
}

static void
close_files(struct child *child)
{
	for (size_t i = 0; i < child->n; i++) {
		if (child->gifts[i].fd >= 0)
			close(child->gifts[i].fd);
		child->gifts[i].fd = -1;
	}
}

void
child_free(struct child *child)
{
	wipe_entries(child);
	close_files(child);
	child->n = 0;
}

static bool
add(const struct ctl *ctl, struct child *child, struct vault_text name, struct vault_bytes value,
    int fd)
{
	struct gift gift = { .size = name.len + value.len + 2, .fd = fd };

	if (child->n == CHILD_GIFTS_MAX) {
		ctl_usage(ctl, "at most %d secrets can be given", CHILD_GIFTS_MAX);
		return false;
	}
	gift.entry = malloc(gift.size);
	if (gift.entry == NULL) {
		ctl_local(ctl, "memory is short");
		return false;
	}
	memcpy(gift.entry, name.p, name.len);
	gift.entry[name.len] = '=';
	if (value.len > 0)
		memcpy(gift.entry + name.len + 1, value.p, value.len);
	gift.entry[gift.size - 1] = '\0';
	child->gifts[child->n++] = gift;
	return true;
}

bool
child_give(const struct ctl *ctl, struct child *child, struct vault_text name,
	   struct vault_bytes value)
{
	if (value.len > 0 && memchr(value.p, 0, value.len) != NULL) {
		ctl_local(ctl,
			  "%.*s: the value holds a zero byte, which no environment can; give it "
			  "with --file",
			  (int)name.len, name.p);
		return false;
	}
	return add(ctl, child, name, value, -1);
}

static bool
write_all(int fd, struct vault_bytes value)
{
	while (value.len > 0) {
		ssize_t n = write(fd, value.p, value.len);

		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0)
			value = (struct vault_bytes){ value.p + n, value.len - (size_t)n };
	}
	return true;
}

/* A file in memory that can be read and nothing else, by nobody who is not handed it; -1. */
static int
sealed_file(struct vault_bytes value)
{
	int fd = memfd_create("secret", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("secret", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -1;
	if (fchmod(fd, 0400) == 0 && write_all(fd, value) && lseek(fd, 0, SEEK_SET) == 0 &&
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) == 0)
		return fd;
	close(fd);
	return -1;
}

bool
child_give_file(const struct ctl *ctl, struct child *child, struct vault_text name,
		struct vault_bytes value)
{
	char path[PATH_MAX_TEXT];
	int fd = sealed_file(value);

	if (fd < 0) {
		ctl_local(ctl, "a file in memory could not be made: %s", strerror(errno));
		return false;
	}
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (add(ctl, child, name, (struct vault_bytes){ (const uint8_t *)path, strlen(path) }, fd))
		return true;
	close(fd);
	return false;
}

static bool
same_name(const char *a, const char *b)
{
	size_t len = strcspn(a, "=");

	return strncmp(a, b, len + 1) == 0;
}

/* Ours in place of what has the same name; NULL when memory is short. */
static char **
make_environment(const struct child *child)
{
	size_t n = 0, at = 0;
	char **out;

	while (environ[n] != NULL)
		n++;
	out = calloc(n + child->n + 1, sizeof *out);
	if (out == NULL)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		bool replaced = false;

		for (size_t k = 0; k < child->n; k++)
			replaced |= same_name(child->gifts[k].entry, environ[i]);
		if (!replaced)
			out[at++] = environ[i];
	}
	for (size_t k = 0; k < child->n; k++)
		out[at++] = child->gifts[k].entry;
	return out;
}

/* In the child: never returns. */
static void
become(const struct child *child, char *const *argv, char **environment, int failure)
{
	int error;

	for (size_t i = 0; i < child->n; i++)
		if (child->gifts[i].fd >= 0)
			(void)fcntl(child->gifts[i].fd, F_SETFD, 0);
	execvpe(argv[0], argv, environment);
	error = errno;
	(void)!write(failure, &error, sizeof error);
	_exit(NOT_FOUND);
}

/* What happened to the child; -1 while it lives. Where it stopped, so do we. */
static int
look(pid_t pid)
{
	int status;
	pid_t got = waitpid(pid, &status, WNOHANG | WUNTRACED);

	if (got != pid)
		return got < 0 && errno != EINTR ? NOT_RUN : -1;
	if (WIFSTOPPED(status)) {
		raise(SIGSTOP);
		return -1;
	}
	return WIFSIGNALED(status) ? SIGNALLED + WTERMSIG(status) : WEXITSTATUS(status);
}

/*
 * The terminal's own signals reach the child's process group, which is ours, without us; all others
 * were sent to us in the child's place.
 */
static int
follow(pid_t pid, const sigset_t *signals)
{
	int status = look(pid);
	siginfo_t info;

	while (status < 0) {
		if (sigwaitinfo(signals, &info) < 0)
			continue;
		if (info.si_signo == SIGCHLD)
			status = look(pid);
		else if (info.si_code != SI_KERNEL)
			kill(pid, info.si_signo);
	}
	return status;
}

static int
told(const struct ctl *ctl, const char *command, int error)
{
	ctl_local(ctl, "%s: %s", command, strerror(error));
	return error == ENOENT ? NOT_FOUND : NOT_RUN;
}

static int
start(const struct ctl *ctl, struct child *child, char *const *argv, const sigset_t *signals)
{
	char **environment = make_environment(child);
	int failure[2], error = 0, status;
	sigset_t before;
	pid_t pid;

	if (environment == NULL || pipe2(failure, O_CLOEXEC) != 0) {
		free(environment);
		ctl_local(ctl, "the command could not be prepared: %s", strerror(errno));
		return -1;
	}
	sigprocmask(SIG_BLOCK, signals, &before);
	pid = fork();
	if (pid == 0) {
		sigprocmask(SIG_SETMASK, &before, NULL);
		become(child, argv, environment, failure[1]);
	}
	close(failure[1]);
	free(environment);
	/* Until the child has become the command, or has failed to. */
	if (pid > 0 && read(failure[0], &error, sizeof error) != (ssize_t)sizeof error)
		error = 0;
	close(failure[0]);
	child_free(child);
	status = pid < 0 ? -1 : follow(pid, signals);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (pid < 0)
		ctl_local(ctl, "no process could be made: %s", strerror(errno));
	return error != 0 ? told(ctl, argv[0], error) : status;
}

int
child_run(const struct ctl *ctl, struct child *child, char *const *argv)
{
	static const int passed[] = { SIGHUP,  SIGINT,	SIGQUIT,  SIGTERM, SIGUSR1, SIGUSR2,
				      SIGALRM, SIGCONT, SIGWINCH, SIGTSTP, SIGCHLD };
	sigset_t signals;

	sigemptyset(&signals);
	for (size_t i = 0; i < sizeof passed / sizeof passed[0]; i++)
		sigaddset(&signals, passed[i]);
	return start(ctl, child, argv, &signals);
}
