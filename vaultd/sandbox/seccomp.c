/*
 * The system calls the daemon may make. What is not listed answers EPERM, so that a library's probe
 * is survived; what only an intruder asks for kills the process. Calls without a condition cost
 * nothing: the kernel keeps them in a bitmap. Which files the file calls reach is Landlock's
 * matter.
 */
#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "vaultd/sandbox/parts.h"

#define OPTIMIZE_TREE 2 /* of SCMP_FLTATR_CTL_OPTIMIZE: a binary tree instead of a list */

/* What an argument must be. A call with several rows may meet any of them. */
enum condition {
	ALWAYS,
	FIRST_IS,      /* argument 0 equals value */
	FIRST_HAS,     /* argument 0 has all bits of value */
	SECOND_IS,     /* argument 1 equals value */
	THIRD_IS_NULL, /* argument 2 is no pointer */
	THIRD_LACKS,   /* argument 2 has no bit of value */
	FIRST_IS_SELF, /* argument 0 is this process */
};

struct rule {
	const char *call;
	const char *reason;
	enum condition condition;
	uint64_t value;
};

static const struct rule allowed[] = {
	{ "read", "sockets, eventfd, timerfd, files", ALWAYS, 0 },
	{ "write", "sockets, eventfd, files, the log", ALWAYS, 0 },
	{ "readv", "sockets", ALWAYS, 0 },
	{ "writev", "sockets, the log", ALWAYS, 0 },
	{ "pread64", "store, audit", ALWAYS, 0 },
	{ "preadv", "audit", ALWAYS, 0 },
	{ "pwrite64", "store, audit", ALWAYS, 0 },
	{ "pwritev", "store (LMDB writes runs of pages), audit", ALWAYS, 0 },
	{ "recvmsg", "sockets", ALWAYS, 0 },
	{ "sendmsg", "sockets, the journal", ALWAYS, 0 },
	{ "recvfrom", "recv()", ALWAYS, 0 },
	{ "sendto", "send(), notification socket", ALWAYS, 0 },
	{ "shutdown", "closing a connection in order", ALWAYS, 0 },
	{ "close", "descriptors", ALWAYS, 0 },
	{ "lseek", "files", ALWAYS, 0 },
	{ "fcntl", "flags, locks of files", ALWAYS, 0 },
	{ "flock", "one daemon per state directory", ALWAYS, 0 },
	{ "dup", "descriptors", ALWAYS, 0 },
	{ "dup3", "descriptors", ALWAYS, 0 },
	{ "pipe2", "waking a loop", ALWAYS, 0 },
	{ "ioctl", "isatty() on the log", SECOND_IS, TCGETS },
	{ "ioctl", "bytes waiting in a socket", SECOND_IS, FIONREAD },
	{ "ioctl", "non-blocking", SECOND_IS, FIONBIO },

	{ "socket", "listening again, probing a stale socket, notifications", FIRST_IS, AF_UNIX },
	{ "socketpair", "waking a loop", FIRST_IS, AF_UNIX },
	{ "bind", "listening again", ALWAYS, 0 },
	{ "listen", "listening again", ALWAYS, 0 },
	{ "connect", "probing a stale socket, notifications", ALWAYS, 0 },
	{ "accept4", "connections", ALWAYS, 0 },
	{ "getsockopt", "who connected, by SO_PEER*; sockets handed over", SECOND_IS, SOL_SOCKET },
	{ "setsockopt", "buffer sizes", ALWAYS, 0 },
	{ "getsockname", "sockets handed over at start", ALWAYS, 0 },
	{ "getpeername", "sockets", ALWAYS, 0 },

	{ "epoll_create1", "event loops", ALWAYS, 0 },
	{ "epoll_ctl", "event loops", ALWAYS, 0 },
	{ "epoll_wait", "event loops", ALWAYS, 0 },
	{ "epoll_pwait", "event loops", ALWAYS, 0 },
	{ "epoll_pwait2", "event loops", ALWAYS, 0 },
	{ "poll", "one descriptor with a deadline; whether a peer still lives", ALWAYS, 0 },
	{ "ppoll", "the same", ALWAYS, 0 },
	{ "eventfd2", "waking a loop", ALWAYS, 0 },
	{ "timerfd_create", "timers", ALWAYS, 0 },
	{ "timerfd_settime", "timers", ALWAYS, 0 },
	{ "timerfd_gettime", "timers", ALWAYS, 0 },
	{ "signalfd4", "signals as events", ALWAYS, 0 },

	{ "openat", "files; a peer's pid and cgroup in /proc", ALWAYS, 0 },
	{ "open", "files", ALWAYS, 0 },
	{ "fstat", "files", ALWAYS, 0 },
	{ "stat", "files", ALWAYS, 0 },
	{ "lstat", "files", ALWAYS, 0 },
	{ "newfstatat", "files", ALWAYS, 0 },
	{ "statx", "files", ALWAYS, 0 },
	{ "statfs", "free space, network file systems", ALWAYS, 0 },
	{ "fstatfs", "free space, network file systems", ALWAYS, 0 },
	{ "access", "files", ALWAYS, 0 },
	{ "faccessat", "files", ALWAYS, 0 },
	{ "faccessat2", "files", ALWAYS, 0 },
	{ "readlink", "real paths", ALWAYS, 0 },
	{ "readlinkat", "real paths", ALWAYS, 0 },
	{ "getcwd", "real paths", ALWAYS, 0 },
	{ "getdents64", "audit segments, configuration directory", ALWAYS, 0 },
	{ "ftruncate", "store, audit", ALWAYS, 0 },
	{ "fallocate", "audit segments ahead", ALWAYS, 0 },
	{ "fdatasync", "durability", ALWAYS, 0 },
	{ "fsync", "durability", ALWAYS, 0 },
	{ "rename", "replacing a file whole", ALWAYS, 0 },
	{ "renameat", "replacing a file whole", ALWAYS, 0 },
	{ "renameat2", "replacing a file whole", ALWAYS, 0 },
	{ "unlink", "stale sockets, temporary files", ALWAYS, 0 },
	{ "unlinkat", "stale sockets, temporary files", ALWAYS, 0 },
	{ "rmdir", "scratch directories", ALWAYS, 0 },
	{ "mkdir", "state directories", ALWAYS, 0 },
	{ "mkdirat", "state directories", ALWAYS, 0 },
	{ "chmod", "mode of a socket", ALWAYS, 0 },
	{ "fchmod", "mode of a socket", ALWAYS, 0 },
	{ "fchmodat", "mode of a socket", ALWAYS, 0 },
	{ "chown", "group of a socket", ALWAYS, 0 },
	{ "fchown", "group of a socket", ALWAYS, 0 },
	{ "fchownat", "group of a socket", ALWAYS, 0 },
	{ "umask", "files are made 0600 and less", ALWAYS, 0 },

	{ "mmap", "store, thread stacks, heap; never executable", THIRD_LACKS, PROT_EXEC },
	{ "mprotect", "thread stacks, guard pages; never executable", THIRD_LACKS, PROT_EXEC },
	{ "munmap", "memory", ALWAYS, 0 },
	{ "mremap", "heap", ALWAYS, 0 },
	{ "brk", "heap", ALWAYS, 0 },
	{ "madvise", "heap, arena", ALWAYS, 0 },
	{ "msync", "LMDB", ALWAYS, 0 },
	{ "mlock", "arena", ALWAYS, 0 },
	{ "mlock2", "arena", ALWAYS, 0 },
	{ "munlock", "arena", ALWAYS, 0 },
	{ "mincore", "arena", ALWAYS, 0 },
	{ "memfd_secret", "arena", ALWAYS, 0 },

	{ "clone", "threads, no processes", FIRST_HAS, CLONE_THREAD | CLONE_VM | CLONE_SIGHAND },
	{ "futex", "threads", ALWAYS, 0 },
	{ "set_robust_list", "threads; LMDB's mutexes", ALWAYS, 0 },
	{ "get_robust_list", "threads", ALWAYS, 0 },
	{ "rseq", "threads", ALWAYS, 0 },
	{ "sched_yield", "threads", ALWAYS, 0 },
	{ "sched_getaffinity", "number of processors", ALWAYS, 0 },
	{ "sched_getparam", "threads", ALWAYS, 0 },
	{ "sched_getscheduler", "threads", ALWAYS, 0 },
	{ "prctl", "a thread's name", FIRST_IS, PR_SET_NAME },
	{ "prctl", "a thread's name", FIRST_IS, PR_GET_NAME },
	{ "prctl", "telling the level", FIRST_IS, PR_GET_NO_NEW_PRIVS },
	{ "prctl", "telling the level", FIRST_IS, PR_GET_DUMPABLE },
	{ "exit", "threads", ALWAYS, 0 },
	{ "exit_group", "the end", ALWAYS, 0 },
	{ "restart_syscall", "interrupted sleeps", ALWAYS, 0 },

	{ "rt_sigaction", "signals", ALWAYS, 0 },
	{ "rt_sigprocmask", "signals", ALWAYS, 0 },
	{ "rt_sigreturn", "signals", ALWAYS, 0 },
	{ "rt_sigtimedwait", "waiting for a signal", ALWAYS, 0 },
	{ "sigaltstack", "signals", ALWAYS, 0 },
	{ "tgkill", "abort()", FIRST_IS_SELF, 0 },

	{ "clock_gettime", "time", ALWAYS, 0 },
	{ "clock_getres", "time", ALWAYS, 0 },
	{ "gettimeofday", "time", ALWAYS, 0 },
	{ "time", "time", ALWAYS, 0 },
	{ "nanosleep", "time", ALWAYS, 0 },
	{ "clock_nanosleep", "time", ALWAYS, 0 },
	{ "getrandom", "keys", ALWAYS, 0 },
	{ "getpid", "identity", ALWAYS, 0 },
	{ "gettid", "identity", ALWAYS, 0 },
	{ "getppid", "identity", ALWAYS, 0 },
	{ "getuid", "identity", ALWAYS, 0 },
	{ "geteuid", "identity", ALWAYS, 0 },
	{ "getgid", "identity", ALWAYS, 0 },
	{ "getegid", "identity", ALWAYS, 0 },
	{ "prlimit64", "reading limits, not setting them", THIRD_IS_NULL, 0 },
	{ "getrlimit", "reading limits", ALWAYS, 0 },
	{ "getrusage", "metrics", ALWAYS, 0 },
	{ "sysinfo", "memory there is", ALWAYS, 0 },
	{ "uname", "version of the kernel", ALWAYS, 0 },
};

