/* The sandbox, each time in a forked child: it cannot be left. A child tells by its exit status how
 * it went. */
#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "vaultd/sandbox/sandbox.h"

#define CHILD_OK 0
#define CHILD_FAILED 1
#define CHILD_UNCONFINED 2
#define CHILD_SECONDS 60 /* a child that hangs is killed */

#define EXPECT(condition)                                                                          \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: %s (errno %d)\n", __FILE__, __LINE__, #condition,  \
				errno);                                                            \
			return CHILD_FAILED;                                                       \
		}                                                                                  \
	} while (0)

static struct sandbox_level level; /* of a child */
static int outside = -1;	   /* listens on the abstract socket below */
static const struct sockaddr_un outside_address = { AF_UNIX, "\0vaultd-test-sandbox" };
static char state[] = "/tmp/test_sandbox.XXXXXX";
static char other[] = "/tmp/test_sandbox.XXXXXX";

/* Runs body in a confined child; its wait status. */
static int
confined(int (*body)(void))
{
	struct sandbox_config config = {
		.paths = { .read = { "/nonexistent" }, .write = { state } },
		.landlock = true,
		.seccomp = true,
	};
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		alarm(CHILD_SECONDS);
		if (sandbox_harden() != VAULT_OK || sandbox_enter(&config, &level) != VAULT_OK)
			_exit(CHILD_UNCONFINED);
		_exit(level.seccomp && level.landlock > 0 ? body() : CHILD_UNCONFINED);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static void
assert_fine(int (*body)(void))
{
	int status = confined(body);

	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), CHILD_OK);
}

static int
files_outside(void)
{
	char path[128];

	EXPECT(open("/etc/passwd", O_RDONLY) < 0 && errno == EACCES);
	EXPECT(open("/", O_RDONLY | O_DIRECTORY) < 0 && errno == EACCES);
	EXPECT(open("/dev/null", O_RDWR) < 0 && errno == EACCES);
	snprintf(path, sizeof path, "%s/new", other);
	EXPECT(open(path, O_WRONLY | O_CREAT, 0600) < 0 && errno == EACCES);
	snprintf(path, sizeof path, "%s/there", other);
	EXPECT(unlink(path) < 0 && errno == EACCES);
	EXPECT(open("/proc/self/status", O_WRONLY) < 0);
	return CHILD_OK;
}

static int
files_inside(void)
{
	char path[128];
	char renamed[128];
	struct stat st;
	int fd;

	snprintf(path, sizeof path, "%s/dir", state);
	EXPECT(mkdir(path, 0777) == 0);
	snprintf(path, sizeof path, "%s/file", state);
	snprintf(renamed, sizeof renamed, "%s/dir/file", state);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0666);
	EXPECT(fd >= 0);
	EXPECT(fstat(fd, &st) == 0 && (st.st_mode & 07777) == 0600);
	EXPECT(write(fd, "x", 1) == 1 && fallocate(fd, 0, 0, 65536) == 0);
	EXPECT(fdatasync(fd) == 0 && ftruncate(fd, 1) == 0);
	EXPECT(rename(path, renamed) == 0 && unlink(renamed) == 0);
	EXPECT(open("/proc/self/status", O_RDONLY) >= 0);
	return CHILD_OK;
}

static int
sockets(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	EXPECT(fd >= 0);
	snprintf(address.sun_path, sizeof address.sun_path, "%s/socket", state);
	EXPECT(bind(fd, (struct sockaddr *)&address, sizeof address) == 0);
	EXPECT(chmod(address.sun_path, 0660) == 0 && listen(fd, 1) == 0);
	EXPECT(connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&address,
		       sizeof address) == 0);
	EXPECT(unlink(address.sun_path) == 0);
	if (level.landlock >= 6)
		EXPECT(connect(socket(AF_UNIX, SOCK_STREAM, 0),
			       (const struct sockaddr *)&outside_address,
			       sizeof outside_address) < 0 &&
		       errno == EPERM);
	EXPECT(socket(AF_INET, SOCK_STREAM, 0) < 0 && errno == EPERM);
	EXPECT(socket(AF_NETLINK, SOCK_RAW, 0) < 0 && errno == EPERM);
	return CHILD_OK;
}

static int
executable_memory(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	EXPECT(p == MAP_FAILED && errno == EPERM);
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	EXPECT(p != MAP_FAILED);
	EXPECT(mprotect(p, 4096, PROT_READ | PROT_EXEC) < 0 && errno == EPERM);
	EXPECT(mprotect(p, 4096, PROT_READ) == 0);
	return CHILD_OK;
}

