/*
 * The least that a daemon of one thread could do for token.sign on this machine: the same bytes in
 * and out, the same audit written, the same hashes and cipher with the daemon's own primitives, and
 * nothing else. No request is read and no token put together.
 */
#ifndef VAULT_BENCH_FLOOR_H
#define VAULT_BENCH_FLOOR_H

#include <stddef.h>

/* What the child must know of the requests; all are of one length. */
struct floor {
	size_t request_len;
	size_t id_at; /* the four bytes of a request's msgid */
};

/* A child_serve; arg is a struct floor. Ends the child where it cannot begin. */
void floor_serve(int epoll, const void *arg);

#endif
