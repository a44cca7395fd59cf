/*
 * One blocking call at a time: what the bench needs before and around the load.
 */
#ifndef VAULT_BENCH_CALL_H
#define VAULT_BENCH_CALL_H

#include "protocol/buf.h"
#include "protocol/ops.h"
#include "protocol/scratch.h"
#include "tools/vault-bench/wire.h"

#define CALL_ERROR_MAX 256 /* bytes of an error's text, its NUL included */

struct caller {
	int fd;
	struct buf in;
	struct scratch scratch;
	char error[CALL_ERROR_MAX]; /* why the last call failed */
};

/* A connected stream socket, or -1 with errno set. */
int caller_dial(const char *path);

/* VAULT_INTERNAL with error set where the daemon cannot be reached. caller_close frees it either
 * way. */
MUST_USE enum vault_err caller_open(struct caller *caller, const char *path);
void caller_close(struct caller *caller);

/*
 * Sends struct ID_req and waits for struct ID_res (res may be NULL), whose views are valid until
 * the next call. The daemon's error, or VAULT_INTERNAL where the connection failed; error then
 * tells more.
 */
MUST_USE enum vault_err caller_call(struct caller *caller, enum op_id op, const void *req,
				    void *res);

/* Sends bytes and waits for one reply of any wire, which is left in caller->in (its length in
 * *len). */
MUST_USE enum vault_err caller_exchange(struct caller *caller, const struct wire *wire,
					struct vault_bytes request, size_t *len);

/* Encodes a request of op for msgids of four bytes; the caller frees *out. */
MUST_USE enum vault_err call_encode(enum op_id op, const void *req, struct buf *out);

#endif
