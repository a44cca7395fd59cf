/*
 * Who is at the other end: processes of other users, groups, namespaces and kernels connect, each a
 * child of the test's. Only root can be others; without it those tests are skipped.
 */
#include "vaultd/net/peer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "vaultd/sandbox/sandbox.h"

#define CHILD_SECONDS 60 /* a child that hangs is killed */
#define PEERPIDFD 77
#define SOMEBODY 12345

#define EXPECT(condition)                                                                          \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: %s (errno %d)\n", __FILE__, __LINE__, #condition,  \
				errno);                                                            \
			return 1;                                                                  \
		}                                                                                  \
	} while (0)

static bool
as_root(void)
{
	if (geteuid() == 0)
		return true;
	print_message("not root: nobody else's identity can be taken\n");
	return false;
}

/* Whom a child makes of itself before it connects. */
struct becoming {
	uint32_t uid, gid;
	size_t groups;
};

static int
become(const struct becoming *who)
{
	gid_t *list = calloc(who->groups + 1, sizeof *list);

	EXPECT(list != NULL);
	for (size_t i = 0; i < who->groups; i++)
		list[i] = (gid_t)(3000000000u + i);
	EXPECT(setgroups(who->groups, list) == 0);
	free(list);
	EXPECT(setresgid(who->gid, who->gid, who->gid) == 0);
	EXPECT(setresuid(who->uid, who->uid, who->uid) == 0);
	return 0;
}

/* A connection that a child made. */
struct peer {
	int fd;
	int leave; /* closed: the child ends */
	pid_t pid;
};

static int
connect_and_stay(int listener, int stay, const struct becoming *who)
{
	struct sockaddr_un address;
	socklen_t len = sizeof address;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char byte;

	alarm(CHILD_SECONDS);
	EXPECT(who == NULL || become(who) == 0);
	EXPECT(getsockname(listener, (struct sockaddr *)&address, &len) == 0);
	EXPECT(connect(fd, (struct sockaddr *)&address, len) == 0);
	EXPECT(read(stay, &byte, 1) == 0);
	return 0;
}

/* who NULL: as the test itself. 0 where it went well. */
static int
peer_open(struct peer *peer, const struct becoming *who)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), stay[2];

	/* An address of the kernel's choice, that everybody may connect to. */
	EXPECT(bind(listener, (struct sockaddr *)&address, sizeof address.sun_family) == 0);
	EXPECT(listen(listener, 1) == 0 && pipe2(stay, O_CLOEXEC) == 0);
	peer->pid = fork();
	EXPECT(peer->pid >= 0);
	if (peer->pid == 0) {
		close(stay[1]);
		_exit(connect_and_stay(listener, stay[0], who));
	}
	close(stay[0]);
	peer->leave = stay[1];
	peer->fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	close(listener);
	EXPECT(peer->fd >= 0);
	return 0;
}

static int
peer_end(struct peer *peer)
{
	int status = -1;

	if (peer->leave >= 0)
		close(peer->leave);
	peer->leave = -1;
	if (peer->pid > 0)
		EXPECT(waitpid(peer->pid, &status, 0) == peer->pid && status == 0);
	peer->pid = 0;
	return 0;
}

static int
peer_close(struct peer *peer)
{
	EXPECT(peer_end(peer) == 0);
	close(peer->fd);
	return 0;
}

static int
descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	while (dir != NULL && readdir(dir) != NULL)
		n++;
	if (dir != NULL)
		closedir(dir);
	return n;
}

/* Runs body in a child, which may change what cannot be changed back. */
static void
assert_child(int (*body)(void))
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		alarm(CHILD_SECONDS);
		_exit(body());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void
test_myself(void **state)
{
	struct session *session = NULL;
	struct peer peer;
	gid_t mine[NGROUPS_MAX];
	int count = getgroups(NGROUPS_MAX, mine), before = descriptors();

	(void)state;
	for (int admin = 0; admin < 2; admin++) {
		assert_int_equal(peer_open(&peer, NULL), 0);
		assert_int_equal(peer_session(peer.fd, admin == 1, &session), VAULT_OK);
		assert_int_equal(session->who.uid, geteuid());
		assert_int_equal(session->who.gid, getegid());
		assert_int_equal(session->who.pid, peer.pid);
		assert_int_equal(session->who.admin_socket, admin);
		assert_int_equal(session->who.group_count, count);
		if (count > 0)
			assert_memory_equal(session->who.groups, mine,
					    (size_t)count * sizeof mine[0]);
		assert_int_equal(peer_close(&peer), 0);
		session_release(session);
	}
	assert_int_equal(descriptors(), before);
}

