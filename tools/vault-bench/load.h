/*
 * The load generator: one thread, one epoll, N connections that each keep M requests in flight. A
 * reply's slot is sent again at once; what one read brought is answered by one write.
 */
#ifndef VAULT_BENCH_LOAD_H
#define VAULT_BENCH_LOAD_H

#include "tools/vault-bench/histogram.h"
#include "tools/vault-bench/wire.h"

#define LOAD_ERROR_MAX 256 /* bytes of an error's text, its NUL included */
#define LOAD_CONNECTIONS_MAX 4096

struct load_plan {
	const struct template *template;
	struct wire wire;
	unsigned connections;
	unsigned in_flight; /* of each connection */
	uint64_t warmup_ns; /* not counted */
	uint64_t run_ns;
	uint64_t count; /* when not 0: so many requests, however long they take, and no warm-up */
	enum vault_err tolerate; /* an error that counts as an answer; VAULT_OK for none */
	struct apikeys *made;	 /* gets the API keys that replies hold; NULL: nobody wants them */
};

/* Starts as all zero; the histogram and the errors add up over runs, the rest is of the last one.
 */
struct load_result {
	struct histogram latency;
	uint64_t answered; /* replies inside the measured time */
	uint64_t errors;
	double seconds; /* measured */
	double cpu; /* share of one core that the client used; near 1 the client is what is measured
		     */
	char first_error[LOAD_ERROR_MAX];
};

/*
 * Runs the plan over connected stream sockets, which it makes non-blocking and leaves open. False
 * where the run broke off: first_error tells why. Errors that the peer answered are counted and end
 * nothing.
 */
bool load_run(const struct load_plan *plan, const int *fds, struct load_result *result);

/* Nanoseconds of the monotonic clock. */
uint64_t load_clock(void);

#endif
