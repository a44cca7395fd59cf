/*
 * The measure of what the machine can do: a child that reads whatever comes over each of its
 * sockets and writes it back. Every server over Unix sockets with one thread and epoll pays at
 * least this.
 */
#ifndef VAULT_BENCH_ECHO_H
#define VAULT_BENCH_ECHO_H

/* A child_serve; arg is not used. */
void echo_serve(int epoll, const void *arg);

#endif