static void
test_others(void **state)
{
	/* 64 groups are what fits without asking twice; NGROUPS_MAX is all the kernel gives. */
	static const struct becoming cases[] = {
		{ SOMEBODY, 54321, 0 },		  { SOMEBODY, 54321, 1 },
		{ SOMEBODY, 54321, 63 },	  { SOMEBODY, 54321, 64 },
		{ SOMEBODY, 54321, 65 },	  { SOMEBODY, 54321, 1000 },
		{ SOMEBODY, 54321, NGROUPS_MAX }, { UID_NOBODY, GID_NOBODY, 0 },
		{ 2147483647u, 2147483647u, 2 },  { 2147483648u, 2147483648u, 2 },
		{ 2147483653u, 2147483653u, 2 },  { 4294967294u, 4294967294u, 2 },
	};
	int before = descriptors();

	(void)state;
	if (!as_root())
		skip();
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct session *session = NULL;
		struct peer peer;
		char principal[PRINCIPAL_MAX + 1], expected[PRINCIPAL_MAX + 1];

		assert_int_equal(peer_open(&peer, &cases[i]), 0);
		assert_int_equal(peer_session(peer.fd, false, &session), VAULT_OK);
		assert_int_equal(session->who.uid, cases[i].uid);
		assert_int_equal(session->who.gid, cases[i].gid);
		assert_int_equal(session->who.pid, peer.pid);
		assert_int_equal(session->who.group_count, cases[i].groups);
		for (size_t n = 0; n < cases[i].groups; n++)
			assert_int_equal(session->who.groups[n], 3000000000u + n);
		session_principal(session, principal);
		snprintf(expected, sizeof expected, "uid:%u", cases[i].uid);
		assert_string_equal(principal, expected);
		assert_int_equal(peer_close(&peer), 0);
		session_release(session);
	}
	assert_int_equal(descriptors(), before);
}

/* Dead, as a zombie and waited for: uid and groups stand as they were, there is no unit. */
static void
test_a_peer_that_has_ended(void **state)
{
	int before = descriptors();

	(void)state;
	for (int waited = 0; waited < 2; waited++) {
		struct session *session = NULL;
		struct peer peer;
		siginfo_t info;

		assert_int_equal(peer_open(&peer, NULL), 0);
		if (waited == 1) {
			assert_int_equal(peer_end(&peer), 0);
		} else {
			close(peer.leave);
			peer.leave = -1;
			assert_int_equal(waitid(P_PID, (id_t)peer.pid, &info, WEXITED | WNOWAIT),
					 0);
		}
		assert_int_equal(peer_session(peer.fd, false, &session), VAULT_OK);
		assert_int_equal(session->who.uid, geteuid());
		assert_string_equal(session->who.unit, "");
		assert_int_equal(peer_close(&peer), 0);
		session_release(session);
	}
	assert_int_equal(descriptors(), before);
}

static void
test_what_is_no_connection(void **state)
{
	struct session *session = NULL;
	int unconnected = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), pipes[2];

	(void)state;
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	assert_int_equal(peer_session(-1, false, &session), VAULT_DENIED);
	assert_int_equal(peer_session(pipes[0], false, &session), VAULT_DENIED);
	/* The kernel has noted nobody, and says uid -1. */
	assert_int_equal(peer_session(unconnected, false, &session), VAULT_DENIED);
	assert_null(session);
	close(unconnected);
	close(pipes[0]);
	close(pipes[1]);
}

