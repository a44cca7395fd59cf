#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "vaultd/base/clock.h"
#include "vaultd/base/log.h"

#define LINE_MAX 1024

/* What stderr got while the log wrote one line of text at a level. */
static size_t
logged(enum log_level level, const char *text, char out[static LINE_MAX * 2])
{
	int ends[2], saved = dup(STDERR_FILENO);
	ssize_t n;

	assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
	dup2(ends[1], STDERR_FILENO);
	log_line(level, "%s", text);
	dup2(saved, STDERR_FILENO);
	n = read(ends[0], out, LINE_MAX * 2 - 1);
	close(ends[0]);
	close(ends[1]);
	close(saved);
	out[n < 0 ? 0 : n] = '\0';
	return n < 0 ? 0 : (size_t)n;
}

static void
test_prefix_and_level(void **state)
{
	char out[LINE_MAX * 2];

	(void)state;
	unsetenv("JOURNAL_STREAM");
	log_open(LOG_LEVEL_INFO);
	logged(LOG_LEVEL_INFO, "started", out);
	assert_string_equal(out, "vaultd: info: started\n");
	assert_int_equal(logged(LOG_LEVEL_DEBUG, "dropped", out), 0);
	setenv("JOURNAL_STREAM", "8:1", 1);
	log_open(LOG_LEVEL_DEBUG);
	logged(LOG_LEVEL_WARNING, "jump", out);
	assert_string_equal(out, "<4>jump\n");
	logged(LOG_LEVEL_DEBUG, "detail", out);
	assert_string_equal(out, "<7>detail\n");
	unsetenv("JOURNAL_STREAM");
	log_open(LOG_LEVEL_INFO);
}

/* No text can start a line of its own or reach a terminal's control sequences. */
static void
test_escapes(void **state)
{
	char out[LINE_MAX * 2];

	(void)state;
	logged(LOG_LEVEL_ERROR, "a\nvaultd: b\x1b[2J\x7f\xc2\x9b", out);
	assert_string_equal(out, "vaultd: error: a\\x0avaultd: b\\x1b[2J\\x7f\\xc2\\x9b\n");
}

static void
test_truncates(void **state)
{
	char text[3000], out[LINE_MAX * 2];
	size_t n;

	(void)state;
	for (int fill = 0; fill < 2; fill++) {
		memset(text, fill == 0 ? 'x' : '\n', sizeof text - 1);
		text[sizeof text - 1] = '\0';
		n = logged(LOG_LEVEL_ERROR, text, out);
		assert_in_range(n, LINE_MAX - 4, LINE_MAX);
		assert_int_equal(out[n - 1], '\n');
		assert_ptr_equal(strchr(out, '\n'), out + n - 1);
	}
}

static void
test_keeps_errno(void **state)
{
	int saved = dup(STDERR_FILENO), kept;

	(void)state;
	close(STDERR_FILENO);
	errno = ENOSPC;
	log_line(LOG_LEVEL_ERROR, "nowhere to go");
	kept = errno;
	dup2(saved, STDERR_FILENO);
	close(saved);
	assert_int_equal(kept, ENOSPC);
}

static void
test_clock(void **state)
{
	struct clock_now a = clock_read(), b = clock_read();

	(void)state;
	assert_true(a.wall > 1700000000);
	assert_int_equal(a.wall_ns / 1000000000, a.wall);
	assert_true(a.boot_ms > 0 && b.boot_ms >= a.boot_ms && b.boot_ms - a.boot_ms < 60000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prefix_and_level),
		cmocka_unit_test(test_escapes),
		cmocka_unit_test(test_truncates),
		cmocka_unit_test(test_keeps_errno),
		cmocka_unit_test(test_clock),
	};

	return cmocka_run_group_tests_name("log and clock", tests, NULL, NULL);
}
