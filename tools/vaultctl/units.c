#include "tools/vaultctl/units.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct unit {
	char letter;
	int64_t seconds;
};

/* Largest first; 0 ends. */
static const struct unit units[] = {
	{ 'd', 86400 }, { 'h', 3600 }, { 'm', 60 }, { 's', 1 }, { 0, 0 }
};

bool
unit_int(const char *s, int64_t *v)
{
	char *end;
	long long n;

	if (!isdigit((unsigned char)s[s[0] == '-']))
		return false;
	errno = 0;
	n = strtoll(s, &end, 10);
	if (errno != 0 || *end != '\0')
		return false;
	*v = n;
	return true;
}

/* One "90d"; *s moves behind it. A number without a unit must be the last. */
static bool
duration_part(const char **s, int64_t *total)
{
	int64_t n, scale = 1, product;
	char *end;

	if (!isdigit((unsigned char)**s))
		return false;
	errno = 0;
	n = strtoll(*s, &end, 10);
	if (errno != 0)
		return false;
	if (*end != '\0') {
		const struct unit *unit = units;

		while (unit->letter != 0 && unit->letter != *end)
			unit++;
		if (unit->letter == 0)
			return false;
		scale = unit->seconds;
		end++;
	}
	*s = end;
	return !__builtin_mul_overflow(n, scale, &product) &&
	       !__builtin_add_overflow(*total, product, total);
}

bool
unit_duration(const char *s, int64_t *seconds)
{
	int64_t total = 0;

	do
		if (!duration_part(&s, &total))
			return false;
	while (*s != '\0');
	*seconds = total;
	return true;
}

static int
two_digits(const char *s)
{
	if (!isdigit((unsigned char)s[0]) || !isdigit((unsigned char)s[1]))
		return -1;
	return (s[0] - '0') * 10 + (s[1] - '0');
}

/* "Z", "+02:00" or "-02:00"; seconds east. */
static bool
zone(const char *s, int64_t *east)
{
	int hours, minutes;

	if (strcmp(s, "Z") == 0 || strcmp(s, "z") == 0) {
		*east = 0;
		return true;
	}
	if ((s[0] != '+' && s[0] != '-') || strlen(s) != 6 || s[3] != ':')
		return false;
	hours = two_digits(s + 1);
	minutes = two_digits(s + 4);
	if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59)
		return false;
	*east = (hours * 3600 + minutes * 60) * (s[0] == '-' ? -1 : 1);
	return true;
}

/* RFC 3339 section 5.6; a date alone is its midnight, UTC. */
static bool
rfc3339(const char *s, int64_t *seconds)
{
	struct tm tm = { 0 };
	int64_t east = 0;
	const char *rest = strptime(s, "%Y-%m-%d", &tm);

	if (rest == NULL)
		return false;
	if (*rest == 'T' || *rest == 't' || *rest == ' ') {
		rest = strptime(rest + 1, "%H:%M:%S", &tm);
		if (rest == NULL)
			return false;
		if (*rest == '.')
			rest += 1 + strspn(rest + 1, "0123456789");
		if (!zone(rest, &east))
			return false;
	} else if (*rest != '\0') {
		return false;
	}
	*seconds = timegm(&tm) - east;
	return true;
}

bool
unit_time(const char *s, int64_t now, int64_t *seconds)
{
	int64_t d;

	if (strcmp(s, "now") == 0) {
		*seconds = now;
		return true;
	}
	if (s[0] == '-' || s[0] == '+') {
		if (!unit_duration(s + 1, &d))
			return false;
		*seconds = s[0] == '-' ? now - d : now + d;
		return true;
	}
	return unit_int(s, seconds) || rfc3339(s, seconds);
}

void
unit_show_duration(char out[static UNIT_TEXT_MAX], int64_t seconds)
{
	int parts = 0, used = 0;

	if (seconds <= 0) {
		snprintf(out, UNIT_TEXT_MAX, "0s");
		return;
	}
	for (const struct unit *unit = units; unit->letter != 0 && parts < 2; unit++) {
		int64_t n = seconds / unit->seconds;

		if (n == 0 && parts == 0)
			continue;
		parts++;
		if (n > 0)
			used += snprintf(out + used, UNIT_TEXT_MAX - (size_t)used, "%" PRId64 "%c",
					 n, unit->letter);
		seconds %= unit->seconds;
	}
}

void
unit_show_age(char out[static UNIT_TEXT_MAX], int64_t t, int64_t now)
{
	int64_t apart = t < now ? now - t : t - now;
	const struct unit *unit = units;

	if (apart == 0) {
		snprintf(out, UNIT_TEXT_MAX, "now");
		return;
	}
	while (apart < unit->seconds)
		unit++;
	snprintf(out, UNIT_TEXT_MAX, t < now ? "%" PRId64 "%c ago" : "in %" PRId64 "%c",
		 apart / unit->seconds, unit->letter);
}

void
unit_show_time(char out[static UNIT_TEXT_MAX], int64_t t)
{
	time_t seconds = (time_t)t;
	struct tm tm;

	if (gmtime_r(&seconds, &tm) == NULL ||
	    strftime(out, UNIT_TEXT_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		snprintf(out, UNIT_TEXT_MAX, "%" PRId64, t);
}

void
unit_show_bytes(char out[static UNIT_TEXT_MAX], uint64_t bytes)
{
	static const char *const names[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double shown = (double)bytes;
	unsigned i = 0;

	while (shown >= 1024 && i + 1 < sizeof names / sizeof names[0]) {
		shown /= 1024;
		i++;
	}
	snprintf(out, UNIT_TEXT_MAX, i == 0 ? "%.0f %s" : "%.1f %s", shown, names[i]);
}
