/*
 * The three things a load can be sent to answer differently: MessagePack-RPC, the bare echo, and
 * Redis (RESP2). A wire finds where a reply ends and whom it answers, as cheaply as it can: the
 * client must not be the bottleneck.
 */
#ifndef VAULT_BENCH_WIRE_H
#define VAULT_BENCH_WIRE_H

#include "protocol/buf.h"
#include "protocol/scan.h"
#include "tools/vault-bench/apikeys.h"

/* One encoded request that is sent again and again, and where each copy is patched (0: not at all).
 */
struct template
{
	struct buf bytes;
	size_t id_at;	   /* four bytes, big-endian: the number of the slot in flight */
	size_t counter_at; /* COUNTER_DIGITS digits that differ from request to request */
	uint64_t modulus;  /* of the counter; 0: it never comes round */
	bool scattered;	   /* within the modulus, one after the other as if by chance */
	size_t key_at;	   /* an API key, any of keys */
	const struct apikeys *keys;
};

/* Digits of the counter in a name; in an encoded request they are first COUNTER_MARK. */
#define COUNTER_DIGITS 12
#define COUNTER_MARK "############"

enum reply_status {
	REPLY_OK,
	REPLY_ERROR, /* a whole reply that says no */
	REPLY_SHORT, /* more bytes are needed */
	REPLY_BAD,   /* not the protocol */
};

struct reply {
	size_t len;
	int64_t id; /* the slot it answers; -1: the oldest one in flight */
};

struct wire;

/* Looks at the first reply in the bytes; scan is kept between calls that answer REPLY_SHORT. */
typedef enum reply_status (*wire_split)(const struct wire *wire, struct scan *scan,
					struct vault_bytes in, struct reply *reply);

struct wire {
	wire_split split;
	size_t echoed; /* of the echo: every reply's length */
};

struct wire wire_rpc(void);
struct wire wire_echo(size_t len);
struct wire wire_redis(void);

/* What a whole error reply says, as text in out ("code: message"); code gets the contract's code
 * where it has one. */
void wire_error_text(const struct wire *wire, struct vault_bytes reply, char *out, size_t size,
		     enum vault_err *code);

#endif
