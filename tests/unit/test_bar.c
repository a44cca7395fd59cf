/* The line that tells how far something has got. */
#include "tools/vaultctl/bar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char *
text_of_bar(const char *label, const char *unit, uint64_t before, struct bar_at at, int64_t ms)
{
	static char text[BAR_TEXT_MAX];
	struct bar bar;

	bar_begin(&bar, false, label, unit);
	bar.before = before;
	bar_text(&bar, &at, ms, text);
	return text;
}

static void
counts_with_rate_and_time_left(void **state)
{
	(void)state;
	assert_string_equal(text_of_bar(NULL, "rows", 0, (struct bar_at){ 25, 100, 0 }, 5000),
			    "[######                  ]  25%  25 of 100 rows  5 rows/s  left 15s");
	assert_string_equal(
		text_of_bar("audit.verify", "segments", 0, (struct bar_at){ 0, 4, 0 }, 900),
		"audit.verify  [                        ]   0%  0 of 4 segments  0 segments/s");
	assert_string_equal(text_of_bar(NULL, "rows", 0, (struct bar_at){ 100, 100, 0 }, 1000),
			    "[########################] 100%  100 of 100 rows  100 rows/s");
}

static void
bytes_have_their_units(void **state)
{
	(void)state;
	assert_string_equal(
		text_of_bar(NULL, NULL, 0, (struct bar_at){ 1 << 20, 4 << 20, 0 }, 2000),
		"[######                  ]  25%  1.0 MiB of 4.0 MiB  512.0 KiB/s  left 6s");
	/* What is told of bytes beside records: how many there will be nobody knows. */
	assert_string_equal(text_of_bar(NULL, NULL, 0, (struct bar_at){ 1, 2, 3 << 20 }, 1000),
			    "[############            ]  50%  3.0 MiB  3.0 MiB/s  left 1s");
}

/* What was done before somebody looked took none of the time since. */
static void
rate_is_of_what_was_seen(void **state)
{
	(void)state;
	assert_string_equal(text_of_bar(NULL, "rows", 80, (struct bar_at){ 90, 100, 0 }, 10000),
			    "[#####################   ]  90%  90 of 100 rows  1 rows/s  left 10s");
	assert_string_equal(text_of_bar(NULL, "rows", 90, (struct bar_at){ 90, 100, 0 }, 10000),
			    "[#####################   ]  90%  90 of 100 rows  0 rows/s");
}

static void
unknown_total_tells_the_time(void **state)
{
	(void)state;
	assert_string_equal(text_of_bar("sys.rekey", NULL, 0, (struct bar_at){ 0 }, 63000),
			    "sys.rekey  working, 1m3s");
	assert_string_equal(text_of_bar(NULL, "rows", 0, (struct bar_at){ 7, 0, 0 }, 2000),
			    "7 rows  3 rows/s  2s");
}

/* Whatever a daemon says, the line keeps its form. */
static void
nonsense_stays_a_line(void **state)
{
	char label[2 * BAR_LABEL_MAX];

	(void)state;
	assert_string_equal(text_of_bar(NULL, "rows", 0, (struct bar_at){ 9, 3, 0 }, 1000),
			    "[########################] 100%  3 of 3 rows  3 rows/s");
	assert_string_equal(text_of_bar(NULL, "rows", 5, (struct bar_at){ 2, 4, 0 }, -1),
			    "[############            ]  50%  2 of 4 rows  0 rows/s");
	memset(label, 'x', sizeof label);
	label[sizeof label - 1] = '\0';
	assert_true(strlen(text_of_bar(label, NULL, 0,
				       (struct bar_at){ UINT64_MAX, UINT64_MAX, UINT64_MAX },
				       INT64_MAX)) < BAR_TEXT_MAX);
	text_of_bar(label, "rows", 0, (struct bar_at){ 1, INT64_MAX, 0 }, INT64_MAX);
}

/* What the program writes to stderr between fd's begin and end. */
static size_t
written(int *ends, char *out, size_t size)
{
	ssize_t n;

	close(ends[1]);
	n = read(ends[0], out, size - 1);
	close(ends[0]);
	out[n > 0 ? n : 0] = '\0';
	return n > 0 ? (size_t)n : 0;
}

static int
divert(int ends[2])
{
	int kept = dup(STDERR_FILENO);

	assert_int_equal(pipe(ends), 0);
	assert_true(kept >= 0 && dup2(ends[1], STDERR_FILENO) >= 0);
	return kept;
}

static void
restore(int kept)
{
	fflush(stderr);
	dup2(kept, STDERR_FILENO);
	close(kept);
}

static void
nobody_looking_sees_nothing(void **state)
{
	const struct bar_at at = { 1, 2, 0 };
	struct bar bar;
	char out[1024];
	int ends[2], kept = divert(ends);

	(void)state;
	bar_begin(&bar, false, NULL, "rows");
	bar.next_ms -= BAR_AFTER_MS;
	bar_show(&bar, &at);
	bar_hide(&bar);
	bar_finish(&bar, &at);
	bar_end(&bar);
	restore(kept);
	assert_int_equal(written(ends, out, sizeof out), 0);
}

static void
drawn_late_and_taken_back(void **state)
{
	const struct bar_at at = { 1, 2, 0 };
	struct bar bar;
	char out[1024];
	int ends[2], kept = divert(ends);

	(void)state;
	bar_begin(&bar, true, NULL, "rows");
	bar_show(&bar, &at); /* too early */
	assert_false(bar.drawn);
	bar.next_ms -= BAR_AFTER_MS;
	bar_show(&bar, &at);
	bar_show(&bar, &at); /* too soon after that */
	bar_end(&bar);
	bar_show(&bar, &at); /* has ended */
	bar_begin(&bar, true, NULL, "rows");
	bar_finish(&bar, &at);
	restore(kept);
	written(ends, out, sizeof out);
	assert_non_null(strstr(out, "50%"));
	assert_null(strstr(strstr(out, "50%") + 1, "50%"));
	assert_non_null(strstr(out, "\r\033[K\r\033[K["));
	assert_non_null(strstr(out, "100%"));
	assert_int_equal(out[strlen(out) - 1], '\n');
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_with_rate_and_time_left),
		cmocka_unit_test(bytes_have_their_units),
		cmocka_unit_test(rate_is_of_what_was_seen),
		cmocka_unit_test(unknown_total_tells_the_time),
		cmocka_unit_test(nonsense_stays_a_line),
		cmocka_unit_test(nobody_looking_sees_nothing),
		cmocka_unit_test(drawn_late_and_taken_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
