#include <errno.h>
#include <pthread.h>
#include <seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "vaultd/base/secret.h"
#include "vaultd/crypto/init.h"

#define ARENA_BYTES (2 * SECRET_MAX)
#define UNIT_BYTES 64 /* the smallest block */
#define NOBODY 65534

/* AddressSanitizer turns mlock into nothing. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MLOCK_WORKS false
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define MLOCK_WORKS false
#else
#define MLOCK_WORKS true
#endif
#else
#define MLOCK_WORKS true
#endif

static int
setup(void **state)
{
	struct arena *arena;

	if (crypto_init() != VAULT_OK || arena_open(ARENA_BYTES, false, &arena) != VAULT_OK)
		return -1;
	*state = arena;
	return 0;
}

static int
teardown(void **state)
{
	arena_close(*state);
	return 0;
}

static bool
all_zero(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != 0)
			return false;
	return true;
}

static void
test_sizes(void **state)
{
	struct arena *arena = *state;
	struct secret s = { 0 };

	assert_int_equal(arena_size(arena), ARENA_BYTES);
	assert_int_equal(secret_new(arena, 0, &s), VAULT_BUSY);
	assert_int_equal(secret_new(arena, SECRET_MAX + 1, &s), VAULT_BUSY);
	assert_int_equal(secret_new(arena, SIZE_MAX, &s), VAULT_BUSY);
	assert_null(s.p);
	for (size_t len = 1; len <= SECRET_MAX; len = len * 2 + len / 3) {
		assert_int_equal(secret_new(arena, len, &s), VAULT_OK);
		assert_int_equal((uintptr_t)s.p % UNIT_BYTES, 0);
		assert_int_equal(s.len, len);
		assert_true(all_zero(s.p, len));
		assert_true(arena_used(arena) >= len);
		memset(s.p, 0xa5, len);
		secret_free(&s);
		assert_null(s.p);
		assert_int_equal(arena_used(arena), 0);
	}
}

static void
test_free_wipes(void **state)
{
	struct arena *arena = *state;
	struct vault_bytes span = arena_span(arena);
	struct secret s = { 0 }, empty = { 0 };

	assert_int_equal(secret_random(arena, 1000, &s), VAULT_OK);
	assert_false(all_zero(span.p, span.len));
	assert_true(s.p >= span.p && s.p + s.len <= span.p + span.len);
	secret_free(&s);
	secret_free(&s);
	secret_free(&empty);
	assert_true(all_zero(span.p, span.len));
}

static void
test_copy_move_equal(void **state)
{
	struct arena *arena = *state;
	struct secret a = { 0 }, b = { 0 };

	assert_int_equal(secret_copy(arena, "correct horse", 13, &a), VAULT_OK);
	secret_move(&b, &a);
	assert_null(a.p);
	secret_free(&a);
	assert_true(secret_equal(&b, "correct horse", 13));
	assert_false(secret_equal(&b, "correct horsf", 13));
	assert_false(secret_equal(&b, "correct horse", 12));
	assert_false(secret_equal(&a, "c", 1));
	assert_true(secret_equal(&a, NULL, 0));
	secret_free(&b);
	{
		SECRET_LOCAL(local);

		assert_int_equal(secret_random(arena, 32, &local), VAULT_OK);
		assert_int_equal(arena_used(arena), UNIT_BYTES);
	}
	assert_int_equal(arena_used(arena), 0);
}

/* An arena once full of the smallest secrets serves the largest afterwards. */
static void
test_full_then_joined(void **state)
{
	struct arena *arena = *state;
	size_t n = ARENA_BYTES / UNIT_BYTES;
	struct secret *s = calloc(n, sizeof *s), large[2] = { 0 }, more = { 0 };

	for (size_t i = 0; i < n; i++)
		assert_int_equal(secret_new(arena, 1 + i % UNIT_BYTES, &s[i]), VAULT_OK);
	assert_int_equal(arena_used(arena), ARENA_BYTES);
	assert_int_equal(secret_new(arena, 1, &more), VAULT_BUSY);
	assert_null(more.p);
	/*
	 * An odd stride frees in an order in which neighbours are apart; one that stays blocks its
	 * whole half.
	 */
	for (size_t i = 1; i < n; i++)
		secret_free(&s[i * 12345 % n]);
	assert_int_equal(arena_used(arena), UNIT_BYTES);
	assert_int_equal(secret_new(arena, SECRET_MAX, &large[1]), VAULT_OK);
	assert_int_equal(secret_new(arena, SECRET_MAX, &large[0]), VAULT_BUSY);
	secret_free(&s[0]);
	assert_int_equal(secret_new(arena, SECRET_MAX, &large[0]), VAULT_OK);
	secret_free(&large[0]);
	secret_free(&large[1]);
	assert_int_equal(arena_used(arena), 0);
	free(s);
}

