/*
 * Makes what the load asks for, over the admin socket: what is there already stays as it is.
 */
#ifndef VAULT_BENCH_SETUP_H
#define VAULT_BENCH_SETUP_H

#include "tools/vault-bench/call.h"
#include "tools/vault-bench/methods.h"

struct setup {
	const char *admin_socket;
	const char *keyfile; /* initialises or unseals with it where that is needed; NULL: does
				neither */
	const struct bench_names *names;
	struct apikeys *apikeys; /* gets API keys made for apikey.verify; NULL: none are made */
	uint64_t apikey_count;
	bool rotated; /* also the ROTATE_KEYS keys that key.rotate goes round */
};

/* The daemon's error, or VAULT_INTERNAL; what failed is said on stderr. */
MUST_USE enum vault_err setup_run(const struct setup *setup);

#endif
