/* The systemd unit: the kernel's texts, well-formed and not. */
#include "vaultd/net/unit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "protocol/text.h"

#define UNTOUCHED "untouched"

/* The unit that the text names; UNTOUCHED where it names none. Copied, so that ASan sees its end. */
static const char *
unit_in(const void *text, size_t len)
{
	static char unit[UNIT_MAX + 1];
	char *copy = malloc(len > 0 ? len : 1);

	assert_non_null(copy);
	memcpy(copy, text, len);
	memcpy(unit, UNTOUCHED, sizeof UNTOUCHED);
	if (!unit_parse_cgroup((struct vault_text){ copy, len }, unit))
		assert_string_equal(unit, UNTOUCHED);
	free(copy);
	return unit;
}

#define assert_unit(text, name) assert_string_equal(unit_in((text), sizeof(text) - 1), (name))
#define assert_no_unit(text) assert_unit((text), UNTOUCHED)

static void
test_units(void **state)
{
	(void)state;
	assert_unit("0::/system.slice/lms.service\n", "lms.service");
	assert_unit("12:cpu,cpuacct:/user.slice\n1:name=systemd:/\n0::/system.slice/a.service\n",
		    "a.service");
	assert_unit("0::/system.slice/a.service\n3:pids:/x\n", "a.service");
	assert_unit("0::/system.slice/x.service\n", "x.service");
	assert_unit("0::/system.slice/A-b_c:d.0@e\\x2df.service\n", "A-b_c:d.0@e\\x2df.service");
	assert_unit("0::/system.slice/a.service.service\n", "a.service.service");
	/* As the cgroup is named, not as systemd would read it. */
	assert_unit("0::/system.slice/_cpu.service\n", "_cpu.service");
}

static void
test_other_places(void **state)
{
	(void)state;
	assert_no_unit("");
	assert_no_unit("\n");
	assert_no_unit("0::/\n");
	assert_no_unit("0::\n");
	assert_no_unit("0::/system.slice\n");
	assert_no_unit("0::/system.slice/\n");
	assert_no_unit("0::/system.slice//a.service\n");
	assert_no_unit("0::/system.slice/a.service/\n");
	assert_no_unit("0::/system.slice/a.service/b.service\n");
	assert_no_unit("0::/system.slice/system-a.slice/a@b.service\n");
	assert_no_unit("0::/system.slice/../system.slice/a.service\n");
	assert_no_unit("0::/../system.slice/a.service\n");
	assert_no_unit("0::/x/system.slice/a.service\n");
	assert_no_unit("0::system.slice/a.service\n");
	assert_no_unit("0:://system.slice/a.service\n");
	assert_no_unit("0::/System.slice/a.service\n");
	assert_no_unit("0::/system.slice/a.SERVICE\n");
	assert_no_unit("0::/user.slice/user-1000.slice/user@1000.service\n");
	assert_no_unit("0::/user.slice/user-1000.slice/user@1000.service/app.slice/a.service\n");
	assert_no_unit("0::/user.slice/a.service\n");
	assert_no_unit("0::/a.service\n");
}

static void
test_other_names(void **state)
{
	(void)state;
	assert_no_unit("0::/system.slice/.service\n");
	assert_no_unit("0::/system.slice/service\n");
	assert_no_unit("0::/system.slice/a.services\n");
	assert_no_unit("0::/system.slice/a.scope\n");
	assert_no_unit("0::/system.slice/a.socket\n");
	assert_no_unit("0::/system.slice/a.slice\n");
	/* What the kernel writes behind a cgroup that was removed. */
	assert_no_unit("0::/system.slice/a.service (deleted)\n");
	assert_no_unit("0::/system.slice/a b.service\n");
	assert_no_unit("0::/system.slice/a.service \n");
	assert_no_unit("0::/system.slice/ a.service\n");
	assert_no_unit("0::/system.slice/a.service\r\n");
	assert_no_unit("0::/system.slice/a.service\0\n");
	assert_no_unit("0::/system.slice/a\0.service\n");
	assert_no_unit("0::/system.slice/\xd0\xb0.service\n");
	assert_no_unit("0::/system.slice/a\x7f.service\n");
	assert_no_unit("0::/system.slice/*.service\n");
	assert_no_unit("0::/system.slice/a%2e.service\n");
}