/* From here on getsockopt() of that option fails in this process. */
static int
refuse(uint32_t option, uint32_t err)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getsockopt, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, option, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | err),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof code / sizeof code[0], code };

	EXPECT(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	EXPECT(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
	return 0;
}

static int
session_where(uint32_t option, uint32_t err, enum vault_err expected)
{
	struct session *session = NULL;
	struct peer peer;
	int before;

	EXPECT(peer_open(&peer, NULL) == 0);
	EXPECT(refuse(option, err) == 0);
	before = descriptors();
	EXPECT(peer_session(peer.fd, false, &session) == expected);
	EXPECT((session != NULL) == (expected == VAULT_OK));
	EXPECT(session == NULL || (session->who.unit[0] == '\0' && session->who.pid == peer.pid));
	session_release(session);
	EXPECT(descriptors() == before);
	return peer_close(&peer);
}

static int
no_pidfd(void)
{
	return session_where(PEERPIDFD, ENOPROTOOPT, VAULT_OK);
}

static int
no_pidfd_of_the_dead(void)
{
	return session_where(PEERPIDFD, EINVAL, VAULT_OK);
}

static int
pidfd_refused(void)
{
	return session_where(PEERPIDFD, EPERM, VAULT_DENIED);
}

static int
pidfd_none_left(void)
{
	return session_where(PEERPIDFD, EMFILE, VAULT_DENIED);
}

static int
groups_refused(void)
{
	return session_where(SO_PEERGROUPS, ENODATA, VAULT_DENIED);
}

static int
groups_unknown(void)
{
	return session_where(SO_PEERGROUPS, ENOPROTOOPT, VAULT_DENIED);
}

/* Asked for more, then for no less: no loop, and no memory by what was claimed. */
static int
groups_always_more(void)
{
	return session_where(SO_PEERGROUPS, ERANGE, VAULT_DENIED);
}

static int
credentials_refused(void)
{
	return session_where(SO_PEERCRED, ENOPROTOOPT, VAULT_DENIED);
}

static void
test_what_the_kernel_refuses(void **state)
{
	(void)state;
	assert_child(no_pidfd);
	assert_child(no_pidfd_of_the_dead);
	assert_child(pidfd_refused);
	assert_child(pidfd_none_left);
	assert_child(groups_refused);
	assert_child(groups_unknown);
	assert_child(groups_always_more);
	assert_child(credentials_refused);
}

/* With both parts of the sandbox, as the daemon runs; the peer's pidfd is good for nothing more. */
static int
confined(void)
{
	struct sandbox_config config = { .landlock = true, .seccomp = true };
	struct sandbox_level level;
	struct session *session = NULL;
	struct peer peer;
	int pidfd;
	socklen_t len = sizeof pidfd;

	EXPECT(peer_open(&peer, NULL) == 0);
	EXPECT(sandbox_harden() == VAULT_OK && sandbox_enter(&config, &level) == VAULT_OK);
	EXPECT(level.seccomp && level.landlock > 0);
	EXPECT(peer_session(peer.fd, false, &session) == VAULT_OK);
	EXPECT(session->who.pid == peer.pid);
	session_release(session);
	if (getsockopt(peer.fd, SOL_SOCKET, PEERPIDFD, &pidfd, &len) == 0) {
		EXPECT((fcntl(pidfd, F_GETFD) & FD_CLOEXEC) != 0);
		EXPECT(syscall(SYS_pidfd_getfd, pidfd, 0, 0u) < 0 && errno == EPERM);
		EXPECT(syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0u) < 0 &&
		       errno == EPERM);
		close(pidfd);
	}
	EXPECT(getsockopt(peer.fd, 6, 0, &pidfd, &len) < 0 && errno == EPERM);
	/* wait4 is not on the list: the child ends with its pipe. */
	close(peer.leave);
	return 0;
}

static void
test_in_the_sandbox(void **state)
{
	(void)state;
	assert_child(confined);
}

/* What a daemon with a /proc (and perhaps a pid namespace) of its own makes of a peer outside. */
static int
from_inside(const struct peer *peer, const char *options, enum vault_err expected)
{
	struct session *session = NULL;

	EXPECT(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	EXPECT(mount("proc", "/proc", "proc", 0, options) == 0);
	if (expected == VAULT_DENIED) {
		EXPECT(setgroups(0, NULL) == 0 && setresgid(SOMEBODY, SOMEBODY, SOMEBODY) == 0);
		EXPECT(setresuid(SOMEBODY, SOMEBODY, SOMEBODY) == 0);
	}
	EXPECT(peer_session(peer->fd, false, &session) == expected);
	EXPECT(session == NULL || (session->who.uid == 0 && session->who.pid == 0));
	EXPECT(session == NULL || session->who.unit[0] == '\0');
	session_release(session);
	return 0;
}

static int
in_namespaces(int flags, const char *options, enum vault_err expected)
{
	struct peer peer;
	pid_t pid;
	int status;

	EXPECT(peer_open(&peer, NULL) == 0);
	EXPECT(unshare(CLONE_NEWNS | flags) == 0);
	pid = fork();
	EXPECT(pid >= 0);
	if (pid == 0)
		_exit(from_inside(&peer, options, expected));
	EXPECT(waitpid(pid, &status, 0) == pid && status == 0);
	return peer_close(&peer);
}

static int
another_namespace(void)
{
	return in_namespaces(CLONE_NEWPID, "", VAULT_OK);
}

/* /proc shows only one's own processes: the unit cannot be read, and nobody is let in unknown. */
static int
hidden_processes(void)
{
	return in_namespaces(0, "hidepid=2", VAULT_DENIED);
}

static void
test_namespaces(void **state)
{
	(void)state;
	if (!as_root())
		skip();
	assert_child(another_namespace);
	assert_child(hidden_processes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_myself),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_a_peer_that_has_ended),
		cmocka_unit_test(test_what_is_no_connection),
		cmocka_unit_test(test_what_the_kernel_refuses),
		cmocka_unit_test(test_in_the_sandbox),
		cmocka_unit_test(test_namespaces),
	};

	return cmocka_run_group_tests_name("peer", tests, NULL, NULL);
}
