#include "tools/vaultctl/bar.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "protocol/text.h"
#include "tools/vaultctl/units.h"

#define WIDTH 24 /* characters between the brackets */
#define CLEAR "\r\033[K"
#define LARGEST 1e15 /* shown of a rate or of seconds */
#define LEFT_MAX (UNIT_TEXT_MAX + 8)
#define AMOUNT_MAX 320 /* bytes of "1200 of 3500 rows  400 rows/s" */

int64_t
bar_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Bytes are shown rounded, anything else is counted. */
static void
show_amount(const struct bar *bar, uint64_t n, char out[static UNIT_TEXT_MAX])
{
	if (bar->unit[0] == '\0')
		unit_show_bytes(out, n);
	else
		snprintf(out, UNIT_TEXT_MAX, "%" PRIu64, n);
}

/* A daemon may tell of any numbers. */
static int64_t
whole(double v)
{
	return v < LARGEST ? (int64_t)v : (int64_t)LARGEST;
}

static uint64_t
per_second(uint64_t n, int64_t spent_ms)
{
	return (uint64_t)whole((double)n * 1000 / (double)(spent_ms > 0 ? spent_ms : 1));
}

/* "1200 of 3500 rows  400 rows/s" */
static void
counted(const struct bar *bar, const struct bar_at *at, int64_t spent_ms,
	char out[static AMOUNT_MAX])
{
	char done[UNIT_TEXT_MAX], total[UNIT_TEXT_MAX], rate[UNIT_TEXT_MAX];
	uint64_t fresh = at->done > bar->before ? at->done - bar->before : 0;
	const char *unit = bar->unit;

	show_amount(bar, at->done, done);
	show_amount(bar, at->total, total);
	show_amount(bar, per_second(fresh, spent_ms), rate);
	snprintf(out, AMOUNT_MAX, "%s%s%s%s%s  %s%s%s/s", done, at->total > 0 ? " of " : "",
		 at->total > 0 ? total : "", unit[0] != '\0' ? " " : "", unit, rate,
		 unit[0] != '\0' ? " " : "", unit);
}

static void
passed(const struct bar_at *at, int64_t spent_ms, char out[static AMOUNT_MAX])
{
	char size[UNIT_TEXT_MAX], rate[UNIT_TEXT_MAX];

	unit_show_bytes(size, at->bytes);
	unit_show_bytes(rate, per_second(at->bytes, spent_ms));
	snprintf(out, AMOUNT_MAX, "%s  %s/s", size, rate);
}

/* By the rate so far; nothing where that says nothing yet. */
static void
time_left(const struct bar *bar, const struct bar_at *at, int64_t spent_ms,
	  char out[static LEFT_MAX])
{
	double fresh = at->done > bar->before ? (double)(at->done - bar->before) : 0;
	char duration[UNIT_TEXT_MAX];

	out[0] = '\0';
	if (fresh <= 0 || at->done >= at->total)
		return;
	unit_show_duration(duration,
			   whole((double)spent_ms * (double)(at->total - at->done) / fresh / 1000));
	snprintf(out, LEFT_MAX, "  left %s", duration);
}

void
bar_text(const struct bar *bar, const struct bar_at *given, int64_t spent_ms,
	 char out[static BAR_TEXT_MAX])
{
	static const char full[WIDTH + 1] = "########################";
	struct bar_at at = *given;
	char amount[AMOUNT_MAX], left[LEFT_MAX];
	const char *gap = bar->label[0] != '\0' ? "  " : "";
	int filled;

	if (at.total > 0 && at.done > at.total)
		at.done = at.total;
	if (at.bytes > 0)
		passed(&at, spent_ms, amount);
	else
		counted(bar, &at, spent_ms, amount);
	unit_show_duration(left, spent_ms / 1000);
	if (at.total == 0 && at.done == 0 && at.bytes == 0) {
		snprintf(out, BAR_TEXT_MAX, "%s%sworking, %s", bar->label, gap, left);
		return;
	}
	if (at.total == 0) {
		snprintf(out, BAR_TEXT_MAX, "%s%s%s  %s", bar->label, gap, amount, left);
		return;
	}
	filled = (int)((double)WIDTH * (double)at.done / (double)at.total);
	time_left(bar, &at, spent_ms, left);
	snprintf(out, BAR_TEXT_MAX, "%s%s[%.*s%*s] %3d%%  %s%s", bar->label, gap, filled, full,
		 WIDTH - filled, "", (int)(100.0 * (double)at.done / (double)at.total), amount,
		 left);
}

/* A line that is too long would go on in the next one, where no drawing takes it back. */
static void
draw(const struct bar *bar, const struct bar_at *at, const char *end)
{
	char text[BAR_TEXT_MAX];
	struct winsize size = { 0 };

	bar_text(bar, at, bar_now_ms() - bar->begun_ms, text);
	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 &&
	    size.ws_col <= sizeof text)
		text[size.ws_col - 1] = '\0';
	fprintf(stderr, CLEAR "%s%s", text, end);
}

/* Nothing that would steer a terminal. */
static void
copy_safe(struct vault_text from, char *to, size_t size)
{
	snprintf(to, size, "%.*s", (int)(from.len < size ? from.len : size - 1), from.p);
	for (char *p = to; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || (unsigned char)*p >= 0x7f)
			*p = '?';
}

void
bar_name(struct bar *bar, struct vault_text label, struct vault_text unit)
{
	copy_safe(label, bar->label, sizeof bar->label);
	copy_safe(unit, bar->unit, sizeof bar->unit);
}

void
bar_begin(struct bar *bar, bool shown, const char *label, const char *unit)
{
	*bar = (struct bar){ .shown = shown, .begun_ms = bar_now_ms() };
	bar->next_ms = bar->begun_ms + BAR_AFTER_MS;
	bar_name(bar, text_of(label == NULL ? "" : label), text_of(unit == NULL ? "" : unit));
}

void
bar_restart(struct bar *bar, uint64_t done)
{
	bar->begun_ms = bar_now_ms();
	bar->before = done;
}

void
bar_show(struct bar *bar, const struct bar_at *at)
{
	int64_t now = bar_now_ms();

	if (!bar->shown || now < bar->next_ms)
		return;
	bar->next_ms = now + BAR_PERIOD_MS;
	bar->drawn = true;
	draw(bar, at, "");
}

void
bar_finish(struct bar *bar, const struct bar_at *at)
{
	struct bar_at whole = *at;

	whole.done = whole.total = at->total > 0 ? at->total : 1;
	if (bar->shown)
		draw(bar, &whole, "\n");
	*bar = (struct bar){ 0 };
}

void
bar_hide(const struct bar *bar)
{
	if (bar->drawn)
		fputs(CLEAR, stderr);
}

void
bar_end(struct bar *bar)
{
	bar_hide(bar);
	*bar = (struct bar){ 0 };
}
