/* The memory that requests pass through: buffers that wipe what they let go of, and scratch that has a limit. */
#include "protocol/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "protocol/scratch.h"

#define assert_ok(expression) assert_int_equal((expression), VAULT_OK)

/* The linker sends free() here: memory is looked at right before it is given back. */
static bool watch;
static size_t leaked; /* bytes 0x5a in what was freed */
void __real_free(void *p);
void __wrap_free(void *p);

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
	assert_int_equal(buf_reserve(&b, SIZE_MAX / 4), VAULT_BUSY);
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

/* Wipes are seen through the allocator's own leftovers: whatever malloc hands out of that size next. */
static void
test_freed_memory_holds_nothing(void **state)
{
	struct buf b = { 0 };

	(void)state;
	leaked = 0;
	watch = true;
	fill(&b, 3000);
	fill(&b, 30000);
	fill(&b, 300000);
	buf_take(&b, 100);
	buf_free(&b);
	assert_null(b.p);
	fill(&b, 3000);
	buf_take(&b, 3000);
	buf_shrink(&b, 4096);
	assert_non_null(b.p);
	buf_shrink(&b, 100);
	assert_null(b.p);
	watch = false;
	assert_int_equal(leaked, 0);
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

	(void)state;
	leaked = 0;
	assert_ok(scratch_init(&s, 1024, 1 << 20));
	memset(scratch_alloc(&s, 1000), 0x5a, 1000);
	memset(scratch_alloc(&s, 5000), 0x5a, 5000);
	watch = true;
	scratch_reset(&s, true);
	assert_int_equal(leaked, 0);
	assert_int_equal(count_in(s.base, s.size), 0);
	memset(scratch_alloc(&s, 1000), 0x5a, 1000);
	memset(scratch_alloc(&s, 5000), 0x5a, 5000);
	scratch_free(&s);
	watch = false;
	assert_int_equal(leaked, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_append_and_take),	       cmocka_unit_test(test_reserve),
		cmocka_unit_test(test_truncate_wipes),	       cmocka_unit_test(test_moving_down_wipes),
		cmocka_unit_test(test_freed_memory_holds_nothing), cmocka_unit_test(test_shrink_keeps_what_is_held),
		cmocka_unit_test(test_scratch),		       cmocka_unit_test(test_scratch_limit),
		cmocka_unit_test(test_scratch_wipes),
	};

	return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
