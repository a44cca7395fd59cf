/*
 * The memory that requests pass through: buffers that wipe what they let go of, and scratch that
 * has a limit.
 */
#include "protocol/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "protocol/scratch.h"

#define assert_ok(expression) assert_int_equal((expression), VAULT_OK)

/*
 * Stands before the library's, to see what is wiped; the second is what it is called when
 * fortified.
 */
#define WIPES_MAX 64
static struct {
	const uint8_t *p;
	size_t n;
} wipes[WIPES_MAX];
static size_t wipe_count;
void __explicit_bzero_chk(void *p, size_t n, size_t size);

void
explicit_bzero(void *p, size_t n)
{
	volatile uint8_t *at = p;

	for (size_t i = 0; i < n; i++)
		at[i] = 0;
	wipes[wipe_count % WIPES_MAX].p = p;
	wipes[wipe_count++ % WIPES_MAX].n = n;
}

void
__explicit_bzero_chk(void *p, size_t n, size_t size)
{
	(void)size;
	explicit_bzero(p, n);
}

static bool
was_wiped(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < WIPES_MAX; i++)
		if (wipes[i].p != NULL && p >= wipes[i].p && p + n <= wipes[i].p + wipes[i].n)
			return true;
	return false;
}

static void
forget_wipes(void)
{
	memset(wipes, 0, sizeof wipes);
}

static void
fill(struct buf *b, size_t n)
{
	static const uint8_t secret[64] = { [0 ... 63] = 0x5a };

	for (; n >= sizeof secret; n -= sizeof secret)
		assert_ok(buf_append(b, secret, sizeof secret));
	assert_ok(buf_append(b, secret, n));
}

static size_t
count_in(const uint8_t *p, size_t n)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++)
		found += p[i] == 0x5a;
	return found;
}

static void
test_append_and_take(void **state)
{
	struct buf b = { 0 };
	uint32_t in = 0, out = 0;

	(void)state;
	for (int round = 0; round < 2000; round++) {
		for (int i = 0; i < 13; i++, in++)
			assert_ok(buf_append(&b, &in, sizeof in));
		for (int i = 0; i < 11; i++, out++) {
			uint32_t v;

			memcpy(&v, buf_data(&b), sizeof v);
			assert_int_equal(v, out);
			buf_take(&b, sizeof v);
		}
		assert_int_equal(buf_len(&b), (in - out) * sizeof in);
	}
	buf_free(&b);
}

static void
test_reserve(void **state)
{
	struct buf b = { 0 };

	(void)state;
	assert_int_equal(buf_reserve(&b, SIZE_MAX), VAULT_BUSY);
	assert_int_equal(buf_reserve(&b, SIZE_MAX / 4 + 1), VAULT_BUSY);
	assert_null(b.p);
	assert_ok(buf_append(&b, "abc", 3));
	assert_int_equal(buf_reserve(&b, SIZE_MAX - 2), VAULT_BUSY);
	assert_int_equal(buf_len(&b), 3);
	assert_memory_equal(buf_data(&b), "abc", 3);
	assert_ok(buf_reserve(&b, 100000));
	assert_true(b.cap - b.tail >= 100000);
	assert_memory_equal(buf_data(&b), "abc", 3);
	assert_ok(buf_append(&b, NULL, 0));
	buf_free(&b);
}

static void
test_truncate_wipes(void **state)
{
	struct buf b = { 0 };

	(void)state;
	fill(&b, 3000);
	buf_take(&b, 1000);
	buf_truncate(&b, 500);
	assert_int_equal(buf_len(&b), 500);
	assert_int_equal(count_in(b.p + 1500, b.cap - 1500), 0);
	buf_truncate(&b, 501);
	assert_int_equal(buf_len(&b), 500);
	buf_free(&b);
}

/* When what is held moves down within its memory, no second copy stays behind it. */
static void
test_moving_down_wipes(void **state)
{
	struct buf b = { 0 };

	(void)state;
	fill(&b, 4096);
	buf_take(&b, 3000);
	assert_ok(buf_reserve(&b, 2000));
	assert_int_equal(b.head, 0);
	assert_int_equal(b.cap, 4096);
	assert_int_equal(count_in(b.p, 1096), 1096);
	assert_int_equal(count_in(b.p + 1096, b.cap - 1096), 0);
	buf_free(&b);
}

