/* sd_notify and socket activation, against sockets of our own. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "vaultd/base/notify.h"

/* Binds a datagram socket to name ('@': abstract) and points NOTIFY_SOCKET at it. */
static int
manager(const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t len = strlen(name);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	memcpy(address.sun_path, name, len);
	if (name[0] == '@')
		address.sun_path[0] = '\0';
	assert_int_equal(bind(fd, (struct sockaddr *)&address,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)),
			 0);
	setenv("NOTIFY_SOCKET", name, 1);
	return fd;
}

static void
assert_told(int fd, const char *message)
{
	char got[512] = { 0 };

	assert_true(recv(fd, got, sizeof got - 1, 0) > 0);
	assert_string_equal(got, message);
}

static void
test_abstract(void **unused)
{
	struct notify notify;
	char name[64];
	int fd;

	(void)unused;
	snprintf(name, sizeof name, "@vaultd-notify-%d", (int)getpid());
	fd = manager(name);
	assert_int_equal(notify_open(&notify), VAULT_OK);
	assert_null(getenv("NOTIFY_SOCKET"));
	notify_ready(&notify);
	assert_told(fd, "READY=1");
	notify_stopping(&notify);
	assert_told(fd, "STOPPING=1");
	notify_watchdog(&notify);
	assert_told(fd, "WATCHDOG=1");
	notify_status(&notify, "sealed\nREADY=1");
	assert_told(fd, "STATUS=sealed");
	notify_close(&notify);
	close(fd);
}

static void
test_path(void **unused)
{
	char name[] = "/tmp/test_notify.XXXXXX";
	struct notify notify;
	char got[128] = { 0 };
	int fd;

	(void)unused;
	close(mkstemp(name));
	unlink(name);
	fd = manager(name);
	assert_int_equal(notify_open(&notify), VAULT_OK);
	notify_reloading(&notify);
	assert_true(recv(fd, got, sizeof got - 1, 0) > 0);
	assert_memory_equal(got, "RELOADING=1\nMONOTONIC_USEC=", 27);
	unlink(name);
	close(fd);
	notify_ready(&notify); /* the manager is gone: no signal, no failure */
	notify_close(&notify);
}

static void
test_long_status(void **unused)
{
	char status[NOTIFY_STATUS_MAX + 100];
	char expected[sizeof status];
	struct notify notify;
	char name[64];
	int fd;

	(void)unused;
	snprintf(name, sizeof name, "@vaultd-notify-%d", (int)getpid());
	fd = manager(name);
	assert_int_equal(notify_open(&notify), VAULT_OK);
	memset(status, 'x', sizeof status);
	status[sizeof status - 1] = '\0';
	notify_status(&notify, status);
	snprintf(expected, sizeof expected, "STATUS=%.*s", NOTIFY_STATUS_MAX, status);
	assert_told(fd, expected);
	notify_close(&notify);
	close(fd);
}

static void
test_nobody(void **unused)
{
	struct notify notify;

	(void)unused;
	assert_int_equal(notify_open(&notify), VAULT_OK);
	assert_int_equal(notify.fd, -1);
	assert_int_equal(notify.watchdog_usec, 0);
	notify_ready(&notify);
	notify_close(&notify);
}

static void
test_bad_sockets(void **unused)
{
	static const char *const bad[] = { "", "@", "/", "relative", "vsock:2:1" };
	struct notify notify = { .fd = 77 };

	(void)unused;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		setenv("NOTIFY_SOCKET", bad[i], 1);
		assert_int_not_equal(notify_open(&notify), VAULT_OK);
		assert_int_equal(notify.fd, 77);
		assert_null(getenv("NOTIFY_SOCKET"));
	}
	setenv("NOTIFY_SOCKET", "/nonexistent/socket", 1);
	assert_int_equal(notify_open(&notify), VAULT_INTERNAL);
}

static void
test_watchdog(void **unused)
{
	struct notify notify;
	char pid[32];

	(void)unused;
	snprintf(pid, sizeof pid, "%d", (int)getpid());
	setenv("WATCHDOG_USEC", "30000000", 1);
	setenv("WATCHDOG_PID", pid, 1);
	assert_int_equal(notify_open(&notify), VAULT_OK);
	assert_int_equal(notify.watchdog_usec, 30000000);
	assert_null(getenv("WATCHDOG_USEC"));
	setenv("WATCHDOG_USEC", "30000000", 1);
	setenv("WATCHDOG_PID", "1", 1);
	assert_int_equal(notify_open(&notify), VAULT_OK);
	assert_int_equal(notify.watchdog_usec, 0);
	setenv("WATCHDOG_USEC", "-5", 1);
	assert_int_equal(notify_open(&notify), VAULT_INVALID_PARAMS);
}

