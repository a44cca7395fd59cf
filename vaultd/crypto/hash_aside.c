#include "vaultd/crypto/hash_aside.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define PIECE_MAX (64u * 1024) /* bytes handed over at once: they are still in the cache */
#define PIECES 8	       /* handed over and not hashed yet, before the caller waits */

struct piece {
	size_t len;
	uint8_t bytes[PIECE_MAX];
};

struct hash_aside {
	struct sha256 state; /* the thread's while it runs */
	pthread_t thread;
	bool threaded;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	/* Under the mutex: pieces added and hashed, counted; those between wait in the ring. */
	uint64_t added, hashed;
	bool ending;
	struct piece pieces[PIECES];
};

static void *
hash_pieces(void *arg)
{
	struct hash_aside *hash = arg;

	pthread_mutex_lock(&hash->mutex);
	for (;;) {
		const struct piece *piece = &hash->pieces[hash->hashed % PIECES];

		if (hash->hashed == hash->added) {
			if (hash->ending)
				break;
			pthread_cond_wait(&hash->changed, &hash->mutex);
			continue;
		}
		pthread_mutex_unlock(&hash->mutex);
		sha256_add(&hash->state, piece->bytes, piece->len);
		pthread_mutex_lock(&hash->mutex);
		hash->hashed++;
		pthread_cond_signal(&hash->changed);
	}
	pthread_mutex_unlock(&hash->mutex);
	return NULL;
}

enum vault_err
hash_aside_new(struct hash_aside **out)
{
	struct hash_aside *hash = malloc(sizeof *hash);

	if (hash == NULL)
		return VAULT_BUSY;
	hash->added = hash->hashed = 0;
	hash->ending = false;
	sha256_start(&hash->state);
	pthread_mutex_init(&hash->mutex, NULL);
	pthread_cond_init(&hash->changed, NULL);
	hash->threaded = pthread_create(&hash->thread, NULL, hash_pieces, hash) == 0;
	*out = hash;
	return VAULT_OK;
}

static void
add_piece(struct hash_aside *hash, const uint8_t *p, size_t len)
{
	struct piece *piece = &hash->pieces[hash->added % PIECES];

	pthread_mutex_lock(&hash->mutex);
	while (hash->added - hash->hashed == PIECES)
		pthread_cond_wait(&hash->changed, &hash->mutex);
	pthread_mutex_unlock(&hash->mutex);
	/* Nobody else has this place now. */
	piece->len = len;
	memcpy(piece->bytes, p, len);
	pthread_mutex_lock(&hash->mutex);
	hash->added++;
	pthread_cond_signal(&hash->changed);
	pthread_mutex_unlock(&hash->mutex);
}

void
hash_aside_add(struct hash_aside *hash, const uint8_t *p, size_t len)
{
	if (!hash->threaded) {
		sha256_add(&hash->state, p, len);
		return;
	}
	while (len > 0) {
		size_t n = len < PIECE_MAX ? len : PIECE_MAX;

		add_piece(hash, p, n);
		p += n;
		len -= n;
	}
}

/* The thread hashes what it was handed, and ends. */
static void
stop(struct hash_aside *hash)
{
	if (!hash->threaded)
		return;
	pthread_mutex_lock(&hash->mutex);
	hash->ending = true;
	pthread_cond_signal(&hash->changed);
	pthread_mutex_unlock(&hash->mutex);
	pthread_join(hash->thread, NULL);
	hash->threaded = false;
}

void
hash_aside_end(struct hash_aside *hash, uint8_t digest[static SHA256_BYTES])
{
	stop(hash);
	sha256_end(&hash->state, digest);
}

void
hash_aside_free(struct hash_aside *hash)
{
	if (hash == NULL)
		return;
	stop(hash);
	pthread_mutex_destroy(&hash->mutex);
	pthread_cond_destroy(&hash->changed);
	free(hash);
}