/* Nothing in the daemon or its libraries asks for these. */
static const char *const killing[] = {
	"execve",
	"execveat",
	"ptrace",
	"process_vm_readv",
	"process_vm_writev",
	"kexec_load",
	"init_module",
	"finit_module",
	"delete_module",
	"mount",
	"pivot_root",
	"setns",
	"unshare",
	"bpf",
	"userfaultfd",
	"keyctl",
	"perf_event_open",
	"open_by_handle_at",
	"personality",
	"setuid",
};

/* An int's upper half is whatever was in the register, so only a pointer is compared whole. */
static struct scmp_arg_cmp
equals(unsigned argument, uint64_t mask, uint64_t value)
{
	return (struct scmp_arg_cmp){ argument, SCMP_CMP_MASKED_EQ, mask, value };
}

static struct scmp_arg_cmp
compare(const struct rule *rule)
{
	switch (rule->condition) {
	case FIRST_HAS:
		return equals(0, rule->value, rule->value);
	case SECOND_IS:
		return equals(1, UINT32_MAX, rule->value);
	case THIRD_IS_NULL:
		return equals(2, UINT64_MAX, 0);
	case THIRD_LACKS:
		return equals(2, rule->value, 0);
	case FIRST_IS_SELF:
		return equals(0, UINT32_MAX, (uint64_t)getpid());
	default:
		return equals(0, UINT32_MAX, rule->value);
	}
}