static int
listener(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	/* An address of only a family gets an abstract name of the kernel's choice. */
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address.sun_family), 0);
	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

/* Puts the descriptors a and b (-1: nothing) at 3 and 4, and describes them. */
static void
pass(int a, int b, const char *count, const char *names)
{
	char pid[32];

	snprintf(pid, sizeof pid, "%d", (int)getpid());
	/* Moved up first: a may itself be 4. */
	a = a >= 0 ? fcntl(a, F_DUPFD, 10) : -1;
	b = b >= 0 ? fcntl(b, F_DUPFD, 10) : -1;
	if (a >= 0)
		assert_int_equal(dup2(a, 3), 3);
	if (b >= 0)
		assert_int_equal(dup2(b, 4), 4);
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", count, 1);
	setenv("LISTEN_FDNAMES", names, 1);
}

static void
test_listen_fds(void **unused)
{
	struct listen_fds fds;

	(void)unused;
	pass(listener(), listener(), "2", "vaultd:admin");
	assert_int_equal(notify_listen_fds(&fds), VAULT_OK);
	assert_int_equal(fds.app, 3);
	assert_int_equal(fds.admin, 4);
	assert_int_equal(fcntl(3, F_GETFD), FD_CLOEXEC);
	assert_null(getenv("LISTEN_PID"));
	assert_null(getenv("LISTEN_FDS"));
	assert_null(getenv("LISTEN_FDNAMES"));
	pass(listener(), -1, "1", "admin");
	assert_int_equal(notify_listen_fds(&fds), VAULT_OK);
	assert_int_equal(fds.app, -1);
	assert_int_equal(fds.admin, 3);
}

static void
test_listen_fds_of_another(void **unused)
{
	struct listen_fds fds;

	(void)unused;
	pass(listener(), -1, "1", "vaultd");
	setenv("LISTEN_PID", "1", 1);
	assert_int_equal(notify_listen_fds(&fds), VAULT_OK);
	assert_int_equal(fds.app, -1);
	assert_int_equal(notify_listen_fds(&fds), VAULT_OK);
	assert_int_equal(fds.admin, -1);
}

static void
test_bad_listen_fds(void **unused)
{
	static const struct {
		const char *count;
		const char *names;
	} bad[] = {
		{ "3", "vaultd:admin:more" }, { "2", "vaultd:vaultd" }, { "2", "vaultd" },
		{ "1", "vaultd:admin" },      { "1", "unknown" },	{ "0", "" },
		{ "-1", "vaultd" },	      { "x", "vaultd" },	{ "2", "vaultd:vault" },
	};
	struct listen_fds fds = { 7, 7 };

	(void)unused;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		pass(listener(), listener(), bad[i].count, bad[i].names);
		assert_int_equal(notify_listen_fds(&fds), VAULT_INVALID_PARAMS);
		assert_int_equal(fds.app, 7);
		assert_null(getenv("LISTEN_PID"));
	}
	/* A pipe is no socket, a connected socket does not listen. */
	pass(open("/dev/null", O_RDONLY), -1, "1", "vaultd");
	assert_int_equal(notify_listen_fds(&fds), VAULT_INVALID_PARAMS);
	pass(socket(AF_UNIX, SOCK_STREAM, 0), -1, "1", "vaultd");
	assert_int_equal(notify_listen_fds(&fds), VAULT_INVALID_PARAMS);
}

/* The descriptors 3 and 4 are what the tests pass; whoever started us may have left others there.
 */
static int
clean_environment(void **unused)
{
	static const char *const names[] = { "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID",
					     "LISTEN_PID",    "LISTEN_FDS",    "LISTEN_FDNAMES" };

	(void)unused;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		unsetenv(names[i]);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_abstract),       cmocka_unit_test(test_path),
		cmocka_unit_test(test_long_status),    cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_bad_sockets),    cmocka_unit_test(test_watchdog),
		cmocka_unit_test(test_listen_fds),     cmocka_unit_test(test_listen_fds_of_another),
		cmocka_unit_test(test_bad_listen_fds),
	};

	return cmocka_run_group_tests_name("notify", tests, clean_environment, NULL);
}
