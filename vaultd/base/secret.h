/*
 * Secret memory. One arena, sized at start, holds every key: not swapped, not dumped, not
 * inherited. A struct secret can only be made, moved, compared and freed by the functions here, and
 * freeing wipes, so wiping is never a caller's duty.
 */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include "protocol/error.h"

struct arena; /* usable from any thread */

/* How the arena's pages are kept from swap. */
enum arena_lock { ARENA_UNLOCKED, ARENA_LOCKED, ARENA_MEMFD_SECRET };

/*
 * Makes an arena of size bytes. Errors: VAULT_BUSY when the memory cannot be had, or cannot be
 * locked and need_lock.
 */
MUST_USE enum vault_err arena_open(size_t size, bool need_lock, struct arena **arena);
/* Wipes and unmaps. No secret of the arena may be used after it. NULL is fine. */
void arena_close(struct arena *arena);
enum arena_lock arena_lock(const struct arena *arena);
/* Bytes handed out, and bytes there are. */
size_t arena_used(struct arena *arena);
size_t arena_size(const struct arena *arena);
/*
 * Overwrites everything, handed out or not, while nobody uses it; every secret must be freed before
 * it is used again.
 */
void arena_wipe(struct arena *arena);
/* Where the arena lies, for the test that looks for key bytes outside it. */
struct vault_bytes arena_span(const struct arena *arena);

/* All zero is an empty secret, which can be freed. p is aligned to 64. */
struct secret {
	uint8_t *p;
	size_t len;
	struct arena *arena;
};

/*
 * A zeroed secret of len bytes (1 to SECRET_MAX); VAULT_BUSY when the arena is full. *s must be
 * empty.
 */
#define SECRET_MAX (1024 * 1024)
MUST_USE enum vault_err secret_new(struct arena *arena, size_t len, struct secret *s);
MUST_USE enum vault_err secret_copy(struct arena *arena, const void *p, size_t len,
				    struct secret *s);
/* A secret of len random bytes. */
MUST_USE enum vault_err secret_random(struct arena *arena, size_t len, struct secret *s);
/* *to must be empty; *from is empty afterwards. */
void secret_move(struct secret *to, struct secret *from);
/* Constant time for equal lengths. */
bool secret_equal(const struct secret *a, const void *p, size_t len);
/* The same for what is no struct secret: a value that a request holds. */
bool secret_same(const void *a, const void *b, size_t len);
/* Wipes; empty afterwards. */
void secret_free(struct secret *s);

/* An owned local: SECRET_LOCAL(key); */
#define SECRET_LOCAL(name) __attribute__((cleanup(secret_free))) struct secret name = { 0 }

/* Wipes what cannot be a struct secret: a hash state or a derived key on the stack. */
void secret_wipe(void *p, size_t n);

#endif