/* The same numbers in every run (Numerical Recipes' generator, its better half). */
static size_t
next(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 16;
}

/* Random takings and givings: every secret keeps its own bytes. */
static void
test_no_overlap(void **state)
{
	struct arena *arena = *state;
	struct secret s[200] = { 0 };
	uint32_t seed = 1;

	for (int round = 0; round < 20000; round++) {
		size_t at = next(&seed) % 200;
		size_t len = 1 + next(&seed) % (1u << (next(&seed) % 16));

		if (s[at].p != NULL) {
			for (size_t i = 0; i < s[at].len; i++)
				assert_int_equal(s[at].p[i], at);
			secret_free(&s[at]);
		} else if (secret_new(arena, len, &s[at]) == VAULT_OK) {
			assert_true(all_zero(s[at].p, len));
			memset(s[at].p, (int)at, len);
		}
	}
	for (size_t i = 0; i < 200; i++)
		secret_free(&s[i]);
	assert_int_equal(arena_used(arena), 0);
	assert_true(all_zero(arena_span(arena).p, ARENA_BYTES));
}

static void
test_wipe(void **state)
{
	struct arena *arena = *state;
	struct secret before[3] = { 0 }, after = { 0 };

	for (size_t i = 0; i < 3; i++)
		assert_int_equal(secret_random(arena, 100 << i, &before[i]), VAULT_OK);
	arena_wipe(arena);
	assert_true(all_zero(arena_span(arena).p, ARENA_BYTES));
	assert_int_equal(arena_used(arena), 0);
	for (size_t i = 0; i < 3; i++)
		secret_free(&before[i]);
	assert_int_equal(arena_used(arena), 0);
	assert_int_equal(secret_new(arena, SECRET_MAX, &after), VAULT_OK);
	secret_free(&after);
	assert_int_equal(arena_used(arena), 0);
}

/* Sizes that are no power of two serve every byte. */
static void
test_odd_size(void **state)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), n = 0;
	struct secret s[7 * 64] = { 0 };
	struct arena *arena;

	(void)state;
	assert_int_equal(arena_open(0, false, &arena), VAULT_BUSY);
	assert_int_equal(arena_open(SIZE_MAX, false, &arena), VAULT_BUSY);
	assert_int_equal(arena_open(7 * page - 1, false, &arena), VAULT_OK);
	assert_int_equal(arena_size(arena), 7 * page);
	while (n < 7 * 64 && secret_new(arena, page / 64, &s[n]) == VAULT_OK)
		n++;
	assert_int_equal(n, 7 * 64);
	while (n > 0)
		secret_free(&s[--n]);
	assert_int_equal(secret_new(arena, 4 * page, &s[0]), VAULT_OK);
	assert_int_equal(secret_new(arena, 2 * page, &s[1]), VAULT_OK);
	assert_int_equal(secret_new(arena, page, &s[2]), VAULT_OK);
	for (size_t i = 0; i < 3; i++)
		secret_free(&s[i]);
	arena_close(arena);
	arena_close(NULL);
}

/* Runs body in a child; whether it ended by itself with status 0. */
static bool
child_survives(void (*body)(struct arena *arena), struct arena *arena)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		const struct rlimit none = { 0, 0 };

		setrlimit(RLIMIT_CORE, &none);
		close(STDERR_FILENO);
		signal(SIGSEGV, SIG_DFL);
		body(arena);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void