static int
hardened(void)
{
	struct rlimit core;

	EXPECT(getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_cur == 0 && core.rlim_max == 0);
	EXPECT(setrlimit(RLIMIT_CORE, &core) < 0 && errno == EPERM);
	EXPECT(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	EXPECT(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0);
	EXPECT(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0 && errno == EPERM);
	EXPECT(kill(getppid(), 0) < 0 && errno == EPERM);
	return CHILD_OK;
}

static int
no_process(void)
{
	EXPECT(fork() < 0 && errno == EPERM);
	return CHILD_OK;
}

static int
executes(void)
{
	char *const none[] = { NULL };

	execve("/bin/true", none, none);
	return CHILD_FAILED;
}

static void *
one_thread(void *argument)
{
	void *p = malloc(1 << 20);

	*(int *)argument = p != NULL;
	free(p);
	return NULL;
}

static int
threads(void)
{
	pthread_t thread[8];
	int done[8] = { 0 };

	for (int i = 0; i < 8; i++)
		EXPECT(pthread_create(&thread[i], NULL, one_thread, &done[i]) == 0);
	for (int i = 0; i < 8; i++)
		EXPECT(pthread_join(thread[i], NULL) == 0 && done[i] == 1);
	return CHILD_OK;
}

static int
store_inside(void)
{
	char bytes[] = "key";
	MDB_val key = { 3, bytes };
	MDB_val value = { 3, bytes };
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;

	EXPECT(mdb_env_create(&env) == 0);
	EXPECT(mdb_env_set_mapsize(env, (size_t)1 << 30) == 0);
	EXPECT(mdb_env_open(env, state, MDB_NOTLS, 0600) == 0);
	EXPECT(mdb_txn_begin(env, NULL, 0, &txn) == 0);
	EXPECT(mdb_dbi_open(txn, NULL, 0, &dbi) == 0);
	EXPECT(mdb_put(txn, dbi, &key, &value, 0) == 0 && mdb_txn_commit(txn) == 0);
	EXPECT(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn) == 0);
	EXPECT(mdb_get(txn, dbi, &key, &value) == 0 && value.mv_size == 3);
	mdb_txn_abort(txn);
	mdb_env_close(env);
	return CHILD_OK;
}

static int
passwords(void)
{
	uint8_t key[32];
	uint8_t salt[crypto_pwhash_SALTBYTES] = { 0 };

	EXPECT(sodium_init() >= 0);
	EXPECT(crypto_pwhash(key, sizeof key, "pw", 2, salt, 3, (size_t)64 << 20,
			     crypto_pwhash_ALG_ARGON2ID13) == 0);
	randombytes_buf(key, sizeof key);
	return CHILD_OK;
}

static void
test_files_outside(void **unused)
{
	(void)unused;
	assert_fine(files_outside);
}

static void
test_files_inside(void **unused)
{
	(void)unused;
	assert_fine(files_inside);
}

static void
test_sockets(void **unused)
{
	(void)unused;
	assert_fine(sockets);
}

static void
test_executable_memory(void **unused)
{
	(void)unused;
	assert_fine(executable_memory);
}

static void
test_hardened(void **unused)
{
	(void)unused;
	assert_fine(hardened);
}

static void
test_no_process(void **unused)
{
	(void)unused;
	assert_fine(no_process);
}

static void
test_execve_kills(void **unused)
{
	int status = confined(executes);

	(void)unused;
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSYS);
}

static void
test_threads(void **unused)
{
	(void)unused;
	assert_fine(threads);
}

static void
test_store(void **unused)
{
	(void)unused;
	assert_fine(store_inside);
}

static void
test_passwords(void **unused)
{
	(void)unused;
	assert_fine(passwords);
}

/* A directory that must be writable and is missing is told, not skipped. */
static int
missing(void)
{
	struct sandbox_config config = { .paths.write = { "/nonexistent" }, .landlock = true };
	struct sandbox_level untouched = { .landlock = -1 };

	if (sandbox_enter(&config, &untouched) != VAULT_INTERNAL)
		return CHILD_FAILED;
	return untouched.landlock == -1 ? CHILD_OK : CHILD_FAILED;
}

static void
test_missing_directory(void **unused)
{
	pid_t child = fork();
	int status;

	(void)unused;
	if (child == 0)
		_exit(missing());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void
test_text(void **unused)
{
	char text[SANDBOX_TEXT_MAX];

	(void)unused;
	assert_string_equal(sandbox_level_text(&(struct sandbox_level){ 0, false }, text), "off");
	assert_string_equal(sandbox_level_text(&(struct sandbox_level){ 0, true }, text),
			    "seccomp");
	assert_string_equal(sandbox_level_text(&(struct sandbox_level){ 7, false }, text),
			    "landlock 7");
	assert_string_equal(sandbox_level_text(&(struct sandbox_level){ 7, true }, text),
			    "landlock 7, seccomp");
}

static int
make_directories(void **unused)
{
	char path[128];

	(void)unused;
	if (mkdtemp(state) == NULL || mkdtemp(other) == NULL)
		return -1;
	outside = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(outside, (const struct sockaddr *)&outside_address, sizeof outside_address) != 0 ||
	    listen(outside, 1) != 0)
		return -1;
	snprintf(path, sizeof path, "%s/there", other);
	return close(open(path, O_WRONLY | O_CREAT, 0600));
}

static int
remove_directories(void **unused)
{
	static const char *const left[] = { "dir", "data.mdb", "lock.mdb", "there" };
	char path[128];

	(void)unused;
	for (size_t i = 0; i < sizeof left / sizeof left[0]; i++) {
		snprintf(path, sizeof path, "%s/%s", i < 3 ? state : other, left[i]);
		remove(path);
	}
	return close(outside) | rmdir(state) | rmdir(other);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files_outside),
		cmocka_unit_test(test_files_inside),
		cmocka_unit_test(test_sockets),
		cmocka_unit_test(test_executable_memory),
		cmocka_unit_test(test_hardened),
		cmocka_unit_test(test_no_process),
		cmocka_unit_test(test_execve_kills),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_store),
		cmocka_unit_test(test_passwords),
		cmocka_unit_test(test_missing_directory),
		cmocka_unit_test(test_text),
	};

	return cmocka_run_group_tests_name("sandbox", tests, make_directories, remove_directories);
}