static void
test_freed_memory_was_wiped(void **state)
{
	struct buf b = { 0 };
	const uint8_t *p;
	size_t cap;

	(void)state;
	forget_wipes();
	fill(&b, 4096);
	p = b.p;
	assert_false(was_wiped(p, 4096));
	fill(&b, 5000);
	assert_ptr_not_equal(b.p, p);
	assert_true(was_wiped(p, 4096));
	p = b.p;
	cap = b.cap;
	buf_free(&b);
	assert_true(was_wiped(p, cap));
	fill(&b, 3000);
	buf_take(&b, 3000);
	p = b.p;
	buf_shrink(&b, 4096);
	assert_non_null(b.p);
	forget_wipes();
	buf_shrink(&b, 100);
	assert_null(b.p);
	assert_true(was_wiped(p, 4096));
}

static void
test_shrink_keeps_what_is_held(void **state)
{
	struct buf b = { 0 };

	(void)state;
	fill(&b, 10000);
	buf_shrink(&b, 10);
	assert_int_equal(buf_len(&b), 10000);
	buf_free(&b);
}

static void
test_scratch(void **state)
{
	struct scratch s;
	uint8_t *a, *b;

	(void)state;
	assert_ok(scratch_init(&s, 1024, 4096));
	a = scratch_alloc(&s, 1);
	b = scratch_alloc(&s, 100);
	assert_true((uintptr_t)a % 16 == 0 && (uintptr_t)b % 16 == 0);
	assert_true(b >= a + 1);
	memset(b, 0x5a, 100);
	scratch_reset(&s, false);
	/* The same memory, zeroed again. */
	assert_ptr_equal(scratch_alloc(&s, 300), a);
	assert_int_equal(count_in(a, 300), 0);
	assert_memory_equal(scratch_copy(&s, "abc", 3), "abc", 3);
	assert_non_null(scratch_copy(&s, NULL, 0));
	scratch_free(&s);
	scratch_free(&s);
}

static void
test_scratch_limit(void **state)
{
	struct scratch s;

	(void)state;
	assert_ok(scratch_init(&s, 1024, 4096));
	assert_non_null(scratch_alloc(&s, 1024));
	assert_int_equal(s.extra, 0);
	assert_non_null(scratch_alloc(&s, 4080));
	assert_int_equal(s.extra, 4080);
	assert_null(scratch_alloc(&s, 17));
	assert_non_null(scratch_alloc(&s, 16));
	assert_null(scratch_alloc(&s, 1));
	assert_null(scratch_room(&s, SIZE_MAX));
	assert_null(scratch_room(&s, SIZE_MAX - 15));
	assert_null(scratch_copy(&s, "abc", 3));
	scratch_reset(&s, false);
	assert_int_equal(s.extra, 0);
	assert_non_null(scratch_alloc(&s, 4096));
	assert_null(scratch_alloc(&s, 4096));
	scratch_free(&s);
}

static void
test_scratch_wipes(void **state)
{
	struct scratch s;
	uint8_t *kept, *further;

	(void)state;
	assert_ok(scratch_init(&s, 1024, 1 << 20));
	for (int wipe = 0; wipe < 2; wipe++) {
		forget_wipes();
		kept = scratch_alloc(&s, 1000);
		further = scratch_alloc(&s, 5000);
		memset(kept, 0x5a, 1000);
		scratch_reset(&s, wipe == 1);
		assert_int_equal(was_wiped(kept, 1000), wipe);
		assert_int_equal(was_wiped(further, 5000), wipe);
		assert_int_equal(count_in(kept, 1000), wipe == 1 ? 0 : 1000);
	}
	forget_wipes();
	kept = scratch_alloc(&s, 1000);
	further = scratch_alloc(&s, 5000);
	scratch_free(&s);
	assert_true(was_wiped(kept, 1024) && was_wiped(further, 5000));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_append_and_take),
		cmocka_unit_test(test_reserve),
		cmocka_unit_test(test_truncate_wipes),
		cmocka_unit_test(test_moving_down_wipes),
		cmocka_unit_test(test_freed_memory_was_wiped),
		cmocka_unit_test(test_shrink_keeps_what_is_held),
		cmocka_unit_test(test_scratch),
		cmocka_unit_test(test_scratch_limit),
		cmocka_unit_test(test_scratch_wipes),
	};

	return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