touch(const uint8_t *p)
{
	(void)*(const volatile uint8_t *)p;
}

static void
touch_inherited(struct arena *arena)
{
	touch(arena_span(arena).p);
}

static void
touch_before(struct arena *arena)
{
	(void)arena;
	if (arena_open(1, false, &arena) == VAULT_OK)
		touch(arena_span(arena).p - 1);
}

static void
touch_behind(struct arena *arena)
{
	(void)arena;
	if (arena_open(1, false, &arena) == VAULT_OK)
		touch(arena_span(arena).p + arena_size(arena));
}

static void
touch_inside(struct arena *arena)
{
	if (arena_open(1, false, &arena) != VAULT_OK)
		_exit(1);
	touch(arena_span(arena).p);
	touch(arena_span(arena).p + arena_size(arena) - 1);
}

static void
test_guards_and_fork(void **state)
{
	assert_true(child_survives(touch_inside, *state));
	assert_false(child_survives(touch_before, *state));
	assert_false(child_survives(touch_behind, *state));
	assert_false(child_survives(touch_inherited, *state));
}

/* Without the right to lock: refused, or unlocked where that was allowed. */
static void
open_without_right(struct arena *arena)
{
	const struct rlimit none = { 0, 0 };

	if (setrlimit(RLIMIT_MEMLOCK, &none) != 0 || (getuid() == 0 && setuid(NOBODY) != 0))
		_exit(2);
	if (arena_open(ARENA_BYTES, true, &arena) != VAULT_BUSY)
		_exit(3);
	if (arena_open(ARENA_BYTES, false, &arena) != VAULT_OK ||
	    arena_lock(arena) != ARENA_UNLOCKED)
		_exit(4);
	arena_close(arena);
}

/* On a kernel without memfd_secret: locked pages. */
static void
open_without_memfd_secret(struct arena *arena)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	SECRET_LOCAL(s);

	if (seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(memfd_secret), 0) != 0 ||
	    seccomp_load(filter) != 0)
		_exit(2);
	seccomp_release(filter);
	if (arena_open(ARENA_BYTES, MLOCK_WORKS, &arena) != VAULT_OK)
		_exit(3);
	if (arena_lock(arena) != (MLOCK_WORKS ? ARENA_LOCKED : ARENA_UNLOCKED))
		_exit(4);
	if (secret_random(arena, 1000, &s) != VAULT_OK)
		_exit(5);
	secret_free(&s);
	arena_close(arena);
}

static void
test_lock(void **state)
{
	assert_true(child_survives(open_without_right, *state));
	assert_true(child_survives(open_without_memfd_secret, *state));
}

static void *
take_and_give(void *arg)
{
	struct secret s[8] = { 0 };

	for (size_t i = 0; i < 20000; i++) {
		struct secret *one = &s[i % 8];

		secret_free(one);
		if (secret_new(arg, 1 + i * 37 % 3000, one) != VAULT_OK ||
		    !all_zero(one->p, one->len))
			return arg;
		memset(one->p, 0xff, one->len);
	}
	for (size_t i = 0; i < 8; i++)
		secret_free(&s[i]);
	return NULL;
}

static void
test_threads(void **state)
{
	struct arena *arena = *state;
	pthread_t threads[4];

	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, take_and_give, arena), 0);
	for (size_t i = 0; i < 4; i++) {
		void *failed;

		assert_int_equal(pthread_join(threads[i], &failed), 0);
		assert_null(failed);
	}
	assert_int_equal(arena_used(arena), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_free_wipes),
		cmocka_unit_test(test_copy_move_equal),
		cmocka_unit_test(test_full_then_joined),
		cmocka_unit_test(test_no_overlap),
		cmocka_unit_test(test_wipe),
		cmocka_unit_test(test_odd_size),
		cmocka_unit_test(test_guards_and_fork),
		cmocka_unit_test(test_lock),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests_name("secret", tests, setup, teardown);
}
