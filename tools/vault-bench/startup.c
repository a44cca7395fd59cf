#include "tools/vault-bench/startup.h"

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tools/vault-bench/load.h"

#define RETRY_NS 100000			 /* between two attempts: the error of the measurement */
#define GIVE_UP_NS UINT64_C(30000000000) /* a daemon that takes longer has failed */

static pid_t
start(char **command)
{
	pid_t parent = getpid(), child = fork();

	if (child != 0)
		return child;
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() == parent)
		execvp(command[0], command);
	warn("%s", command[0]);
	_exit(127);
}

/* One attempt on a connection of its own: the daemon may not even listen yet. */
static bool
attempt(const struct startup *startup, char *error)
{
	struct bench_sample sample = { .len = 0 };
	struct caller caller;
	union op_request req;
	enum vault_err err = caller_open(&caller, startup->socket);

	startup->method->fill(startup->names, &sample, &req);
	if (err == VAULT_OK)
		err = caller_call(&caller, startup->method->op, &req, NULL);
	if (err != VAULT_OK)
		memcpy(error, caller.error, CALL_ERROR_MAX);
	caller_close(&caller);
	return err == VAULT_OK;
}

static bool
await(const struct startup *startup, pid_t child, uint64_t since, double *milliseconds)
{
	const struct timespec pause = { .tv_nsec = RETRY_NS };
	char error[CALL_ERROR_MAX] = "";

	while (!attempt(startup, error)) {
		siginfo_t gone = { 0 };

		/* WNOWAIT: the end is still there for stop(). */
		waitid(P_PID, (id_t)child, &gone, WEXITED | WNOHANG | WNOWAIT);
		if (gone.si_pid == child || load_clock() - since > GIVE_UP_NS) {
			warnx("%s: no answer (%s)", startup->command[0], error);
			return false;
		}
		nanosleep(&pause, NULL);
	}
	*milliseconds = (double)(load_clock() - since) * 1e-6;
	return true;
}

static void
stop(pid_t child)
{
	kill(child, SIGTERM);
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		continue;
}

bool
startup_measure(const struct startup *startup, double *milliseconds)
{
	uint64_t since = load_clock();
	pid_t child = start(startup->command);
	bool ok;

	if (child < 0) {
		warn("fork");
		return false;
	}
	ok = await(startup, child, since, milliseconds);
	stop(child);
	return ok;
}
