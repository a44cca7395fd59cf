#include "vaultd/base/secret.h"

#include <fcntl.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vaultd/base/buddy.h"
#include "vaultd/base/random.h"

_Static_assert(SECRET_MAX <= BUDDY_BLOCK_MAX, "the largest secret fits a block");

#define ARENA_SIZE_MAX ((size_t)1 << 40) /* keeps the arithmetic on sizes from wrapping */
#define STATUS_BYTES 8192		 /* of /proc/self/status, about 1,500 in practice */

struct arena {
	uint8_t *base;
	size_t size;
	size_t guard; /* bytes without access before base and behind the end */
	enum arena_lock lock;
	pthread_mutex_t mutex; /* covers buddy */
	struct buddy *buddy;   /* free memory is always zero: it is wiped before it is given back */
};

/* Kilobytes this process has locked (proc(5), VmLck); 0 where that cannot be read. */
static size_t
locked_kilobytes(void)
{
	char status[STATUS_BYTES];
	const char *line;
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return 0;
	n = read(fd, status, sizeof status - 1);
	close(fd);
	if (n <= 0)
		return 0;
	status[n] = '\0';
	line = strstr(status, "\nVmLck:");
	return line == NULL ? 0 : strtoul(line + strlen("\nVmLck:"), NULL, 10);
}

/*
 * Replaces the pages at p with memory that not even the kernel maps (memfd_secret(2), Linux 5.14).
 * The kernel counts it against RLIMIT_MEMLOCK and keeps it out of swap and dumps by itself.
 */
static bool
map_memfd_secret(uint8_t *p, size_t size)
{
	int fd = (int)syscall(SYS_memfd_secret, (unsigned)O_CLOEXEC);
	bool mapped;

	if (fd < 0)
		return false;
	mapped = ftruncate(fd, (off_t)size) == 0 &&
		 mmap(p, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) != MAP_FAILED;
	close(fd);
	return mapped;
}

static bool
map_anonymous(uint8_t *p, size_t size)
{
	return mmap(p, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
		    0) != MAP_FAILED;
}

/*
 * mlock(2) may answer success without locking (containers, sanitizers), so what counts is the
 * kernel's own figure.
 */
static bool
lock_pages(uint8_t *p, size_t size)
{
	size_t before = locked_kilobytes();

	return mlock(p, size) == 0 && locked_kilobytes() >= before + size / 1024;
}

/* Fills the hole between the guards; false where there is no memory at all. */
static bool
map_pages(struct arena *a)
{
	if (map_memfd_secret(a->base, a->size)) {
		a->lock = ARENA_MEMFD_SECRET;
	} else {
		if (!map_anonymous(a->base, a->size))
			return false;
		a->lock = lock_pages(a->base, a->size) ? ARENA_LOCKED : ARENA_UNLOCKED;
	}
	return madvise(a->base, a->size, MADV_DONTFORK) == 0 &&
	       madvise(a->base, a->size, MADV_DONTDUMP) == 0;
}

static enum vault_err
arena_map(struct arena *a, size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *p;

	if (size == 0 || size > ARENA_SIZE_MAX)
		return VAULT_BUSY;
	a->size = (size + page - 1) / page * page;
	p = mmap(NULL, a->size + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		 -1, 0);
	if (p == MAP_FAILED)
		return VAULT_BUSY;
	a->guard = page;
	a->base = p + page;
	return map_pages(a) ? VAULT_OK : VAULT_BUSY;
}

enum vault_err
arena_open(size_t size, bool need_lock, struct arena **arena)
{
	struct arena *a = calloc(1, sizeof *a);
	enum vault_err err;

	if (a == NULL)
		return VAULT_BUSY;
	pthread_mutex_init(&a->mutex, NULL);
	err = arena_map(a, size);
	if (err == VAULT_OK && need_lock && a->lock == ARENA_UNLOCKED)
		err = VAULT_BUSY;
	if (err == VAULT_OK)
		err = buddy_open(a->size, &a->buddy);
	if (err != VAULT_OK) {
		arena_close(a);
		return err;
	}
	*arena = a;
	return VAULT_OK;
}

void
arena_close(struct arena *arena)
{
	if (arena == NULL)
		return;
	/* Without an allocator nothing was handed out, and the pages may not even be there. */
	if (arena->buddy != NULL)
		explicit_bzero(arena->base, arena->size);
	if (arena->base != NULL)
		munmap(arena->base - arena->guard, arena->size + 2 * arena->guard);
	buddy_close(arena->buddy);
	pthread_mutex_destroy(&arena->mutex);
	free(arena);
}

enum arena_lock
arena_lock(const struct arena *arena)
{
	return arena->lock;
}

size_t
arena_used(struct arena *arena)
{
	size_t used;

	pthread_mutex_lock(&arena->mutex);
	used = buddy_used(arena->buddy);
	pthread_mutex_unlock(&arena->mutex);
	return used;
}

size_t
arena_size(const struct arena *arena)
{
	return arena->size;
}

/*
 * The allocator starts over, so a secret from before the wipe is no longer held. Freeing it is
 * harmless until the arena is used again; after that its place may be another's, which is why the
 * header asks for every secret to be freed first.
 */
void
arena_wipe(struct arena *arena)
{
	pthread_mutex_lock(&arena->mutex);
	explicit_bzero(arena->base, arena->size);
	buddy_reset(arena->buddy);
	pthread_mutex_unlock(&arena->mutex);
}

struct vault_bytes
arena_span(const struct arena *arena)
{
	return (struct vault_bytes){ arena->base, arena->size };
}

enum vault_err
secret_new(struct arena *arena, size_t len, struct secret *s)
{
	size_t offset;
	bool taken;

	if (len == 0 || len > SECRET_MAX)
		return VAULT_BUSY;
	pthread_mutex_lock(&arena->mutex);
	taken = buddy_take(arena->buddy, len, &offset);
	pthread_mutex_unlock(&arena->mutex);
	if (!taken)
		return VAULT_BUSY;
	*s = (struct secret){ arena->base + offset, len, arena };
	return VAULT_OK;
}

enum vault_err
secret_copy(struct arena *arena, const void *p, size_t len, struct secret *s)
{
	TRY(secret_new(arena, len, s));
	memcpy(s->p, p, len);
	return VAULT_OK;
}

enum vault_err
secret_random(struct arena *arena, size_t len, struct secret *s)
{
	TRY(secret_new(arena, len, s));
	random_bytes(s->p, len);
	return VAULT_OK;
}

void
secret_move(struct secret *to, struct secret *from)
{
	*to = *from;
	*from = (struct secret){ 0 };
}

bool
secret_equal(const struct secret *a, const void *p, size_t len)
{
	return a->len == len && (len == 0 || sodium_memcmp(a->p, p, len) == 0);
}

void
secret_free(struct secret *s)
{
	struct arena *arena = s->arena;
	size_t offset;

	if (arena == NULL)
		return;
	offset = (size_t)(s->p - arena->base);
	/*
	 * Looked at without the mutex: while the block is ours, nobody else writes its mark or its
	 * bytes.
	 */
	if (buddy_held(arena->buddy, offset, s->len)) {
		explicit_bzero(s->p, s->len);
		pthread_mutex_lock(&arena->mutex);
		buddy_give(arena->buddy, offset, s->len);
		pthread_mutex_unlock(&arena->mutex);
	}
	*s = (struct secret){ 0 };
}

void
secret_wipe(void *p, size_t n)
{
	explicit_bzero(p, n);
}

bool
secret_same(const void *a, const void *b, size_t len)
{
	return sodium_memcmp(a, b, len) == 0;
}
