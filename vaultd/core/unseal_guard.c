#include "vaultd/core/unseal_guard.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "protocol/fields.h"

#define GUARD_FILE "unseal.failures"
#define GUARD_FILE_NEW "unseal.failures.new"
#define GUARD_FILE_MAX 512
#define LINE_LOCKED "locked "
#define LINE_FAILED "failed "
#define LINE_BOOT "boot "
#define BOOT_ID_TEXT_BYTES (sizeof LINE_BOOT + 2 * BOOT_ID_BYTES)

static void
boot_text(const uint8_t id[static BOOT_ID_BYTES], char text[static BOOT_ID_TEXT_BYTES])
{
	size_t len = (size_t)snprintf(text, BOOT_ID_TEXT_BYTES, LINE_BOOT);

	for (unsigned i = 0; i < BOOT_ID_BYTES; i++)
		len += (size_t)snprintf(text + len, BOOT_ID_TEXT_BYTES - len, "%02x", id[i]);
}

/*
 * The file: a line "boot ID", then "locked SECONDS MS" or "failed SECONDS MS" for each: seconds
 * since 1970, and milliseconds of the clock that nobody sets but that does not survive a boot. In
 * another boot, or where the line or MS is missing (an older build's file), the seconds count: a
 * wall clock that was moved can shorten a lock to nothing less than what is left of it, and
 * lengthen it to no more than a whole one.
 */
static int64_t
boot_time_of(int64_t wall, const struct clock_now *now, int64_t longest)
{
	/* The file may hold any number. */
	if (wall - longest / 1000 > now->wall)
		return now->boot_ms + longest;
	if (wall < now->wall - longest / 1000)
		return now->boot_ms - longest;
	return now->boot_ms + (wall - now->wall) * 1000;
}

/* Whether what follows counts in this boot's milliseconds. */
static bool
is_this_boot(const struct unseal_guard *guard, const char *line)
{
	static const uint8_t unknown[BOOT_ID_BYTES];
	char ours[BOOT_ID_TEXT_BYTES];

	boot_text(guard->boot_id, ours);
	return memcmp(guard->boot_id, unknown, sizeof unknown) != 0 && strcmp(line, ours) == 0;
}

/* A line's milliseconds; false where there are none that can be. */
static bool
take_boot_ms(const char *text, const struct clock_now *now, int64_t longest, int64_t *boot_ms)
{
	char *end;
	int64_t ms = strtoll(text, &end, 10);

	if (end == text || ms < 0)
		return false;
	*boot_ms = ms < now->boot_ms + longest ? ms : now->boot_ms + longest;
	return true;
}

static void
load_line(struct unseal_guard *guard, const char *line, const struct clock_now *now, bool same_boot)
{
	bool locked = strncmp(line, LINE_LOCKED, strlen(LINE_LOCKED)) == 0;
	bool failed = strncmp(line, LINE_FAILED, strlen(LINE_FAILED)) == 0;
	char *rest = NULL;
	int64_t wall = locked || failed ? strtoll(line + strlen(LINE_LOCKED), &rest, 10) : 0;
	int64_t boot_ms;

	wall = wall < 0 ? 0 : wall > TIME_MAX ? TIME_MAX : wall;
	if (same_boot && rest != NULL &&
	    take_boot_ms(rest, now, locked ? UNSEAL_LOCK_MS : 0, &boot_ms)) {
		if (locked)
			guard->locked_until = boot_ms;
		else if (guard->count < UNSEAL_FAILURES_MAX - 1)
			guard->failures[guard->count++] = boot_ms;
		return;
	}
	if (locked && wall > now->wall)
		guard->locked_until = boot_time_of(wall, now, UNSEAL_LOCK_MS);
	else if (failed && guard->count < UNSEAL_FAILURES_MAX - 1)
		guard->failures[guard->count++] =
			boot_time_of(wall < now->wall ? wall : now->wall, now, UNSEAL_WINDOW_MS);
}

void
unseal_guard_load(struct unseal_guard *guard, int dir, const uint8_t boot_id[static BOOT_ID_BYTES],
		  const struct clock_now *now)
{
	char text[GUARD_FILE_MAX + 1], *line, *rest = NULL;
	ssize_t n;
	bool same_boot = false;
	int fd;

	*guard = (struct unseal_guard){ .dir = dir };
	memcpy(guard->boot_id, boot_id, sizeof guard->boot_id);
	fd = openat(dir, GUARD_FILE, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	n = read(fd, text, GUARD_FILE_MAX);
	close(fd);
	text[n < 0 ? 0 : n] = '\0';
	for (line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
		same_boot |= is_this_boot(guard, line);
		load_line(guard, line, now, same_boot);
	}
}

static enum vault_err
write_file(int dir, const char *text, size_t len)
{
	int fd = openat(dir, GUARD_FILE_NEW, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool ok;

	if (fd < 0)
		return VAULT_INTERNAL;
	ok = write(fd, text, len) == (ssize_t)len && fdatasync(fd) == 0;
	close(fd);
	if (!ok || renameat(dir, GUARD_FILE_NEW, dir, GUARD_FILE) != 0 || fsync(dir) != 0)
		return VAULT_INTERNAL;
	return VAULT_OK;
}

static size_t
put_line(char *text, size_t size, const char *what, int64_t boot_ms, const struct clock_now *now)
{
	return (size_t)snprintf(text, size, "%s%" PRId64 " %" PRId64 "\n", what,
				now->wall + (boot_ms - now->boot_ms) / 1000, boot_ms);
}

static enum vault_err
guard_store(const struct unseal_guard *guard, const struct clock_now *now)
{
	char text[GUARD_FILE_MAX], boot[BOOT_ID_TEXT_BYTES];
	size_t len;

	boot_text(guard->boot_id, boot);
	len = (size_t)snprintf(text, sizeof text, "%s\n", boot);
	if (guard->locked_until > now->boot_ms)
		len += put_line(text + len, sizeof text - len, LINE_LOCKED, guard->locked_until,
				now);
	for (unsigned i = 0; i < guard->count; i++)
		len += put_line(text + len, sizeof text - len, LINE_FAILED, guard->failures[i],
				now);
	return write_file(guard->dir, text, len);
}

enum vault_err
unseal_guard_check(struct unseal_guard *guard, const struct clock_now *now, int64_t *retry_ms)
{
	if (guard->locked_until == 0)
		return VAULT_OK;
	if (now->boot_ms < guard->locked_until) {
		*retry_ms = guard->locked_until - now->boot_ms;
		return VAULT_LOCKED;
	}
	guard->locked_until = 0;
	guard->count = 0;
	return VAULT_OK;
}

enum vault_err
unseal_guard_failed(struct unseal_guard *guard, const struct clock_now *now)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < guard->count; i++)
		if (now->boot_ms - guard->failures[i] < UNSEAL_WINDOW_MS)
			guard->failures[kept++] = guard->failures[i];
	guard->failures[kept++] = now->boot_ms;
	guard->count = kept;
	if (kept >= UNSEAL_FAILURES_MAX) {
		guard->locked_until = now->boot_ms + UNSEAL_LOCK_MS;
		guard->count = 0;
	}
	return guard_store(guard, now);
}

enum vault_err
unseal_guard_succeeded(struct unseal_guard *guard)
{
	guard->count = 0;
	guard->locked_until = 0;
	return unlinkat(guard->dir, GUARD_FILE, 0) == 0 || errno == ENOENT ? VAULT_OK
									   : VAULT_INTERNAL;
}