/* Version 1 hierarchies are whoever's mounted them; only "0::" at the beginning of a line counts. */
static void
test_other_lines(void **state)
{
	(void)state;
	assert_no_unit("1:name=systemd:/system.slice/a.service\n");
	assert_no_unit("1:name=systemd:/system.slice/a.service\n0::/\n");
	assert_no_unit("0:cpu:/system.slice/a.service\n");
	assert_no_unit("10::/system.slice/a.service\n");
	assert_no_unit("00::/system.slice/a.service\n");
	assert_no_unit(" 0::/system.slice/a.service\n");
	assert_no_unit("\0000::/system.slice/a.service\n");
	assert_no_unit("1:cpu:/x0::/system.slice/a.service\n");
	assert_no_unit("1:cpu:/x\r0::/system.slice/a.service\n");
	assert_no_unit("0::/system.slice/a.service");
	assert_no_unit("0::/system.slice/a.service\n1:cpu:/cut of");
	assert_no_unit("0::/system.slice/a.service\n0::/system.slice/b.service\n");
	assert_no_unit("0::/system.slice/a.service\n0::/system.slice/a.service\n");
}

/* There is one unified hierarchy: two lines, whatever they say, are no text of the kernel's. */
static void
test_two_unified_lines(void **state)
{
	(void)state;
	assert_no_unit("0::/user.slice\n0::/system.slice/a.service\n");
	assert_no_unit("0::/system.slice/a.service\n0::/\n");
}

static void
test_lengths(void **state)
{
	char text[UNIT_MAX + 64];

	(void)state;
	for (size_t len = UNIT_MAX - 1; len <= UNIT_MAX + 2; len++) {
		int head = snprintf(text, sizeof text, "0::/system.slice/");
		char *name = text + head;

		memset(name, 'n', len);
		memcpy(name + len - 8, ".service", 8);
		name[len] = '\n';
		if (len <= UNIT_MAX)
			assert_int_equal(strlen(unit_in(text, (size_t)head + len + 1)), len);
		else
			assert_string_equal(unit_in(text, (size_t)head + len + 1), UNTOUCHED);
	}
}

/* Every text that is one byte off: no crash, and no unit but those asked for. */
static void
test_every_byte(void **state)
{
	static const char good[] = "5:pids:/a\n0::/system.slice/lms.service\n";
	char text[sizeof good];

	(void)state;
	for (size_t len = 0; len < sizeof good - 1; len++)
		assert_string_equal(unit_in(good, len), UNTOUCHED);
	for (size_t i = 0; i < sizeof good - 1; i++) {
		for (int c = 0; c < 256; c++) {
			const char *unit;

			memcpy(text, good, sizeof good);
			text[i] = (char)c;
			unit = unit_in(text, sizeof good - 1);
			assert_true(strcmp(unit, UNTOUCHED) == 0 ||
				    (strlen(unit) == 11 && strcmp(unit + 3, ".service") == 0));
		}
	}
}

static void
test_pids(void **state)
{
	static const struct {
		const char *text;
		bool good;
		int32_t pid;
	} cases[] = {
		{ "pos:\t0\nflags:\t02000002\nmnt_id:\t4\nPid:\t1234\nNSpid:\t1234\t7\n", true,
		  1234 },
		{ "Pid:\t-1\nNSpid:\t-1\n", true, -1 },
		{ "Pid:\t0\n", true, 0 },
		{ "Pid:\t2147483647\n", true, INT32_MAX },
		{ "Pid:\t2147483648\n", false, 0 },
		{ "Pid:\t18446744073709551617\n", false, 0 },
		{ "Pid:\t99999999999999999999999999999999999999\n", false, 0 },
		{ "Pid:\t-2\n", false, 0 },
		{ "Pid:\t+1\n", false, 0 },
		{ "Pid:\t 1\n", false, 0 },
		{ "Pid:\t1 \n", false, 0 },
		{ "Pid:\t1x\n", false, 0 },
		{ "Pid:\t0x1\n", false, 0 },
		{ "Pid:\t\n", false, 0 },
		{ "Pid:\t", false, 0 },
		{ "Pid: 1\n", false, 0 },
		{ "Pid:1\n", false, 0 },
		{ "Pid:\t12", false, 0 }, /* cut, perhaps of 123 */
		{ "NSpid:\t1\n", false, 0 },
		{ "xPid:\t1\n", false, 0 },
		{ "Pid:\t1\nPid:\t2\n", false, 0 },
		{ "pos:\t0\n", false, 0 },
		{ "", false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int32_t pid = 77;

		assert_int_equal(unit_parse_pid(text_of(cases[i].text), &pid), cases[i].good);
		assert_int_equal(pid, cases[i].good ? cases[i].pid : 77);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_units),
		cmocka_unit_test(test_other_places),
		cmocka_unit_test(test_other_names),
		cmocka_unit_test(test_other_lines),
		cmocka_unit_test(test_two_unified_lines),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_pids),
	};

	return cmocka_run_group_tests_name("unit", tests, NULL, NULL);
}
