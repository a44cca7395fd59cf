#include "tools/vault-bench/floor.h"

#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/vault-bench/child.h"
#include "vaultd/crypto/aead.h"
#include "vaultd/crypto/hash.h"
#include "vaultd/crypto/init.h"
#include "vaultd/crypto/mac.h"

/* Of a token.sign as vault-bench asks it, counted in the daemon's system calls. */
#define REPLY_BYTES 475
#define TAIL_BYTES 98	  /* characters hashed behind what a second's tokens share */
#define RECORD_BYTES 75	  /* of the audit */
#define OVERHEAD_BYTES 96 /* of a block of the audit: header, tag and hash */
#define HEADER_BYTES 48	  /* of those: what the cipher binds */

#define READ_BYTES 65536 /* at a time, as the daemon */
#define FDS_MAX 8192
#define EVENTS_MAX 32 /* at a time, as libevent begins with */
#define REQUESTS_MAX (EVENTS_MAX * 1024)
#define FILE_BYTES (1 << 26) /* of the audit's file, written round and round */

/* [1, msgid, nil, {"r": bin 16}]: what stands before the bytes, and where the msgid does. */
static const uint8_t reply_head[] = { 0x94, 0x01, 0xce, 0,    0,    0,	  0,
				      0xc0, 0x81, 0xa1, 0x72, 0xc5, 0x01, 0xcd };
#define REPLY_ID_AT 3
_Static_assert(REPLY_BYTES - sizeof reply_head == 0x01cd, "the head tells the length");

struct peer {
	size_t held;
	uint8_t in[2 * READ_BYTES];
};

struct work {
	const struct floor *floor;
	struct peer *peers[FDS_MAX];
	struct arena *arena;
	struct mac_key key;
	struct mac_state prefix;
	uint8_t chain[SHA256_BYTES];
	uint8_t records[REQUESTS_MAX * RECORD_BYTES + OVERHEAD_BYTES];
	uint8_t out[EVENTS_MAX][READ_BYTES / 64 * REPLY_BYTES];
	size_t out_len[EVENTS_MAX];
	uint64_t blocks;
	off_t offset;
	int file;
};

/* One token: the tail hashed from the copied state, and the reply's bytes. */
static void
answer(struct work *w, const uint8_t *request, uint8_t *reply)
{
	struct mac_state state = w->prefix;

	memcpy(reply, reply_head, sizeof reply_head);
	memcpy(reply + REPLY_ID_AT, request + w->floor->id_at, 4);
	memset(reply + sizeof reply_head, 't', REPLY_BYTES - sizeof reply_head);
	mac_add(&w->key, &state, reply + REPLY_BYTES - TAIL_BYTES, TAIL_BYTES);
	mac_end(&w->key, &state, reply + sizeof reply_head);
}

/* Reads once; answers what is whole. The number of requests, -1 where the peer is gone. */
static int
take(struct work *w, int fd, uint8_t *out)
{
	struct peer *peer = w->peers[fd];
	size_t len = w->floor->request_len, at = 0;
	int n = 0;
	ssize_t got;

	if (peer == NULL)
		peer = w->peers[fd] = calloc(1, sizeof *peer);
	if (peer == NULL)
		return -1;
	got = read(fd, peer->in + peer->held, READ_BYTES);
	if (got <= 0)
		return -1;
	peer->held += (size_t)got;
	for (; peer->held - at >= len && (size_t)(n + 1) * REPLY_BYTES <= sizeof w->out[0];
	     at += len, n++)
		answer(w, peer->in + at, out + (size_t)n * REPLY_BYTES);
	memmove(peer->in, peer->in + at, peer->held - at);
	peer->held -= at;
	return n;
}

/* The turn's records as one block: the file looked at, sealed, chained, written. */
static bool
append(struct work *w, size_t count)
{
	size_t records = count * RECORD_BYTES, block = records + OVERHEAD_BYTES;
	uint8_t *plain = w->records + HEADER_BYTES;
	struct sha256 hash;
	struct stat st;

	if (fstat(w->file, &st) != 0)
		return false;
	memset(plain, 0, records);
	aead_seal_counter(w->chain, ++w->blocks, (struct vault_bytes){ w->records, HEADER_BYTES },
			  (struct vault_bytes){ plain, records }, plain);
	sha256_start(&hash);
	sha256_add(&hash, w->chain, sizeof w->chain);
	sha256_add(&hash, w->records, block - SHA256_BYTES);
	sha256_end(&hash, w->chain);
	memcpy(w->records + block - SHA256_BYTES, w->chain, SHA256_BYTES);
	if (w->offset + (off_t)block > FILE_BYTES)
		w->offset = 0;
	w->offset += (off_t)block;
	return pwrite(w->file, w->records, block, w->offset - (off_t)block) == (ssize_t)block;
}

static bool
turn(struct work *w, const struct epoll_event *events, int n)
{
	size_t count = 0;

	for (int i = 0; i < n; i++) {
		int answered = take(w, events[i].data.fd, w->out[i]);

		w->out_len[i] = answered < 0 ? 0 : (size_t)answered * REPLY_BYTES;
		if (answered < 0)
			close(events[i].data.fd);
		else
			count += (size_t)answered;
	}
	if (count > 0 && !append(w, count))
		return false;
	for (int i = 0; i < n; i++)
		if (w->out_len[i] > 0 && !child_write(events[i].data.fd, w->out[i], w->out_len[i]))
			close(events[i].data.fd);
	return true;
}

/* A file of its own in the working directory, without a name, written once over. */
static bool
file_open(struct work *w)
{
	w->file = open(".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (w->file < 0)
		return false;
	for (off_t at = 0; at < FILE_BYTES; at += sizeof w->out[0])
		if (pwrite(w->file, w->out[0], sizeof w->out[0], at) < 0)
			return false;
	return true;
}

void
floor_serve(int epoll, const void *arg)
{
	static const uint8_t secret[32];
	struct epoll_event events[EVENTS_MAX];
	struct work *w = calloc(1, sizeof *w);
	int n;

	if (w == NULL || crypto_init() != VAULT_OK ||
	    arena_open(1 << 20, false, &w->arena) != VAULT_OK ||
	    mac_key_init(&w->key, w->arena, MAC_SHA256,
			 (struct vault_bytes){ secret, sizeof secret }) != VAULT_OK ||
	    !file_open(w))
		err(1, "floor");
	w->floor = arg;
	mac_start(&w->key, &w->prefix);
	do
		n = epoll_wait(epoll, events, EVENTS_MAX, -1);
	while (n < 0 || turn(w, events, n));
	err(1, "floor: the file");
}