/* Adds one action; a call that this architecture lacks needs no rule. */
static enum vault_err
add(scmp_filter_ctx filter, uint32_t action, const char *call, const struct scmp_arg_cmp *argument)
{
	int number = seccomp_syscall_resolve_name(call);

	if (number == __NR_SCMP_ERROR)
		return VAULT_INTERNAL;
	if (number < 0)
		return VAULT_OK;
	if (seccomp_rule_add_array(filter, action, number, argument != NULL ? 1 : 0, argument) != 0)
		return VAULT_INTERNAL;
	return VAULT_OK;
}

static enum vault_err
fill(scmp_filter_ctx filter)
{
	for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++) {
		struct scmp_arg_cmp argument = compare(&allowed[i]);

		TRY(add(filter, SCMP_ACT_ALLOW, allowed[i].call,
			allowed[i].condition == ALWAYS ? NULL : &argument));
	}
	for (size_t i = 0; i < sizeof killing / sizeof killing[0]; i++)
		TRY(add(filter, SCMP_ACT_KILL_PROCESS, killing[i], NULL));
	/* Its flags lie in memory, out of the filter's sight; on ENOSYS the C library falls back to
	 * clone. */
	TRY(add(filter, SCMP_ACT_ERRNO(ENOSYS), "clone3", NULL));
	return VAULT_OK;
}

static enum vault_err
load(scmp_filter_ctx filter)
{
	if (seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) != 0 ||
	    seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, OPTIMIZE_TREE) != 0)
		return VAULT_INTERNAL;
	TRY(fill(filter));
	return seccomp_load(filter) == 0 ? VAULT_OK : VAULT_INTERNAL;
}

enum vault_err
sandbox_seccomp(bool *enforced)
{
	scmp_filter_ctx filter;
	enum vault_err err;

	/* The library tells all of the kernel's refusals alike, so ask first whether there is
	 * seccomp. */
	if (prctl(PR_GET_SECCOMP) < 0 && errno == EINVAL) {
		*enforced = false;
		return VAULT_OK;
	}
	filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	if (filter == NULL)
		return VAULT_INTERNAL;
	err = load(filter);
	seccomp_release(filter);
	if (err == VAULT_OK)
		*enforced = true;
	return err;
}
