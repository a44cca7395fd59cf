/*
 * A child process that serves sockets of this process: the peers that are no daemon.
 */
#ifndef VAULT_BENCH_CHILD_H
#define VAULT_BENCH_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

/* Runs in the child and never returns; epoll says which socket (data.fd) can be read. */
typedef void (*child_serve)(int epoll, const void *arg);

/*
 * Starts a child and fills fds with n connected sockets, which the caller closes. The child's id,
 * or -1 with errno set.
 */
pid_t child_start(unsigned n, int *fds, child_serve serve, const void *arg);
/* Ends the child and waits for it. */
void child_stop(pid_t child);

/* Writes all of it to a blocking socket; false where the peer is gone. */
bool child_write(int fd, const void *bytes, size_t n);

#endif
