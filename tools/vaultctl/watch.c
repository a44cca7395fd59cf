/*
 * metrics: the daemon's numbers. watch: its events, until a signal or the daemon ends it.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "protocol/codec.h"
#include "protocol/text.h"
#include "protocol/value.h"
#include "tools/vaultctl/command.h"
#include "tools/vaultctl/json.h"
#include "tools/vaultctl/show.h"
#include "tools/vaultctl/units.h"

int
run_metrics(struct ctl *ctl, struct args *args)
{
	struct cursor result = { NULL, NULL }, value;
	struct vault *vault;
	struct vault_text text;
	int status = command_ask(ctl, args, &vault, &result);

	if (status == CTL_DONE && ctl->format == CTL_JSON)
		json_print(stdout, &result, args->row->result(), false);
	else if (status == CTL_DONE && show_entry(result, "text", &value) &&
		 cursor_str(&value, &text))
		fwrite(text.p, 1, text.len, stdout);
	else if (status == CTL_DONE)
		status = ctl_local(ctl, "the daemon's answer holds no text");
	vault_close(vault);
	return status;
}

/* The names of the contract have no byte that would steer a terminal; what is newer may. */
static void
put_column(struct vault_text t, int width)
{
	int n = 0;

	if (t.len == 0)
		t = TEXT_LITERAL("-");
	for (; n < (int)t.len; n++)
		putchar((unsigned char)t.p[n] < 0x20 || t.p[n] == 0x7f ? '?' : t.p[n]);
	printf("%*s", n < width ? width - n : 1, "");
}

static void
put_local_time(int64_t t)
{
	time_t seconds = (time_t)t;
	char text[UNIT_TEXT_MAX];
	struct tm tm;

	if (localtime_r(&seconds, &tm) == NULL ||
	    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm) == 0)
		snprintf(text, sizeof text, "%" PRId64, t);
	printf("%s  ", text);
}

static void
put_details(const struct vault_event_item *event)
{
	char duration[UNIT_TEXT_MAX];

	if (event->method.len > 0)
		put_column(event->method, 0);
	if (event->class_.len > 0) {
		fputs("class ", stdout);
		put_column(event->class_, 0);
	}
	if (event->count.set)
		printf("%" PRId64 " times ", event->count.v);
	if (event->seconds.set) {
		unit_show_duration(duration, event->seconds.v);
		printf("within %s ", duration);
	}
	if (event->retry_after_ms.set) {
		unit_show_duration(duration, (event->retry_after_ms.v + 999) / 1000);
		printf("for %s ", duration);
	}
	if (event->suppressed.set)
		printf("(%" PRId64 " alerts before it were held back) ", event->suppressed.v);
	if (event->missed.set)
		printf("(%" PRId64 " events before it were missed)", event->missed.v);
}

static void
print_event(const struct ctl *ctl, const struct vault_event_item *event)
{
	struct buf encoded = { 0 };
	struct codec_writer writer = { .out = &encoded };
	struct cursor c;

	if (ctl->format == CTL_JSON) {
		codec_write(&writer, event_item_type(), event);
		c = (struct cursor){ buf_data(&encoded), buf_data(&encoded) + buf_len(&encoded) };
		if (!writer.failed)
			json_print_value(stdout, &c, -1);
		buf_free(&encoded);
	} else {
		put_local_time(event->time);
		put_column(event->kind, 18);
		put_column(event->tenant, 16);
		put_column(event->principal, 12);
		put_details(event);
	}
	putchar('\n');
	fflush(stdout);
}

/* Prints what has come; *ended where no more will. */
static int
print_events(const struct ctl *ctl, struct vault *vault, bool *ended)
{
	struct vault_event_item event;

	while (!*ended) {
		if (vault_next_event(vault, 0, &event) != VAULT_OK)
			return ctl_failed(ctl, vault, NULL);
		if (event.kind.p == NULL)
			return CTL_DONE;
		print_event(ctl, &event);
		*ended = text_is(event.kind, "watch_ended") || ferror(stdout) != 0;
	}
	return ferror(stdout) != 0
		       ? CTL_DONE
		       : ctl_local(ctl, "the right to watch was taken; nothing more will come");
}

/* Until one of the signals, whose descriptor that is. */
static int
follow(const struct ctl *ctl, struct vault *vault, int signals)
{
	bool ended = false;
	int status = CTL_DONE;

	while (status == CTL_DONE && !ended) {
		struct pollfd fds[] = { { .fd = vault_fd(vault), .events = POLLIN },
					{ .fd = signals, .events = POLLIN } };

		/* What came with the answer stands in the handle already. */
		status = print_events(ctl, vault, &ended);
		if (status != CTL_DONE || ended)
			break;
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return ctl_local(ctl, "cannot wait for events: %s", strerror(errno));
		ended = (fds[1].revents & POLLIN) != 0;
	}
	return status;
}

int
run_watch(struct ctl *ctl, struct args *args)
{
	struct cursor result = { NULL, NULL };
	struct vault *vault;
	int status = command_ask(ctl, args, &vault, &result);
	int signals = -1;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	if (status == CTL_DONE) {
		sigprocmask(SIG_BLOCK, &set, NULL);
		signals = signalfd(-1, &set, SFD_CLOEXEC);
		if (signals < 0)
			status = ctl_local(ctl, "cannot wait for signals: %s", strerror(errno));
	}
	if (status == CTL_DONE) {
		ctl_note(ctl, "watching; Ctrl-C ends it");
		status = follow(ctl, vault, signals);
	}
	vault_close(vault);
	if (signals >= 0)
		close(signals);
	return status;
}
