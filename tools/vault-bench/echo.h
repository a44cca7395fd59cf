/*
 * The measure of what the machine can do: a child process that reads whatever comes over each of
 * its sockets and writes it back. Every server over Unix sockets with one thread and epoll pays at
 * least this.
 */
#ifndef VAULT_BENCH_ECHO_H
#define VAULT_BENCH_ECHO_H

#include <stdbool.h>
#include <sys/types.h>

/* Starts a child and fills fds with n connected sockets, which the caller closes. The child's id,
 * or -1 with errno set. */
pid_t echo_start(unsigned n, int *fds);
/* Ends the child and waits for it. */
void echo_stop(pid_t child);

#endif
